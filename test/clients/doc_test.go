// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is where the parts that are marked in the files of this folder are shown.
const page = "docs/clients.md"

var (
	listing = regexp.MustCompile("(?ms)^(?:<!-- (\\S+): (\\S+) -->\n)?```\\w+\n(.*?)^```$")
	part    = regexp.MustCompile(`(?ms)^[ \t]*(?://|#) doc: (\S+)\n(.*?)^[ \t]*(?://|#) end$`)
)

// TestTheDocShowsWhatIsTested: each listing is a part of a file that these tests
// run, and each such part is shown.
func TestTheDocShowsWhatIsTested(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(shared.root, page))
	must(t, err)
	shown := map[string]bool{}
	for _, found := range listing.FindAllStringSubmatch(string(content), -1) {
		file, name, text := found[1], found[2], found[3]
		if file == "" {
			t.Errorf("%s: a listing does not say where it is from:\n%s", page, text)
			continue
		}
		source, err := os.ReadFile(filepath.Join(shared.root, file))
		must(t, err)
		if want := parts(string(source))[name]; text != want {
			t.Errorf("%s shows of %s, as %s,\n%s\nwhere there is\n%s", page, file, name, text, want)
		}
		shown[file+": "+name] = true
	}
	for _, pattern := range []string{"test/clients/*_test.go", "test/clients/raw.sh", "test/clients/typescript/src/*.ts"} {
		files, err := filepath.Glob(filepath.Join(shared.root, pattern))
		must(t, err)
		if len(files) == 0 {
			t.Errorf("there is no %s", pattern)
		}
		for _, path := range files {
			source, err := os.ReadFile(path)
			must(t, err)
			file, err := filepath.Rel(shared.root, path)
			must(t, err)
			for name := range parts(string(source)) {
				if place := fmt.Sprintf("%s: %s", file, name); !shown[place] {
					t.Errorf("%s is marked to be shown, and %s does not show it", place, page)
				}
			}
		}
	}
}

// parts returns what is marked in a source, by name, without common indentation.
func parts(source string) map[string]string {
	found := map[string]string{}
	for _, match := range part.FindAllStringSubmatch(source, -1) {
		found[match[1]] = dedent(strings.Trim(match[2], "\n") + "\n")
	}
	return found
}

func dedent(text string) string {
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	lines := strings.SplitAfter(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], indent)
	}
	return strings.Join(lines, "")
}
