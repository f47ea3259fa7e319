// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// zone returns a VMCluster with a spec.
func zone(t *testing.T, name, spec string) Cluster {
	t.Helper()
	return Cluster{Namespace: "monitoring", Name: name, Spec: mapFromYAML(t, spec)}
}

func vmuser(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	return fromYAML(t, "kind: VMUser\nmetadata: {name: reader, namespace: monitoring, resourceVersion: \"7\"}\nspec:\n"+indent(spec))
}

func staticUser(t *testing.T, url string) *unstructured.Unstructured {
	t.Helper()
	return vmuser(t, fmt.Sprintf("targetRefs: [{static: {url: %q}}]", url))
}

func TestReadRoutesFindsEveryPlace(t *testing.T) {
	zones := []Cluster{zone(t, "zone-a", "vmselect: {}"), zone(t, "zone-b", "vmselect: {}")}
	user := vmuser(t, `
targetRefs:
- crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring}
- crd: {kind: VMCluster/vmselect, name: zone-a, namespace: elsewhere}
- crd: {kind: VMCluster/vminsert, name: zone-a, namespace: monitoring}
- crd: {kind: VMCluster/vmselect, name: "", namespace: "", objects: [{name: zone-c, namespace: monitoring}, {name: zone-b, namespace: monitoring}]}
- crd: {kind: VMCluster/vmselect, name: zone-b, objects: [{name: zone-a}]}
- static: {urls: ["http://vmselect-zone-b.monitoring.svc:8481/select/0", "http://vminsert-zone-a:8480"]}
- name: read
  paths: [/x]
`)
	for what, check := range map[string]struct {
		find func(*unstructured.Unstructured, []Cluster) ([]ReadRoute, error)
		want []ReadRoute
	}{
		"reads": {ReadRoutes, []ReadRoute{
			{"zone-a", "spec.targetRefs[0].crd"},
			{"zone-b", "spec.targetRefs[3].crd.objects[1]"},
			{"zone-b", "spec.targetRefs[4].crd"},
			{"zone-a", "spec.targetRefs[4].crd.objects[0]"},
			{"zone-b", "spec.targetRefs[5].static.urls[0]"},
		}},
		"writes": {WriteRoutes, []ReadRoute{
			{"zone-a", "spec.targetRefs[2].crd"},
			{"zone-a", "spec.targetRefs[5].static.urls[1]"},
		}},
	} {
		have, err := check.find(user, zones)
		if err != nil || !slices.Equal(have, check.want) {
			t.Errorf("%s are %v, error %v, want %v", what, have, err, check.want)
		}
	}
}

func TestReadRoutesKnowsEveryFormOfAHost(t *testing.T) {
	a := zone(t, "a", "vmselect: {serviceSpec: {metadata: {name: reads}}}")
	for url, want := range map[string]bool{
		"http://vmselect-a": true,
		"https://u:p@vmselect-a:8481/select/0/prometheus?x=y":         true,
		"http://VMSELECT-A.Monitoring.":                               true,
		"http://vmselect-a.monitoring.svc:1":                          true,
		"http://vmselect-a.monitoring.svc.cluster.local":              true,
		"http://vmselect-a.monitoring.svc.k8s.example.com":            true,
		"http://vmselect-a-0.vmselect-a":                              true,
		"http://vmselect-a-12.vmselectinternal-a.monitoring.svc:8481": true,
		"http://srv+vmselectinternal-a.monitoring.svc:8481":           true,
		"http://srv+_http._tcp.vmselect-a.monitoring.svc":             true,
		"http://a-vmselect.monitoring.svc":                            true,
		"http://a-vmselect-internal.monitoring.svc":                   true,
		"http://vmclusterlb-a.monitoring.svc:8427":                    true,
		"http://a-vmclusterlb:8427/select/0":                          true,
		"http://vmclusterlb-a:8427/insert/0":                          false,
		"http://vmselect-a-additional-service":                        true,
		"http://reads.monitoring.svc":                                 true,
		"http://reads.elsewhere.svc":                                  false,
		"http://vmselect-a.elsewhere":                                 false,
		"http://vmselect-a.monitoring.example.com":                    false,
		"http://vmselect-ab":                                          false,
		"http://x.y.vmselect-a.monitoring.svc":                        false,
		"http://vminsert-a":                                           false,
		"http://vmselect-b.monitoring.svc/vmselect-a.monitoring.svc":  false,
		"http://vmselect-b.monitoring.svc?u=http://vmselect-a":        false,
		"http://vmselect-a@vmselect-b":                                false,
		"http://metrics.example.com":                                  false,
		"http://10.0.0.1:8481":                                        false,
		"http://[::1]:8481":                                           false,
	} {
		have, err := ReadRoutes(staticUser(t, url), []Cluster{a})
		if err != nil || (len(have) == 1) != want {
			t.Errorf("%s: routes are %v, error %v, want one: %t", url, have, err, want)
		}
	}
}

