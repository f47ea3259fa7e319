// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestComponentsMakeTheSameInEachOrder: what one adds, another one would else not see.
func TestComponentsMakeTheSameInEachOrder(t *testing.T) {
	for _, components := range [][]string{
		{"beside-the-operator", "cert-manager", "external-etcd"},
		{"beside-the-operator", "cert-manager", "embedded-etcd"},
		{"beside-the-operator", "cert-manager", "without-mutating-policies"},
		{"beside-the-operator", "embedded-etcd", "without-mutating-policies"},
		{"beside-the-operator", "scrape"},
		{"cert-manager", "scrape"},
	} {
		t.Run(strings.Join(components, "+"), func(t *testing.T) {
			t.Parallel()
			var first map[string]string
			for _, order := range permutations(components) {
				made := contentOf(t, together(t, order))
				if first == nil {
					first = made
				}
				if diff := cmp.Diff(first, made); diff != "" {
					t.Errorf("%v (-) and %v (+) make different things:\n%s", components, order, diff)
				}
			}
		})
	}
}

// TestCertManagerFillsInWhomTheAggregatorTrusts, for either group, and whatever is named first.
func TestCertManagerFillsInWhomTheAggregatorTrusts(t *testing.T) {
	for group, components := range map[string][]string{
		"operator.victoriametrics.com":    {"cert-manager"},
		"distributed.victoriametrics.com": {"cert-manager", "beside-the-operator"},
	} {
		for _, order := range permutations(components) {
			service := one[apiregistrationv1.APIService](t, together(t, order), "APIService")
			expect(t, fmt.Sprint(order), service.Spec.Group, group)
			expect(t, fmt.Sprint(order), service.Annotations["cert-manager.io/inject-ca-from"], "vmdistributed-system/vmdistributed-apiserver-serving")
		}
	}
}

// together is the build of the base with components in an order.
func together(t *testing.T, components []string) build {
	t.Helper()
	root, err := controlplane.FindRoot()
	must(t, err)
	folder := filepath.Join(t.TempDir(), "it")
	relative, err := filepath.Rel(folder, filepath.Join(root, "artifacts"))
	must(t, err)
	content := "resources: [" + relative + "/base]\ncomponents:\n"
	for _, component := range components {
		content += "  - " + relative + "/components/" + component + "\n"
	}
	must(t, writeKustomization(folder, content))
	b, err := buildOf(t.Context(), filepath.Join(shared.control.BinDir(), "kubectl"), folder)
	must(t, err)
	return b
}

// contentOf is what is in a build, by object. In which order arguments and volumes are said
// means nothing.
func contentOf(t *testing.T, b build) map[string]string {
	t.Helper()
	content := map[string]string{}
	for _, object := range b.objects {
		key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
		if template, found, _ := unstructured.NestedMap(object.Object, "spec", "template", "spec"); found {
			sortLists(t, template)
			must(t, unstructured.SetNestedMap(object.Object, template, "spec", "template", "spec"))
		}
		if rules, found, _ := unstructured.NestedSlice(object.Object, "spec", "egress"); found {
			must(t, unstructured.SetNestedSlice(object.Object, inOrderOfText(t, rules), "spec", "egress"))
		}
		text, err := json.MarshalIndent(object.Object, "", " ")
		must(t, err)
		content[key] = string(text)
	}
	return content
}

func sortLists(t *testing.T, pod map[string]any) {
	t.Helper()
	pod["volumes"] = inOrderOfText(t, pod["volumes"])
	for _, container := range pod["containers"].([]any) {
		container := container.(map[string]any)
		for _, list := range []string{"args", "env", "volumeMounts"} {
			container[list] = inOrderOfText(t, container[list])
		}
	}
}

func inOrderOfText(t *testing.T, list any) []any {
	t.Helper()
	text := func(item any) string {
		encoded, err := json.Marshal(item)
		must(t, err)
		return string(encoded)
	}
	items, _ := list.([]any)
	return slices.SortedFunc(slices.Values(items), func(a, b any) int { return strings.Compare(text(a), text(b)) })
}

// permutations are all orders of names.
func permutations(names []string) [][]string {
	if len(names) <= 1 {
		return [][]string{names}
	}
	var all [][]string
	for i, name := range names {
		for _, rest := range permutations(slices.Delete(slices.Clone(names), i, i+1)) {
			all = append(all, append([]string{name}, rest...))
		}
	}
	return all
}
