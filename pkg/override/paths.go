// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"slices"
	"strings"
)

// Paths returns the paths at which a merge patch sets or removes something, in
// order: those of its scalars, lists and nulls, and of its empty maps, which
// say that there has to be a map.
func Paths(patch map[string]any) [][]string {
	return appendLeaves(nil, nil, patch)
}

func appendLeaves(leaves [][]string, path []string, doc map[string]any) [][]string {
	for _, key := range sortedKeys(doc) {
		at := child(path, key)
		if sub, ok := doc[key].(map[string]any); ok && len(sub) > 0 {
			leaves = appendLeaves(leaves, at, sub)
			continue
		}
		leaves = append(leaves, at)
	}
	return leaves
}

// child returns path with key at its end, in memory of its own.
func child(path []string, key string) []string {
	return append(slices.Clone(path), key)
}

func sortedKeys(doc map[string]any) []string {
	keys := make([]string, 0, len(doc))
	for key := range doc {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// dotted renders a path for people: a.b.c, with brackets around a key that
// would be mistaken for several, as in podMetadata.annotations[example.com/a].
func dotted(path []string) string {
	var b strings.Builder
	for i, key := range path {
		switch {
		case key == "" || strings.ContainsAny(key, ".[]"):
			b.WriteString("[" + key + "]")
		case i == 0:
			b.WriteString(key)
		default:
			b.WriteString("." + key)
		}
	}
	return b.String()
}
