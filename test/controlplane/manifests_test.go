// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPointToLoopback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	must(t, os.WriteFile(path, []byte(`# A comment alone is no object.
---
kind: Service
metadata: {name: it}
spec: {selector: {a: b}, ports: [{port: 443}]}
---
kind: APIService
spec: {group: g, service: {name: it, namespace: ns}, insecureSkipTLSVerify: true}
---
kind: Namespace
metadata: {name: ns}
`), 0o600))
	objects, err := readManifests(path)
	must(t, err)
	others, pointers := split(objects)
	if len(others) != 1 || len(pointers) != 2 {
		t.Fatalf("%d and %d objects, want 1 and 2", len(others), len(pointers))
	}
	for _, object := range pointers {
		must(t, pointToLoopback(object, 12345, []byte("ca")))
	}
	want := []map[string]any{
		{
			"kind": "Service", "metadata": map[string]any{"name": "it"},
			"spec": map[string]any{
				"type": "ExternalName", "externalName": "localhost",
				"ports": []any{map[string]any{"name": "https", "protocol": "TCP", "port": int64(12345), "targetPort": int64(12345)}},
			},
		},
		{
			"kind": "APIService",
			"spec": map[string]any{
				"group": "g", "caBundle": "Y2E=",
				"service": map[string]any{"name": "it", "namespace": "ns", "port": int64(12345)},
			},
		},
	}
	if diff := cmp.Diff(want, []map[string]any{pointers[0].Object, pointers[1].Object}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCRDSets(t *testing.T) {
	for _, test := range []struct {
		set    CRDSet
		plural string
		want   bool
	}{
		{CRDsAll, "vmclusters", true},
		{CRDsAll, "vmdistributed", false},
		{CRDsAll, "vldistributed", false},
		{CRDsUsed, "vmusers", true},
		{CRDsUsed, "vmrules", false},
		{CRDsNone, "vmclusters", false},
	} {
		if got := test.set.wants(test.plural); got != test.want {
			t.Errorf("set %s wants %s: %v, want %v", test.set, test.plural, got, test.want)
		}
	}
}
