// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestRoutesAreThoseThatTheOperatorMakes holds what becomes of a VMUser against
// what genURLMaps and genUserCfg of factory/vmauth/vmusers_config.go make of it.
func TestRoutesAreThoseThatTheOperatorMakes(t *testing.T) {
	plane := &DataPlane{bodies: map[bodyKey]body{}, proxy: &Proxy{routes: map[string][]string{
		"vmselect-a.ns.svc:8481": {"127.0.0.1:1"},
	}}}
	for name, port := range map[string]int{"a": 1, "b": 2} {
		plane.bodies[bodyKey{kind: "VMCluster", namespace: "ns", name: name}] = &zone{parts: []*zonePart{
			{name: "vmselect", front: newFront(port, 9)}, {name: "vminsert", front: newFront(port+10, 9)},
		}}
	}
	const a = `{crd: {kind: VMCluster/vmselect, name: a, namespace: ns}}`
	for name, test := range map[string]struct{ spec, want string }{
		"a single reference leads everywhere": {
			`{bearerToken: t, targetRefs: [` + a + `]}`,
			`{bearer_token: t, url_prefix: ["http://127.0.0.1:1"]}`,
		},
		"so it does with the path that means all": {
			`{username: u, password: p, targetRefs: [{paths: ["/.*"], crd: {kind: VMCluster/vmselect, name: a, namespace: ns}, load_balancing_policy: first_available}]}`,
			`{username: u, password: p, url_prefix: ["http://127.0.0.1:1"], load_balancing_policy: first_available}`,
		},
		"several are routes, in their order": {
			`{targetRefs: [{crd: {kind: VMCluster/vmselect, name: b, namespace: ns}}, ` + a + `, {crd: {kind: VMCluster/vminsert, name: b, namespace: ns}}]}`,
			`{username: me, url_map: [
				{url_prefix: ["http://127.0.0.1:2"], src_paths: ["/select/.*", "/admin/.*"]},
				{url_prefix: ["http://127.0.0.1:1"], src_paths: ["/select/.*", "/admin/.*"]},
				{url_prefix: ["http://127.0.0.1:12"], src_paths: ["/insert/.*"]}]}`,
		},
		"objects are backends of one route": {
			`{bearerToken: t, retry_status_codes: [502], targetRefs: [{crd: {kind: VMCluster/vmselect, objects: [{name: a, namespace: ns}, {name: b, namespace: ns}]}, target_path_suffix: "/select/0"}]}`,
			`{bearer_token: t, retry_status_codes: [502], url_prefix: ["http://127.0.0.1:1/select/0", "http://127.0.0.1:2/select/0"]}`,
		},
		"a static URL leads to the front of its Service": {
			`{bearerToken: t, targetRefs: [{paths: ["/x", "/y"], hosts: [h], static: {urls: ["http://vmselect-a.ns.svc:8481/q?z=1", "http://elsewhere:80"]}, query_args: [{name: k, values: [v]}]}]}`,
			`{bearer_token: t, url_map: [{src_paths: ["/x", "/y"], src_hosts: [h], url_prefix: ["http://127.0.0.1:1/q?k=v&z=1", "http://elsewhere:80?k=v"]}]}`,
		},
		"a name picks a default, which own fields override": {
			`{bearerToken: t, targetRefs: [{name: d, paths: ["/own"]}]}`,
			`{bearer_token: t, url_map: [{url_prefix: ["http://127.0.0.1:2"], src_paths: ["/own"]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			user := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "me"}, "spec": parsed(t, test.spec)}}
			defaults := []map[string]any{parsed(t, `{name: d, paths: ["/default"], crd: {kind: VMCluster/vmselect, name: b, namespace: ns}}`)}
			got, err := plane.routesOf(user, defaults)
			must(t, err)
			raw, err := yaml.Marshal(got)
			must(t, err)
			want, err := yaml.Marshal(parsed(t, test.want))
			must(t, err)
			if string(raw) != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", raw, want)
			}
		})
	}
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var result map[string]any
	must(t, yaml.Unmarshal([]byte(strings.ReplaceAll(text, "\t", " ")), &result))
	return result
}
