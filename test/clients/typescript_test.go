// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// TestTypeScript generates a client from the schema that the server publishes for
// each group, compiles it together with programs that use it and programs that misuse
// it, and runs the former. That these are the same for both says that the names are.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	p := newPackage(t)
	p.install(t)
	for _, version := range []string{otherGroupVersion, groupVersion} {
		t.Run(version, func(t *testing.T) { p.generateAndRun(t, version) })
	}
}

func (p npmPackage) generateAndRun(t *testing.T, version string) {
	t.Helper()
	document, err := shared.kubernetes.Discovery().RESTClient().Get().AbsPath("/openapi/v3/apis/"+version).
		SetHeader("Accept", "application/json").DoRaw(t.Context())
	must(t, err)
	wantZoneSpecTyped(t, document)
	must(t, os.WriteFile(filepath.Join(p.dir, "openapi.json"), document, 0o600))
	p.run(t, 2*time.Minute, nil, "openapi-ts")
	p.run(t, 5*time.Minute, nil, "tsc")

	programs, err := filepath.Glob(filepath.Join(p.dir, "dist", "*.test.js"))
	must(t, err)
	if len(programs) != 2 {
		t.Errorf("compiled %v, want two programs", programs)
	}
	for _, program := range programs {
		name := strings.TrimSuffix(filepath.Base(program), ".test.js")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			createCluster(t, namespace, "existing")
			environment := []string{
				"KUBECONFIG=" + shared.cp.Kubeconfig(), "NAMESPACE=" + namespace, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
			}
			p.run(t, 3*time.Minute, environment, "node", "--test", "--test-timeout=60000", "--test-reporter=spec", program)
		})
	}
}

// wantZoneSpecTyped wants the schema to know the replicas of a zone's vmselect, as the
// programs do.
func wantZoneSpecTyped(t *testing.T, document []byte) {
	t.Helper()
	var read struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	must(t, json.Unmarshal(document, &read))
	resolve := func(at map[string]any) map[string]any {
		if all, ok := at["allOf"].([]any); ok && len(all) == 1 {
			at, _ = all[0].(map[string]any)
		}
		if reference, ok := at["$ref"].(string); ok {
			at = read.Components.Schemas[strings.TrimPrefix(reference, "#/components/schemas/")]
		}
		return at
	}
	for name, at := range read.Components.Schemas {
		if !strings.HasSuffix(name, ".operator.v1alpha1.Zone") {
			continue
		}
		for _, field := range []string{"spec", "vmselect", "replicaCount"} {
			properties, _ := at["properties"].(map[string]any)
			at, _ = properties[field].(map[string]any)
			at = resolve(at)
		}
		if at["type"] != "integer" {
			t.Fatalf("the schema says of spec.vmselect.replicaCount of a zone: %v", at)
		}
		return
	}
	t.Fatal("the schema has no Zone")
}

// createCluster makes a VMCluster that a zone can refer to.
func createCluster(t *testing.T, namespace, name string) {
	t.Helper()
	client, err := dynamic.NewForConfig(shared.cp.Config())
	must(t, err)
	one := map[string]any{"replicaCount": int64(1)}
	_, err = client.Resource(schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters"}).
		Namespace(namespace).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "operator.victoriametrics.com/v1beta1",
		"kind":       "VMCluster",
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"vmstorage": one, "vmselect": one, "vminsert": one},
	}}, metav1.CreateOptions{})
	must(t, err)
}
