// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// listAsYAML is the second example of the page that the shapes come from.
const listAsYAML = `apiVersion: operator.victoriametrics.com/v1alpha1
kind: VMDistributedCluster
metadata:
  name: referenced-distributed-cluster
spec:
  zones:
    - vmclusters:
        ref:
          name: existing-cluster-zone-1
        overrideSpec:
          vmstorage: # Increase PVC for vmstorage in this zone
            storage:
              volumeClaimTemplate:
                spec:
                  resources:
                    requests:
                      storage: 20Gi
    - vmclusters:
        ref:
          name: existing-cluster-zone-2
        overrideSpec:
          vmstorage: # Increase vmstorage replicas for this zone
            replicaCount: 2
`

const listAsJSON = `{"apiVersion":"operator.victoriametrics.com/v1alpha1","kind":"VMDistributedCluster",` +
	`"metadata":{"name":"referenced-distributed-cluster"},"spec":{"zones":{"vmclusters":[` +
	`{"overrideSpec":{"vmstorage":{"storage":{"volumeClaimTemplate":{"spec":{"resources":{"requests":{"storage":"20Gi"}}}}}}},"ref":{"name":"existing-cluster-zone-1"}},` +
	`{"overrideSpec":{"vmstorage":{"replicaCount":2}},"ref":{"name":"existing-cluster-zone-2"}}]}}}`

func TestYAMLWithAListOfZonesBecomesCanonicalJSON(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"the documented example": {listAsYAML, listAsJSON},
		"anchors and aliases":    {"x: &x {name: a}\nspec:\n  zones: [*x, {vmclusters: *x}]\n", `{"spec":{"zones":{"vmclusters":[{"name":"a"},{"name":"a"}]}},"x":{"name":"a"}}`},
		"a merge key":            {"x: &x {zones: [{name: a}]}\nspec:\n  <<: *x\n", `{"spec":{"zones":{"vmclusters":[{"name":"a"}]}},"x":{"zones":[{"name":"a"}]}}`},
		"an escaped key":         {"spec: {\"\\x7aones\": []}\n", `{"spec":{"zones":{"vmclusters":[]}}}`},
		"flow style":             {"{spec: {zones: [{name: a}]}}", `{"spec":{"zones":{"vmclusters":[{"name":"a"}]}}}`},
		"the first document":     {"spec: {zones: []}\n---\nspec: {}\n", `{"spec":{"zones":{"vmclusters":[]}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			expectRewrite(t, yamlType, c.body, jsonType, c.want)
			// JSON is YAML, and the endpoint for apply knows no other type.
			expectRewrite(t, applyType, c.body, applyType, c.want)
		})
	}
}

// A body of apply stays YAML, to which some characters in the JSON that it becomes
// would mean something else, or nothing: a next line is white space there.
func TestRewrittenYAMLReadsAsYAML(t *testing.T) {
	for escape, character := range map[string]string{`\N`: "\u0085", `\x7f`: "\u007f", `\x9f`: "\u009f", `\L`: "\u2028", `\uFEFF`: "\ufeff", `\uFFFE`: "\ufffe", `ü`: "ü", `\U0001F600`: "\U0001F600"} {
		body := []byte(`spec: {zones: [{name: "a` + escape + `b"}]}`)
		result, err := Normalise(applyType, body)
		if err != nil || !result.Changed {
			t.Fatalf("%s: changed %t, error %v", body, result.Changed, err)
		}
		read := map[string]map[string]map[string][]map[string]string{}
		if err := yaml.Unmarshal(result.Body, &read); err != nil {
			t.Errorf("%s became %q: %v", body, result.Body, err)
		} else if got := read["spec"]["zones"]["vmclusters"][0]["name"]; got != "a"+character+"b" {
			t.Errorf("%s became %q, which reads %q", body, result.Body, got)
		}
	}
}

func TestOtherYAMLIsUntouched(t *testing.T) {
	for name, body := range map[string]string{
		"canonical":                  "spec:\n  zones:\n    vmclusters: [{name: a}]\n",
		"zones null":                 "spec: {zones: }\n",
		"no zones":                   "spec: {}\n",
		"empty":                      "",
		"a comment":                  "# zones: []\n",
		"duplicates without a list":  "spec: {zones: {}}\nspec: {zones: {vmclusters: []}}\n",
		"a list that is overwritten": "spec: {zones: []}\nspec: {zones: {}}\n",
		"no YAML":                    "spec: [zones\n",
		"tabs":                       "spec:\n\tzones: []\n",
		"an infinite number":         "spec: {zones: [{name: .inf}]}\n",
		"a key that JSON cannot say": "spec: {zones: [{[1]: 2}]}\n",
		"invalid UTF-8":              "spec: {zones: [\"\xff\"]}\n",
		"stars that are no aliases":  "a: '*'\nspec: {zones: {}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			expectRewrite(t, yamlType, body, yamlType, body)
			expectRewrite(t, applyType, body, applyType, body)
		})
	}
}

func TestDuplicatesInRewrittenYAMLAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"in an entry":       "spec:\n  zones:\n  - name: a\n    name: b\n",
		"somewhere else":    "metadata: {name: a}\nmetadata: {name: b}\nspec: {zones: []}\n",
		"zones itself":      "spec:\n  zones: {}\n  zones: []\n",
		"through an escape": "spec: {zones: [], \"\\x7aones\": []}\n",
	} {
		t.Run(name, func(t *testing.T) {
			expectError(t, yamlType, body, "", "write every key once", "already set in map")
		})
	}
}

func TestAmbiguousYAMLIsRefusedByName(t *testing.T) {
	expectError(t, yamlType, "spec:\n  zones:\n  - ref: {name: a}\n    vmclusters: {name: a}\n", "spec.zones[0]", "both vmclusters and ref")
}

func TestAliasesThatCannotBeReadAreRefused(t *testing.T) {
	expectError(t, yamlType, "spec: {zones: [*nowhere]}\n", "", "reading the aliases", "unknown anchor")
}

func TestAliasesUpToTheLimitAreExpanded(t *testing.T) {
	body := "a: &a " + strings.Repeat("x", 1000) + "\nb: [" + strings.Repeat("*a ,", 1000) + "]\nspec: {zones: []}\n"
	got, err := Normalise(yamlType, []byte(body))
	if err != nil || !got.Changed || len(got.Body) < 1000*1000 {
		t.Errorf("changed: %v, %d bytes, error: %v", got.Changed, len(got.Body), err)
	}
}
