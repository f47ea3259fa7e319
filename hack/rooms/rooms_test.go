// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rooms holds the tables of rooms in the documentation against the folders that
// there are: who looks for something finds it, and nothing that is gone.
package rooms

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

var (
	// firstCell is that of a line of a table.
	firstCell = regexp.MustCompile("(?m)^\\| (`[^|]*) \\|")
	quoted    = regexp.MustCompile("`([^`]+)`")
)

// TestEveryRoomIsInTheDocumentation with a line, and no line is about a room that isn't there.
func TestEveryRoomIsInTheDocumentation(t *testing.T) {
	for document, parents := range map[string][]string{
		"docs/architecture.md": {"pkg"},
		"docs/development.md":  {"test", "test/integration"},
	} {
		told := foldersIn(t, document)
		for _, parent := range parents {
			for _, room := range rooms(t, parent) {
				if !slices.Contains(told, room) {
					t.Errorf("%s has no line for %s", document, room)
				}
			}
			for _, folder := range told {
				if filepath.Dir(folder) != parent {
					continue
				}
				if info, err := os.Stat(filepath.Join(root, folder)); err != nil || !info.IsDir() {
					t.Errorf("%s tells of %s, which is not there", document, folder)
				}
			}
		}
	}
}

// foldersIn are those that the tables of a document have lines for.
func foldersIn(t *testing.T, document string) (folders []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	for _, cell := range firstCell.FindAllStringSubmatch(string(raw), -1) {
		for _, folder := range quoted.FindAllStringSubmatch(cell[1], -1) {
			folders = append(folders, folder[1])
		}
	}
	if len(folders) == 0 {
		t.Fatalf("%s has no table of rooms", document)
	}
	return folders
}

// rooms are the folders in a folder that have Go files somewhere below them, but for those
// that are parents of rooms themselves.
func rooms(t *testing.T, parent string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, parent))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		room := filepath.Join(parent, entry.Name())
		if entry.IsDir() && room != "test/integration" && hasGo(t, room) {
			found = append(found, room)
		}
	}
	return found
}

func hasGo(t *testing.T, folder string) (has bool) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, folder), func(_ string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir() && strings.HasSuffix(entry.Name(), ".go"):
			has = true
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return has
}
