// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// reasonsOfTheSource are the values of all constants in reasons.go.
func reasonsOfTheSource(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, value)
		}
		return true
	})
	if len(reasons) < 40 {
		t.Fatalf("found %d reasons, which are too few to be all", len(reasons))
	}
	return reasons
}

func TestEveryReasonHasTheRemedyThatTheDocumentationTells(t *testing.T) {
	t.Parallel()
	const document = "../../docs/rollout.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## Reasons\n")
	if !found {
		t.Fatalf("%s has no section Reasons", document)
	}
	told := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| ([^|]*) \\| `([A-Za-z]+)` \\| ([^|]*) \\|$")
	for _, line := range row.FindAllStringSubmatch(table, -1) {
		told[line[2]] = line[3]
	}
	for _, reason := range reasonsOfTheSource(t) {
		if reason == ReasonUpToDate {
			continue // nothing is wrong
		}
		if want := Remedy(reason); want == "" || told[reason] != want {
			t.Errorf("%s lacks this line, with the phases in place of the dots:\n%s", document, fmt.Sprintf("| ... | `%s` | %s |", reason, want))
		}
		delete(told, reason)
	}
	for reason := range told {
		t.Errorf("%s tells of %s, which is no reason", document, reason)
	}
}
