// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"strings"
	"testing"
)

func TestClusterReferencesFindsEveryPlace(t *testing.T) {
	for document, want := range map[string][]string{
		`
kind: VMUser
metadata: {name: reader, namespace: monitoring}
spec:
  targetRefs:
  - crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring}
    target_path_suffix: /select/0
  - static: {url: "http://vmselect-zone-b.monitoring.svc:8481"}
  - crd: {kind: VMSingle, name: zone-x, namespace: monitoring}
  - crd: {kind: VLCluster/vlselect, name: zone-y, namespace: monitoring}
  - crd:
      kind: VMCluster/vminsert
      objects: [{name: zone-a, namespace: other}, {name: zone-b}]
  - name: read
  - crd: {kind: VMCluster/vmstorage, name: zone-c, namespace: "", objects: [{name: zone-d, namespace: monitoring}]}
`: {
			"VMCluster monitoring/zone-a (vmselect) at spec.targetRefs[0].crd",
			"VMCluster other/zone-a (vminsert) at spec.targetRefs[4].crd.objects[0]",
			"VMCluster monitoring/zone-b (vminsert) at spec.targetRefs[4].crd.objects[1]",
			"VMCluster monitoring/zone-c (vmstorage) at spec.targetRefs[6].crd",
			"VMCluster monitoring/zone-d (vmstorage) at spec.targetRefs[6].crd.objects[0]",
		},
		`
kind: VMAuth
metadata: {name: gate, namespace: monitoring}
spec:
  defaultTargetRefs:
  - name: read
    crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring}
  unauthorizedUserAccessSpec:
    targetRefs:
    - crd: {kind: VMCluster/vminsert, objects: [{name: zone-b, namespace: monitoring}]}
  unauthorizedAccessConfig: [{src_paths: [/x], url_prefix: ["http://vmselect-zone-c.monitoring.svc:8481"]}]
`: {
			"VMCluster monitoring/zone-a (vmselect) at spec.defaultTargetRefs[0].crd",
			"VMCluster monitoring/zone-b (vminsert) at spec.unauthorizedUserAccessSpec.targetRefs[0].crd.objects[0]",
		},
		"kind: VMAuth\nmetadata: {name: gate, namespace: monitoring}\nspec: {unauthorizedUserAccessSpec: {url_prefix: [\"http://x\"]}}": nil,
		"kind: VMUser\nmetadata: {name: new, namespace: monitoring}":                                                                    nil,
	} {
		references, err := ClusterReferences(fromYAML(t, document))
		if err != nil {
			t.Errorf("%s: %v", document, err)
		}
		var have []string
		for _, reference := range references {
			have = append(have, reference.String())
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: references are %q, want %q", document, have, want)
		}
	}
}

func TestClusterReferencesNamesWhatItCannotRead(t *testing.T) {
	for want, spec := range map[string]string{
		"spec.targetRefs must be of type array":                           "{targetRefs: {}}",
		"spec.targetRefs[0] must be of type object":                       "{targetRefs: [a]}",
		"spec.targetRefs[0].crd must be of type object":                   "{targetRefs: [{crd: a}]}",
		"spec.targetRefs[1].crd.kind must be of type string":              "{targetRefs: [{}, {crd: {kind: 1}}]}",
		"spec.targetRefs[0].crd.name must be of type string":              "{targetRefs: [{crd: {kind: VMCluster/vmselect, name: 1}}]}",
		"spec.targetRefs[0].crd.objects must be of type array":            "{targetRefs: [{crd: {kind: VMCluster/vmselect, objects: a}}]}",
		"spec.targetRefs[0].crd.objects[0].namespace must be of type str": "{targetRefs: [{crd: {kind: VMCluster/vmselect, objects: [{name: a, namespace: 1}]}}]}",
	} {
		_, err := ClusterReferences(fromYAML(t, "kind: VMUser\nmetadata: {name: reader, namespace: monitoring}\nspec: "+spec))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "VMUser monitoring/reader") {
			t.Errorf("%s: error is %v, want %q", spec, err, want)
		}
	}
	if _, err := ClusterReferences(fromYAML(t, "kind: VMAgent\nmetadata: {name: a}")); err == nil {
		t.Error("a VMAgent has no targets")
	}
}