func TestPathsTellWhatGoesThroughALoadBalancer(t *testing.T) {
	a := zone(t, "a", "requestsLoadBalancer: {enabled: true}")
	for target, want := range map[string]string{
		`{paths: [/insert/.*]}`:                                  "writes",
		`{paths: [/select/.*, /admin/.*]}`:                       "reads",
		`{paths: [/select/.*, /insert/.*]}`:                      "reads writes",
		`{}`:                                                     "reads writes",
		`{target_path_suffix: /insert/0}`:                        "writes",
		`{target_path_suffix: /select/0}`:                        "reads",
		`{paths: [/insert/.*], drop_src_path_prefix_parts: 1}`:   "reads writes",
		`{paths: [/api/v1/query], target_path_suffix: /select/}`: "reads",
	} {
		user := vmuser(t, "targetRefs: ["+target+"]")
		object(targetRefsOf(user)[0])["static"] = map[string]any{"url": "http://vmclusterlb-a:8427"}
		var have []string
		if reads, _ := ReadRoutes(user, []Cluster{a}); len(reads) > 0 {
			have = append(have, "reads")
		}
		if writes, _ := WriteRoutes(user, []Cluster{a}); len(writes) > 0 {
			have = append(have, "writes")
		}
		if strings.Join(have, " ") != want {
			t.Errorf("%s: %v, want %s", target, have, want)
		}
	}
}

func TestReadRoutesNamesWhatItCannotRead(t *testing.T) {
	for want, spec := range map[string]string{
		"spec.targetRefs must be of type array":                    "{targetRefs: {}}",
		"spec.targetRefs[0] must be of type object":                "{targetRefs: [a]}",
		"spec.targetRefs[1].static must be of type object":         "{targetRefs: [{}, {static: a}]}",
		"spec.targetRefs[0].static.url must be of type string":     "{targetRefs: [{static: {url: 1}}]}",
		"spec.targetRefs[0].static.urls[1] must be of type string": "{targetRefs: [{static: {urls: [a, 1]}}]}",
		"spec.targetRefs[0].crd.objects[0].name must be of type":   "{targetRefs: [{crd: {kind: VMCluster/vmselect, objects: [{name: 1}]}}]}",
	} {
		_, err := ReadRoutes(vmuser(t, spec), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "VMUser monitoring/reader") {
			t.Errorf("%s: error is %v, want %q", spec, err, want)
		}
	}
	if _, err := ReadRoutes(fromYAML(t, "kind: VMAuth\nmetadata: {name: a}"), nil); err == nil {
		t.Error("a VMAuth has no routes of its own")
	}
}

