// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	parsed := &unstructured.Unstructured{}
	body, err := yaml.YAMLToJSON([]byte("{kind: VMDistributedCluster, metadata: {name: metrics, annotations: {}}, " + text + "}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.UnmarshalJSON(body); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestAManifestIsMergedAsKubectlApplyDoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ last, live, manifest, want string }{
		"what others have set stays":         {"spec: {a: 1}", "spec: {a: 1, paused: true}", "spec: {a: 2}", "spec: {a: 2, paused: true}"},
		"what is not said any more goes":     {"spec: {a: 1, b: 1}", "spec: {a: 1, b: 2, c: 1}", "spec: {a: 1}", "spec: {a: 1, c: 1}"},
		"lists are taken whole":              {"spec: {l: [{n: x}]}", "spec: {l: [{n: x, set: 1}, {n: y}]}", "spec: {l: [{n: x}]}", "spec: {l: [{n: x}]}"},
		"what was never applied is added to": {"", "spec: {a: 1, b: 1}", "spec: {a: 2}", "spec: {a: 2, b: 1}"},
		"a member in the wrong place stays":  {"spec: {a: 1}", "spec: {a: 1}", "paused: true, spec: {a: 1}", "paused: true, spec: {a: 1}"},
		"a wrong name takes the spec away":   {"spec: {a: 1}", "spec: {a: 1}", "sepc: {a: 1}", "sepc: {a: 1}"},
		"status and the like are left out":   {"", "status: {x: 1}, spec: {a: 1}", "spec: {a: 1}", "spec: {a: 1}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := object(t, test.live)
			if test.last != "" {
				last, err := json.Marshal(object(t, test.last))
				if err != nil {
					t.Fatal(err)
				}
				live.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(last)})
			}
			got, err := merged(live, object(t, test.manifest))
			if err != nil {
				t.Fatal(err)
			}
			got.SetAnnotations(nil)
			want := object(t, test.want)
			want.SetAnnotations(nil)
			if !reflect.DeepEqual(got.Object, want.Object) {
				t.Errorf("it is %v, want %v", got.Object, want.Object)
			}
		})
	}
}
