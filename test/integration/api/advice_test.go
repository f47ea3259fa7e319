// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// host is what advice is about: a set-up of which there is nothing to say, of two
// zones. NS stands for the namespace.
const host = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata: {name: zone-a}
spec:
  retentionPeriod: "1"
  vmstorage: {replicaCount: 2, storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}
  vmselect: {replicaCount: 2}
  vminsert: {replicaCount: 2}
---
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata: {name: zone-b}
spec:
  retentionPeriod: "1"
  vmstorage: {replicaCount: 2, storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}
  vmselect: {replicaCount: 2}
  vminsert: {replicaCount: 2}
---
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAgent
metadata: {name: agent}
spec:
  statefulMode: true
  statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 4Gi}}}}}
  remoteWrite:
  - url: http://vminsert-zone-a.NS.svc:8480/insert/0/prometheus/api/v1/write
  - url: http://vminsert-zone-b.NS.svc:8480/insert/0/prometheus/api/v1/write
---
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAuth
metadata: {name: auth}
spec:
  defaultTargetRefs:
  - name: everything
    crd: {kind: VMCluster/vmselect, name: zone-b, namespace: NS}
---
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMUser
metadata: {name: reader}
spec:
  bearerToken: reader
  targetRefs:
  - crd: {kind: VMCluster/vmselect, name: zone-a, namespace: NS, objects: [{name: zone-b, namespace: NS}]}