func TestARedirectedURLKeepsAllButItsHost(t *testing.T) {
	plain := "vmselect: {}"
	for _, test := range []struct{ url, from, to, want string }{
		{"https://u:p@vmselect-a:8481/select/0/%2Fx?q=a%20b#f", plain, plain, "https://u:p@vmselect-b:8481/select/0/%2Fx?q=a%20b#f"},
		{"http://vmselect-a.monitoring.svc.cluster.local:8481", plain, "vmselect: {port: \"9000\"}", "http://vmselect-b.monitoring.svc.cluster.local:9000"},
		{"http://vmselect-a:1234", plain, "vmselect: {port: \"9000\"}", "http://vmselect-b:1234"},
		{"http://vmselect-a", plain, plain, "http://vmselect-b"},
		{"http://vmselect-a", "vmselect: {port: \"80\"}", plain, "http://vmselect-b:8481"},
		{"http://vmselect-a-0.vmselect-a.monitoring:8481/x", plain, plain, "http://vmselect-b.monitoring:8481/x"},
		{"http://srv+_http._tcp.vmselect-a.monitoring.svc", plain, plain, "http://srv+_http._tcp.vmselect-b.monitoring.svc"},
		{"http://vmselectinternal-a:8481", plain, "{vmselect: {}, requestsLoadBalancer: {enabled: true}}", "http://vmselectinternal-b:8481"},
		{"http://vmselectinternal-a:8481", plain, plain, "http://vmselect-b:8481"},
		{"http://vmclusterlb-a:8427/select/0", plain, "{vmselect: {}, requestsLoadBalancer: {enabled: true, spec: {port: \"99\"}}}", "http://vmclusterlb-b:99/select/0"},
		{"http://vmclusterlb-a:8427/select/0", plain, plain, "http://vmselect-b:8481/select/0"},
		{"http://vmselect-a:8481", plain, "{vmselect: {}, useLegacyNaming: true}", "http://b-vmselect:8481"},
		{"http://vmselect-a-additional-service:8481", plain, "vmselect: {serviceSpec: {metadata: {name: reads}, spec: {ports: [{name: http, port: 80}]}}}", "http://reads:80"},
	} {
		have, err := redirected(test.url, zone(t, "a", test.from), zone(t, "b", test.to), vmselect, "monitoring")
		if err != nil || have != test.want {
			t.Errorf("%s with %s to %s: %q, error %v, want %q", test.url, test.from, test.to, have, err, test.want)
		}
	}
}

func TestAppliedTellsWhichVMAuthTookWhichGeneration(t *testing.T) {
	user := fromYAML(t, `
kind: VMUser
metadata: {name: reader, namespace: monitoring, generation: 4}
status:
  conditions:
  - {type: gate.monitoring.vmauth.victoriametrics.com/Applied, status: "True", observedGeneration: 4, lastUpdateTime: "2026-11-22T10:00:00Z"}
  - {type: old.other.vmauth.victoriametrics.com/Applied, status: "True", observedGeneration: 3}
  - {type: bad.monitoring.vmauth.victoriametrics.com/Applied, status: "False", observedGeneration: 4, message: no target}
  - {type: main.monitoring.vmagent.victoriametrics.com/Applied, status: "True", observedGeneration: 4}
  - {type: Ready, status: "True"}
`)
	have := Applied(user)
	if len(have) != 3 {
		t.Fatalf("said by %v, want three VMAuths", have)
	}
	for i, want := range []string{
		"VMAuth monitoring/gate (generation 4, applied: true) current: true ",
		"VMAuth other/old (generation 3, applied: true) current: false ",
		"VMAuth monitoring/bad (generation 4, applied: false) current: true no target",
	} {
		if said := fmt.Sprintf("%s current: %t %s", have[i], have[i].Current, have[i].Message); said != want {
			t.Errorf("condition %d is %q, want %q", i, said, want)
		}
	}
	if have[0].LastUpdateTime.Hour() != 10 || !have[1].LastUpdateTime.IsZero() {
		t.Errorf("times are %v and %v", have[0].LastUpdateTime, have[1].LastUpdateTime)
	}
}
