// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// build is what kustomize makes of a folder.
type build struct {
	name    string
	raw     []byte
	objects []unstructured.Unstructured
}

// buildAll builds what users apply: the base, every overlay, the examples of
// docs/install.md, which lie beside the checkout, and other components together.
func buildAll(ctx context.Context, kubectl, root, beside string) ([]build, error) {
	paths, err := filepath.Glob(filepath.Join(root, "artifacts", "overlays", "*"))
	if err != nil {
		return nil, err
	}
	shown, err := examples(root, beside)
	if err != nil {
		return nil, err
	}
	together, err := combined(root, beside)
	if err != nil {
		return nil, err
	}
	var all []build
	for _, path := range slices.Concat(paths, []string{filepath.Join(root, "artifacts", "base")}, shown, together) {
		b, err := buildOf(ctx, kubectl, path)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func buildOf(ctx context.Context, kubectl, path string) (build, error) {
	b := build{name: filepath.Base(path)}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, kubectl, "kustomize", path)
	cmd.Stderr = &stderr
	var err error
	if b.raw, err = cmd.Output(); err != nil || stderr.Len() > 0 {
		return b, fmt.Errorf("building %s: %w: %s", path, err, stderr.String())
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(b.raw), 4096)
	for {
		var object unstructured.Unstructured
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return b, nil
		} else if err != nil {
			return b, fmt.Errorf("reading what was built of %s: %w", path, err)
		}
		b.objects = append(b.objects, object)
	}
}

// codeBlock finds what is indented in a document.
var codeBlock = regexp.MustCompile(`(?m)(?:^    .*\n|^\n)+`)

// examples are the folders of the kustomizations that docs/install.md shows.
func examples(root, beside string) ([]string, error) {
	document, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(root, filepath.Join(beside, "vmdistributed-apiserver")); err != nil {
		return nil, err
	}
	var found []string
	for _, block := range codeBlock.FindAllString(string(document), -1) {
		if !strings.Contains(block, "kind: Kustomization") {
			continue
		}
		folder := filepath.Join(beside, "example-"+strconv.Itoa(len(found)+1))
		if err := writeKustomization(folder, regexp.MustCompile(`(?m)^    `).ReplaceAllString(block, "")); err != nil {
			return nil, err
		}
		found = append(found, folder)
	}
	if len(found) != 2 {
		return nil, fmt.Errorf("docs/install.md shows %d kustomizations, want 2", len(found))
	}
	return found, nil
}

func writeKustomization(folder, content string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(content), 0o600)
}

// combined are kustomizations of components that no document shows: all that go together.
func combined(root, beside string) ([]string, error) {
	var found []string
	for _, components := range [][]string{
		{"embedded-etcd", "beside-the-operator"},
		{"beside-the-operator", "cert-manager", "embedded-etcd"},
		{"external-etcd", "cert-manager"},
		{"scrape", "beside-the-operator"},
		{"scrape", "cert-manager"},
		{"without-mutating-policies", "embedded-etcd"},
	} {
		content := "resources: [../vmdistributed-apiserver/artifacts/base]\ncomponents:\n"
		for _, component := range components {
			content += "  - ../vmdistributed-apiserver/artifacts/components/" + component + "\n"
		}
		folder := filepath.Join(beside, strings.Join(components, "+"))
		if err := writeKustomization(folder, content); err != nil {
			return nil, err
		}
		found = append(found, folder)
	}
	// The same, with the image that docs/install.md names by its digest.
	document, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err != nil {
		return nil, err
	}
	named := regexp.MustCompile(`(?m)^    images:\n(?:      .*\n)+?        digest: .*\n`).FindString(string(document))
	folder := filepath.Join(beside, "digest")
	return append(found, folder), writeKustomization(folder,
		"resources: [../vmdistributed-apiserver/artifacts/base]\n"+regexp.MustCompile(`(?m)^    `).ReplaceAllString(named, ""))
}

// named is the build of the base, of an overlay or of an example.
func named(t *testing.T, name string) build {
	t.Helper()
	for _, b := range shared.builds {
		if b.name == name {
			return b
		}
	}
	t.Fatalf("nothing was built that is called %s", name)
	return build{}
}

// all returns the objects of a kind.
func all[T any](t *testing.T, b build, kind string) []T {
	t.Helper()
	var found []T
	for _, object := range b.objects {
		if object.GetKind() != kind {
			continue
		}
		var typed T
		must(t, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed))
		found = append(found, typed)
	}
	return found
}

// one returns the only object of a kind.
func one[T any](t *testing.T, b build, kind string) T {
	t.Helper()
	found := all[T](t, b, kind)
	if len(found) != 1 {
		t.Fatalf("%s has %d objects of kind %s, want 1", b.name, len(found), kind)
	}
	return found[0]
}

// workload is what runs the server.
type workload struct {
	kind     string
	replicas int32
	selector map[string]string
	template corev1.PodTemplateSpec
	claims   []string
}

func workloadOf(t *testing.T, b build) workload {
	t.Helper()
	if len(all[appsv1.StatefulSet](t, b, "StatefulSet")) > 0 {
		set := one[appsv1.StatefulSet](t, b, "StatefulSet")
		w := workload{kind: "StatefulSet", replicas: *set.Spec.Replicas, selector: set.Spec.Selector.MatchLabels, template: set.Spec.Template}
		for _, claim := range set.Spec.VolumeClaimTemplates {
			w.claims = append(w.claims, claim.Name)
		}
		return w
	}
	d := one[appsv1.Deployment](t, b, "Deployment")
	return workload{kind: "Deployment", replicas: *d.Spec.Replicas, selector: d.Spec.Selector.MatchLabels, template: d.Spec.Template}
}

// container is the only one.
func (w workload) container(t *testing.T) corev1.Container {
	t.Helper()
	containers := slices.Concat(w.template.Spec.InitContainers, w.template.Spec.Containers)
	if len(containers) != 1 {
		t.Fatalf("there are %d containers, want 1", len(containers))
	}
	return containers[0]
}

// argument is the value of a flag.
func (w workload) argument(t *testing.T, flag string) (string, bool) {
	t.Helper()
	for _, arg := range w.container(t).Args {
		if value, is := strings.CutPrefix(arg, "--"+flag+"="); is {
			return value, true
		}
	}
	return "", false
}
