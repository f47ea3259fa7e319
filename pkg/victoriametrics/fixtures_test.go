// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

var ourOwner = types.NamespacedName{Namespace: "monitoring", Name: "metrics"}

// fromYAML decodes an object as a client would deliver it.
func fromYAML(t *testing.T, document string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(document))
	if err != nil {
		t.Fatalf("test object is not YAML: %v", err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatalf("test object is not a Kubernetes object: %v", err)
	}
	return u
}

// mapFromYAML decodes a document without a kind.
func mapFromYAML(t *testing.T, document string) map[string]any {
	t.Helper()
	if document == "" {
		return nil
	}
	return fromYAML(t, "kind: Document\nspec:\n"+indent(document)).Object["spec"].(map[string]any)
}

func indent(document string) string {
	indented := "  "
	for _, r := range document {
		indented += string(r)
		if r == '\n' {
			indented += "  "
		}
	}
	return indented
}

// patched is what an API server stores after a merge patch, which travels as text.
func patched(u *unstructured.Unstructured, patch map[string]any) *unstructured.Unstructured {
	raw, err := json.Marshal(patch)
	if err != nil {
		panic(err)
	}
	received := map[string]any{}
	if err := utiljson.Unmarshal(raw, &received); err != nil {
		panic(err)
	}
	return &unstructured.Unstructured{Object: override.Apply(u.Object, received)}
}
