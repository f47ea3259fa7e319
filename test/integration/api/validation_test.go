// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// documented is one rule of docs/validation.md.
type documented struct {
	section, rule, example, message string
}

// documentedIn is the namespace that the messages in the document name.
const documentedIn = "validation"

// TestEveryDocumentedRuleIsToldAsDocumented walks the tables of docs/validation.md,
// and applies each example with kubectl.
func TestEveryDocumentedRuleIsToldAsDocumented(t *testing.T) {
	t.Parallel()
	rules := documentedRules(t)
	if len(rules) < 50 {
		t.Fatalf("the document has %d rules only", len(rules))
	}
	_, err := shared.admin.kubernetes.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: documentedIn}}, metav1.CreateOptions{})
	must(t, err)
	vmcluster(t, documentedIn, "there")
	shared.admin.create(t, documentedIn, paused("other", one("taken"))).want(t, http.StatusCreated)
	bob := filepath.Join(t.TempDir(), "bob.kubeconfig")
	must(t, shared.cp.WriteKubeconfig(bob, "bob"))
	grant(t, documentedIn, "bob", ours)
	eventually(t, "bob may write", func() bool {
		return !strings.Contains(as(t, "bob").create(t, documentedIn, object("x", `{}`)).problem(t).Message, "vmdistributedclusters\" in API group")
	})
	for _, r := range rules {
		t.Run(r.section+"/"+r.rule, func(t *testing.T) {
			t.Parallel()
			args := []string{"apply", "-f", file(t, "x.json", r.manifest(t))}
			if r.section == "Rights" {
				args = append(args, "--kubeconfig", bob)
			}
			if r.example == "1 MiB and more" {
				args = append(args, "--server-side") // else the last manifest is too long for an annotation
			}
			got := tryKubectl(t, documentedIn, args...)
			if told := messagesOf(got.stderr); !slices.Contains(told, r.message) {
				t.Errorf("told is\n%s\nand documented\n%s", strings.Join(told, "\n"), r.message)
			}
			if got.code == 0 {
				t.Error("it was accepted")
			}
		})
	}
}

// kindOfVerb are the kinds of the bodies.
var kindOfVerb = map[string]string{"promote": "VMDistributedClusterPromotion", "abort": "VMDistributedClusterAbort", "retry": "VMDistributedClusterRetry", "undo": "VMDistributedClusterUndo", "skip": "VMDistributedClusterSkip", "restart": "VMDistributedClusterRestart"}

// TestEveryDocumentedVerbIsRefusedAsDocumented says each verb of docs/validation.md with
// kubectl.
func TestEveryDocumentedVerbIsRefusedAsDocumented(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", `[{"name":"a","spec":{}}]`)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	rows := documentedTables(t, "verb", "body", "message")
	if len(rows) < 8 {
		t.Fatalf("the document has %d refusals of verbs only", len(rows))
	}
	dir := t.TempDir() // that of a subtest has its name, in which kubectl reads commas
	for i, row := range rows {
		verb, message := codeIn(row.cells[0])[0], codeIn(row.cells[2])[0]
		t.Run(verb+" "+row.cells[1], func(t *testing.T) {
			t.Parallel()
			body := map[string]any{}
			if row.cells[1] == "a `reason` of 1025 bytes" {
				body["reason"] = strings.Repeat("x", 1025)
			} else {
				must(t, yaml.Unmarshal([]byte(codeIn(row.cells[1])[0]), &body))
			}
			body["apiVersion"], body["kind"] = groupVersion, kindOfVerb[verb]
			path := filepath.Join(dir, fmt.Sprintf("%d.json", i))
			must(t, os.WriteFile(path, []byte(encode(t, body)), 0o600))
			got := tryKubectl(t, namespace, "create", "--raw", in(namespace, "x", verb), "-f", path)
			if told := messagesOf(got.stderr); !slices.Contains(told, message) {
				t.Errorf("told is\n%s\nand documented\n%s", strings.Join(told, "\n"), message)
			}
			if got.code == 0 {
				t.Error("it was accepted")
			}
		})
	}
}

// told is how kubectl begins what it passes on.
var told = regexp.MustCompile(`(?s)^(The VMDistributedCluster "x?" is invalid: (\* )?|Error from server \([A-Za-z]+\): (error when [^"]*"[^"]*": )?|Warning: )(.*)$`)

// messagesOf are the messages in what kubectl prints.
func messagesOf(stderr string) []string {
	var found []string
	for _, line := range strings.Split(strings.TrimSpace(stderr), "\n") {
		if parts := told.FindStringSubmatch(line); parts != nil {
			line = parts[len(parts)-1]
		}
		found = append(found, strings.TrimPrefix(line, "* "))
	}
	return found
}

// manifest is the example as an object.
func (r documented) manifest(t *testing.T) string {
	t.Helper()
	spec := map[string]any{"zones": []any{map[string]any{"name": "a", "spec": map[string]any{}}}}
	annotations := map[string]any{}
	switch {
	case r.example == "101 zones":
		var zones []any
		for i := range 101 {
			zones = append(zones, map[string]any{"name": fmt.Sprint("a", i), "spec": map[string]any{}})
		}
		spec["zones"] = zones
	case r.example == "1 MiB and more":
		// Known to the schema, and larger than the last manifest may be in an annotation.
		spec["zones"] = []any{map[string]any{"name": "a", "spec": map[string]any{"retentionPeriod": strings.Repeat("1", 1<<20)}}}
	case strings.HasPrefix(r.example, "annotation "):
		parts := codeIn(r.example)
		annotations["distributed.victoriametrics.com/"+parts[0]] = parts[1]
	default:
		must(t, yaml.Unmarshal([]byte(codeIn(r.example)[0]), &spec))
	}
	return encode(t, map[string]any{
		"apiVersion": groupVersion, "kind": "VMDistributedCluster",
		"metadata": map[string]any{"name": "x", "annotations": annotations}, "spec": spec,
	})
}

// documentedRules reads the tables with the columns rule, example and message.
func documentedRules(t *testing.T) []documented {
	t.Helper()
	var found []documented
	for _, row := range documentedTables(t, "rule", "example", "message") {
		if len(codeIn(row.cells[2])) != 1 {
			t.Fatalf("not a rule, an example and a message: %q", row.cells)
		}
		found = append(found, documented{section: row.section, rule: row.cells[0], example: row.cells[1], message: codeIn(row.cells[2])[0]})
	}
	return found
}

// row is one of a table, with the heading that the table is under.
type row struct {
	section string
	cells   []string
}

// documentedTables reads the rows of the tables in docs/validation.md that have
// these columns.
func documentedTables(t *testing.T, columns ...string) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shared.root, "docs", "validation.md"))
	must(t, err)
	var found []row
	var section string
	var inTable bool
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
		}
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case slices.Equal(cells, columns):
			inTable = true
		case inTable && !strings.HasPrefix(cells[0], "---"):
			if len(cells) != len(columns) {
				t.Fatalf("not a row of %q: %s", columns, line)
			}
			found = append(found, row{section, cells})
		}
	}
	return found
}

var code = regexp.MustCompile("`` (.+?) ``|``(.+?)``|`([^`]+)`")

// codeIn are the parts of a text that are set as code.
func codeIn(text string) []string {
	var found []string
	for _, match := range code.FindAllStringSubmatch(text, -1) {
		found = append(found, strings.TrimSpace(match[1]+match[2]+match[3]))
	}
	return found
}
