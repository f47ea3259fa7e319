// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// mutant is a manifest with one mistake in it.
type mutant struct {
	name string
	text string
	// field is the key that the mistake is about, parent the one above it.
	field, parent string
}

// mutants makes one of each mistake at each place of a manifest: a field left out,
// of another type, there twice, or misspelt; an item of a list there twice.
func mutants(t *testing.T, text []byte) []mutant {
	t.Helper()
	var document yamlv3.Node
	must(t, yamlv3.Unmarshal(text, &document))
	forgetComments(&document)
	var found []mutant
	add := func(kind, path, field, parent string) {
		encoded, err := yamlv3.Marshal(&document)
		must(t, err)
		found = append(found, mutant{kind + " " + path, string(encoded), field, parent})
	}
	var walk func(node *yamlv3.Node, path, parent string)
	walk = func(node *yamlv3.Node, path, parent string) {
		content := node.Content
		switch node.Kind {
		case yamlv3.DocumentNode:
			walk(content[0], path, parent)
		case yamlv3.SequenceNode:
			for i, item := range content {
				node.Content = append(append([]*yamlv3.Node{}, content...), item)
				add("twice", fmt.Sprintf("%s[%d]", path, i), parent, parent)
				node.Content = content
				walk(item, fmt.Sprintf("%s[%d]", path, i), parent)
			}
		case yamlv3.MappingNode:
			for i := 0; i < len(content); i += 2 {
				key, value := content[i], content[i+1]
				at := path + "." + key.Value

				node.Content = append(append([]*yamlv3.Node{}, content[:i]...), content[i+2:]...)
				add("without", at, key.Value, parent)
				node.Content = append(append([]*yamlv3.Node{}, content...), key, value)
				add("twice", at, key.Value, parent)
				node.Content = content

				misspelt := *key
				misspelt.Value = key.Value[:len(key.Value)-1]
				content[i] = &misspelt
				add("misspelt", at, misspelt.Value, parent)
				content[i] = key

				content[i+1] = otherType(value)
				add("retyped", at, key.Value, parent)
				content[i+1] = value
				walk(value, at, key.Value)
			}
		}
	}
	walk(&document, "", "")
	return found
}

// forgetComments drops what would stand in the wrong place once a neighbour is gone.
func forgetComments(node *yamlv3.Node) {
	node.HeadComment, node.LineComment, node.FootComment = "", "", ""
	for _, child := range node.Content {
		forgetComments(child)
	}
}

// otherType is a value of another type than node.
func otherType(node *yamlv3.Node) *yamlv3.Node {
	switch {
	case node.Kind != yamlv3.ScalarNode:
		return &yamlv3.Node{Kind: yamlv3.ScalarNode, Tag: "!!str", Value: "text"}
	case node.Tag == "!!str":
		return &yamlv3.Node{Kind: yamlv3.MappingNode, Tag: "!!map"}
	}
	return &yamlv3.Node{Kind: yamlv3.ScalarNode, Tag: "!!str", Value: "text", Style: yamlv3.DoubleQuotedStyle}
}

// TestMistakesInTheExamplesAreToldOrDoNoHarm: each is refused with a message that
// names the field, or is none, and then the controller finds nothing wrong either.
func TestMistakesInTheExamplesAreToldOrDoNoHarm(t *testing.T) {
	t.Parallel()
	var count, refused int
	for _, sample := range samples(t) {
		text, err := os.ReadFile(sample.path)
		must(t, err)
		for _, m := range mutants(t, text) {
			count++
			t.Run(m.name, func(t *testing.T) {
				namespace := newNamespace(t)
				m.text = strings.ReplaceAll(m.text, "namespace: monitoring", "namespace: "+namespace)
				for _, name := range []string{"existing-cluster-zone-1", "existing-cluster-zone-2"} {
					vmcluster(t, namespace, name)
				}
				got := shared.admin.send(t, http.MethodPost, in(namespace)+"?fieldValidation=Strict", yamlType, m.text)
				if got.code == http.StatusCreated {
					wantHarmless(t, namespace, got.object(t))
					return
				}
				refused++
				if got.code < 400 || got.code > 499 {
					t.Fatalf("answered %d: %.2000s\n%s", got.code, got.body, m.text)
				}
				message := got.problem(t).Message
				if !strings.Contains(message, m.field) && (m.parent == "" || !strings.Contains(message, m.parent)) {
					t.Errorf("the message names neither %q nor %q: %s", m.field, m.parent, message)
				}
			})
		}
	}
	if count < 200 || refused == 0 || refused == count {
		t.Errorf("%d of %d mistakes were refused: that is no sample", refused, count)
	}
	t.Logf("%d of %d mistakes were refused", refused, count)
}

// wantHarmless wants the controller to have nothing against an object.
func wantHarmless(t *testing.T, namespace string, object *unstructured.Unstructured) {
	t.Helper()
	status := typedSettled(t, namespace, object.GetName())
	for _, zone := range status.Status.Zones {
		if zone.Reason == rollout.ReasonInvalid || zone.Reason == rollout.ReasonDryRunFailed {
			t.Errorf("zone %s is %s (%s): %s", zone.Name, zone.Phase, zone.Reason, zone.WaitingFor)
		}
	}
	if len(status.Status.Zones) != len(status.Spec.Zones.VMClusters) {
		t.Errorf("status has %d zones, spec %d", len(status.Status.Zones), len(status.Spec.Zones.VMClusters))
	}
}
