// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// sample is a manifest that users begin with.
type sample struct {
	path string
	// objects are the VMDistributedClusters in it.
	objects []string
}

// samples are the examples of the document that the project began with, where
// that lies beside the checkout, and else the project's own in the same shapes.
func samples(t *testing.T) []sample {
	t.Helper()
	var found []sample
	for _, pattern := range []string{
		filepath.Join(shared.root, "..", "shared", "seed", "*.yaml"),
		filepath.Join(shared.root, "artifacts", "samples", "*.yaml"),
	} {
		paths, err := filepath.Glob(pattern)
		must(t, err)
		for _, path := range paths {
			if objects := objectsIn(t, path); len(objects) > 0 {
				found = append(found, sample{path: anywhere(t, path), objects: objects})
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	t.Fatal("there is no sample in artifacts/samples")
	return nil
}

// anywhere returns a copy of a manifest that names no namespace for its objects: each
// test has its own.
func anywhere(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	return file(t, filepath.Base(path), namespaced.ReplaceAllString(string(raw), ""))
}

// namespaced finds the namespace in the metadata of an object.
var namespaced = regexp.MustCompile(`(?m)^  namespace: .*\n`)

// objectsIn names the VMDistributedClusters in a file.
func objectsIn(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	var names []string
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return names
		}
		must(t, err)
		if object.GetKind() == "VMDistributedCluster" {
			names = append(names, object.GetName())
		}
	}
}
