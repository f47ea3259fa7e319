// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
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
	// names matches a message that names the field.
	names *regexp.Regexp
}

// mutants makes one of each mistake at each place of a manifest: a field left out,
// of another type, there twice, or misspelt; an item of a list there twice.
func mutants(t *testing.T, text []byte) []mutant {
	t.Helper()
	m := mutation{t: t}
	must(t, yamlv3.Unmarshal(text, &m.document))
	forgetComments(&m.document)
	m.walk(m.document.Content[0], place{})
	return m.found
}

// mutation makes mutants of a document, which it leaves as it was.
type mutation struct {
	t        *testing.T
	document yamlv3.Node
	found    []mutant
}

// place is where a node is.
type place struct {
	path string
	// steps lead there, each to one of the contents of a node.
	steps []int
}

func (p place) key(key string, step int) place {
	if p.path != "" {
		key = p.path + "." + key
	}
	return place{key, append(slices.Clone(p.steps), step)}
}

func (p place) item(i int) place {
	return place{fmt.Sprintf("%s[%d]", p.path, i), append(slices.Clone(p.steps), i)}
}

func (m *mutation) walk(node *yamlv3.Node, at place) {
	switch node.Kind {
	case yamlv3.SequenceNode:
		for i, item := range node.Content {
			m.repeatItem(node, item, at.item(i), at.item(len(node.Content)))
			m.walk(item, at.item(i))
		}
	case yamlv3.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			m.member(node, i, at)
			m.walk(node.Content[i+1], at.key(node.Content[i].Value, i+1))
		}
	}
}

func (m *mutation) repeatItem(node, item *yamlv3.Node, at, again place) {
	content := node.Content
	defer func() { node.Content = content }()
	node.Content = append(slices.Clone(content), item)
	m.add("twice "+at.path, `: %s[.:]`, named(again.path))
}

// member makes the mutants of the member of a mapping whose key is the content i.
func (m *mutation) member(node *yamlv3.Node, i int, in place) {
	content := node.Content
	defer func() { node.Content = content }()
	key, value := content[i], content[i+1]
	at := in.key(key.Value, i+1)
	replaced := func(key, value *yamlv3.Node) []*yamlv3.Node {
		return slices.Replace(slices.Clone(content), i, i+2, key, value)
	}

	// What a rule lacks is told of the field itself, or of the object that lacks it.
	node.Content = slices.Delete(slices.Clone(content), i, i+2)
	m.add("without "+at.path, `: (%s[.:]|%s: )`, named(at.path), named(in.path))

	misspelt := *key
	misspelt.Value = key.Value[:len(key.Value)-1]
	node.Content = replaced(&misspelt, value)
	m.add("misspelt "+at.path, `unknown field "%s"`, named(in.key(misspelt.Value, i).path))

	// The decoder of Go names fields without the index.
	node.Content = replaced(key, otherType(value))
	m.add("retyped "+at.path, `(: %s: |Go struct field \w*\.%s of type )`, named(at.path), indices.ReplaceAllString(named(at.path), ""))

	// The parser of YAML knows lines only, and of a key that where its value begins.
	node.Content = append(slices.Clone(content), key, value)
	line := m.line(append(slices.Clone(in.steps), len(content)+1))
	m.add("twice "+at.path, `line %s: key "%s" already set`, strconv.Itoa(line), key.Value)
}

// indices are those of lists, in a quoted path.
var indices = regexp.MustCompile(`\\\[\d+\\\]`)

// add takes the document as it is now, and what a message has to match: a pattern
// with quoted parts.
func (m *mutation) add(name, pattern string, parts ...any) {
	m.t.Helper()
	m.found = append(m.found, mutant{name, m.encoded(), regexp.MustCompile(fmt.Sprintf(pattern, parts...))})
}

func (m *mutation) encoded() string {
	m.t.Helper()
	text, err := yamlv3.Marshal(&m.document)
	must(m.t, err)
	return string(text)
}

// line is where a node has come to be in the text of the document.
func (m *mutation) line(steps []int) int {
	m.t.Helper()
	var read yamlv3.Node
	must(m.t, yamlv3.Unmarshal([]byte(m.encoded()), &read))
	node := read.Content[0]
	for _, step := range steps {
		node = node.Content[step]
	}
	return node.Line
}

// named is how messages name a path: in the canonical shape of zones, whatever
// shape they came in.
func named(path string) string {
	return regexp.QuoteMeta(inList.ReplaceAllString(path, "spec.zones.vmclusters$1"))
}

// inList is the beginning of the path of a zone in a list.
var inList = regexp.MustCompile(`^spec\.zones(\[\d+\])(\.vmclusters\b)?`)

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
				if message := got.problem(t).Message; !m.names.MatchString(message) {
					t.Errorf("the message does not name the field, which is to match %s: %s", m.names, message)
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