`

// setUp makes the objects of a manifest in a namespace, under a field manager. Under
// our own name nobody else has a hand in them.
func setUp(t *testing.T, namespace, manager, manifest string) {
	t.Helper()
	path := file(t, "host.yaml", strings.ReplaceAll(manifest, "NS", namespace))
	kubectl(t, namespace, "apply", "--server-side", "--force-conflicts", "--field-manager="+manager, "-f", path)
}

const ourName = "vmdistributed-apiserver"

const (
	both      = `{"ref":{"name":"zone-a"}},{"ref":{"name":"zone-b"}}`
	wellNamed = `"paused":true,"vmagent":{"name":"agent"},"vmusers":[{"name":"reader"}]`
	zoneList  = "spec.zones.vmclusters"
)

// wellKept is a spec with other zones.
func wellKept(zones string) string { return `{` + wellNamed + `,"zones":[` + zones + `]}` }

// operators writes one more object of the operator's.
func operators(kind, name, spec string) string {
	return "\n---\napiVersion: operator.victoriametrics.com/v1beta1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: " + spec
}

// TestAdviceIsGivenByEveryWayToWrite, once, and never on a write that changes
// nothing.
func TestAdviceIsGivenByEveryWayToWrite(t *testing.T) {
	t.Parallel()
	const (
		absent = zoneList + `[1].ref: VMCluster "zone-z" does not exist yet; the zone waits for it`
		name   = zoneList + `[1].name: ignored beside ref, which names the VMCluster "zone-z"`
	)
	zones := `[{"ref":{"name":"zone-a"}},{"name":"z","ref":{"name":"zone-z"}}]`
	for _, w := range writings {
		if !strings.Contains(w.name, "kubectl") && !strings.Contains(w.name, "client-side") {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			setUp(t, namespace, ourName, host)
			args := []string{"apply"}
			if strings.Contains(w.name, "server-side") {
				args = append(args, "--server-side")
			}
			args = append(args, "-f", file(t, "x.json", object("x", wellKept(zones[1:len(zones)-1]))))
			first := kubectl(t, namespace, args...).stderr
			for _, line := range []string{"Warning: " + absent, "Warning: " + name} {
				if strings.Count(first, line) != 1 {
					t.Errorf("kubectl prints, without\n%s\nor not once:\n%s", line, first)
				}
			}
			for _, again := range [][]string{args, {"label", "vmdistributedclusters", "x", "a=b"}} {
				if got := kubectl(t, namespace, again...).stderr; got != "" {
					t.Errorf("kubectl %v prints %s", again, got)
				}
			}
		})
	}
	namespace := newNamespace(t)
	setUp(t, namespace, ourName, host)
	shared.admin.create(t, namespace, object("x", wellKept(both))).want(t, http.StatusCreated)
	for how, send := range map[string]func() answer{
		"create": func() answer {
			return shared.admin.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, object("y", strings.ReplaceAll(wellKept(zones[1:len(zones)-1]), "zone-a", "zone-c")))
		},
		"update": func() answer {
			return shared.admin.send(t, http.MethodPut, in(namespace, "x")+"?dryRun=All", jsonType, object("x", wellKept(zones[1:len(zones)-1])))
		},
		"merge patch": func() answer {
			return shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?dryRun=All", mergeType, `{"spec":{"zones":`+zones+`}}`)
		},
		"JSON patch": func() answer {
			return shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?dryRun=All", jsonPatchType, `[{"op":"replace","path":"/spec/zones","value":`+zones+`}]`)
		},
		"apply": func() answer {
			return shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?dryRun=All&fieldManager=tester&force=true", applyType, object("x", wellKept(zones[1:len(zones)-1])))
		},
	} {
		got := send().want(t, http.StatusOK, http.StatusCreated).warnings(t)
		if !slices.ContainsFunc(got, func(text string) bool {
			return strings.Contains(text, `"zone-z"`) && strings.HasSuffix(text, "for them") || text == absent
		}) || !slices.Contains(got, name) {
			t.Errorf("%s: warned of %q", how, got)
		}
	}
	for how, body := range map[string]string{"nothing": `{}`, "a label": `{"metadata":{"labels":{"a":"b"}}}`, "a finalizer": `{"metadata":{"finalizers":["example.com/x"]}}`} {
		if got := shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?dryRun=All", mergeType, body).want(t, http.StatusOK).warnings(t); len(got) > 0 {
			t.Errorf("a write of %s warned of %q", how, got)
		}
	}
	if got := shared.admin.send(t, http.MethodPatch, in(namespace, "x", "status")+"?dryRun=All", mergeType, `{"status":{"reason":"because"}}`).want(t, http.StatusOK).warnings(t); len(got) > 0 {
		t.Errorf("a write of status warned of %q", got)
	}
}

// TestWhoIsRefusedGetsNoAdvice: it would tell of what is not theirs.
func TestWhoIsRefusedGetsNoAdvice(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	setUp(t, namespace, ourName, host)
	name := "writer-of-" + namespace
	grant(t, namespace, name, ours)
	writer := as(t, name)
	var got answer
	eventually(t, "the user may write their own objects", func() bool {
		got = writer.create(t, namespace, object("x", `{"zones":[`+both+`]}`))
		return strings.Contains(string(got.body), "vmclusters")
	})
	if warnings := got.want(t, http.StatusForbidden).warnings(t); len(warnings) > 0 {
		t.Errorf("warned of %q", warnings)
	}
}

// TestDeletingTellsWhatGoesToo, and who holds that up.
func TestDeletingTellsWhatGoesToo(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	const reader = `{bearerToken: x, targetRefs: [{crd: {kind: VMCluster/vmselect, name: zone-d, namespace: NS}}]}`
	setUp(t, namespace, ourName, host+operators("VMUser", "holder", reader))
	shared.admin.create(t, namespace, object("x", `{"zones":[{"name":"zone-c","spec":{"vmselect":{}}},{"name":"zone-d","spec":{"vmselect":{}}},{"ref":{"name":"zone-a"}}]}`)).want(t, http.StatusCreated)
	documented := documentedWarnings(t)
	var want []string
	for _, when := range toldOfDeletion {
		want = append(want, documented[when])
	}
	var got []string
	eventually(t, "a deletion tells what it takes along", func() bool {
		got = shared.admin.send(t, http.MethodDelete, in(namespace, "x")+"?dryRun=All", "", "").want(t, http.StatusOK).warnings(t)
		return slices.Equal(got, want)
	})
	if printed := kubectl(t, namespace, "delete", "vmdc", "x", "--wait=false").stderr; !strings.Contains(printed, "Warning: "+want[0]) || !strings.Contains(printed, "Warning: "+want[1]) {
		t.Errorf("kubectl prints %s", printed)
	}
	if got := shared.admin.send(t, http.MethodDelete, in(namespace, "x"), "", "").want(t, http.StatusOK).warnings(t); len(got) > 0 {
		t.Errorf("deleting once more warned of %q", got)
	}
	kubectl(t, namespace, "delete", "vmuser", "holder")
	eventually(t, "the object is gone", func() bool { return shared.admin.get(t, in(namespace, "x")).code == http.StatusNotFound })
}

// TestSamplesGiveRiseToNoAdviceBeyondWhatIsTrue: kubectl will put back what it
// applied, should it be applied again in the middle of a drain or over an override.
func TestSamplesGiveRiseToNoAdviceBeyondWhatIsTrue(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	sample := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(shared.root, "artifacts", "samples", name+".yaml"))
		must(t, err)
		return file(t, name+".yaml", strings.ReplaceAll(string(raw), "monitoring", namespace))
	}
	kubectl(t, namespace, "apply", "-f", sample("prerequisites"))
	const manager = `field manager "kubectl-client-side-apply" also sets `
	for _, test := range []struct {
		name string
		want []string
	}{
		{"vmdistributedcluster-inline", []string{
			`spec.vmusers: ` + manager + `spec.targetRefs of VMUsers "read-zone-a" and "read-zone-b"; applied in a drain, that brings the zone back, so have it ignore spec.targetRefs`}},
		{"vmdistributedcluster-references", []string{
			zoneList + `: ` + manager + `fields of VMClusters "existing-zone-1" and "existing-zone-2" and may put that back; have it ignore what is overridden`,
			`spec.vmusers[0]: ` + manager + `spec.targetRefs of VMUser "read-existing-zones"; applied in a drain, that brings the zone back, so have it ignore spec.targetRefs`,
			zoneList + `: one request changes vmstorage (replicaCount and storage) of all 2 zones, so that a mistake reaches every copy of the data; change one zone first`}},
	} {
		path := sample(test.name)
		var got, want string
		for _, text := range test.want {
			want += "Warning: " + text + "\n"
		}
		eventually(t, "trying "+test.name+" out tells what is true", func() bool {
			got = kubectl(t, namespace, "apply", "--dry-run=server", "-f", path).stderr
			return got == want
		})
		if got := kubectl(t, namespace, "apply", "-f", path).stderr; got != want {
			t.Errorf("%s: kubectl prints\n%swant\n%s", test.name, got, want)
		}
		if got := kubectl(t, namespace, "apply", "-f", path).stderr; got != "" {
			t.Errorf("%s, once more: kubectl prints\n%s", test.name, got)
		}
	}
}
