// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ours are names of metrics of this project.
var ours = regexp.MustCompile(`^vmdistributed_[a-z_]+$`)

// metricsOfTheSource are all names of metrics that stand in the code, be they
// registered here or elsewhere.
func metricsOfTheSource(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if value, err := strconv.Unquote(literal.Value); err == nil && ours.MatchString(value) {
					names[value] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestTheDocumentationNamesEveryMetric(t *testing.T) {
	t.Parallel()
	const document = "../../docs/metrics.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(vmdistributed_[a-z_]+)` \\|").FindAllStringSubmatch(string(text), -1)
	told := map[string]bool{}
	for _, row := range rows {
		told[row[1]] = true
	}
	known := metricsOfTheSource(t)
	for name := range known {
		if !told[name] {
			t.Errorf("%s has no row for %s", document, name)
		}
	}
	for name := range told {
		if !known[name] {
			t.Errorf("%s tells of %s, which there is not", document, name)
		}
	}
}
