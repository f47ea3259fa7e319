// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestVMAuthSelectsVMUsers(t *testing.T) {
	user := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{
		"name": "u", "namespace": "n", "labels": map[string]any{"team": "a"},
	}}}
	matching := func(name, value string) map[string]any {
		return map[string]any{"matchLabels": map[string]any{name: value}}
	}
	const nameLabel = "kubernetes.io/metadata.name"
	for _, c := range []struct {
		name, namespace string
		spec            map[string]any
		want            bool
	}{
		{"no selector", "n", map[string]any{}, false},
		{"all by default", "other", map[string]any{"selectAllByDefault": true}, true},
		{"all of its namespace", "n", map[string]any{"userSelector": map[string]any{}}, true},
		{"all of another namespace", "other", map[string]any{"userSelector": map[string]any{}}, false},
		{"its label", "n", map[string]any{"userSelector": matching("team", "a")}, true},
		{"another label", "n", map[string]any{"userSelector": matching("team", "b"), "selectAllByDefault": true}, false},
		{"all namespaces", "other", map[string]any{"userNamespaceSelector": map[string]any{}}, true},
		{"its namespace", "other", map[string]any{"userNamespaceSelector": matching(nameLabel, "n")}, true},
		{"another namespace", "n", map[string]any{"userNamespaceSelector": matching(nameLabel, "m")}, false},
		{"a label of its namespace", "other", map[string]any{"userNamespaceSelector": matching("stage", "test")}, true},
		{"both", "other", map[string]any{"userSelector": matching("team", "a"), "userNamespaceSelector": map[string]any{}}, true},
		{"one of both", "other", map[string]any{"userSelector": matching("team", "b"), "userNamespaceSelector": map[string]any{}}, false},
		{"configuration from elsewhere", "n", map[string]any{"userSelector": map[string]any{}, "externalConfig": map[string]any{"localPath": "/x"}}, false},
	} {
		auth := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "a", "namespace": c.namespace}, "spec": c.spec}}
		got, err := Selects(auth, user, map[string]string{nameLabel: "n", "stage": "test"})
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v, want %t", c.name, got, err, c.want)
		}
	}
}
