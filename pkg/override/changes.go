// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"maps"
	"slices"
)

// Change is one place at which a document differs from another.
type Change struct {
	// Path is dotted.
	Path string
	// From and To are what is there and what would be; nil for nothing.
	From, To any
}

// Changes returns the places at which to differs from from, in order: scalars,
// lists as a whole, and maps where the other side has something that is no map. Of
// a map that only one side has, each leaf is a place. The values share memory with
// the documents.
func Changes(from, to map[string]any) []Change {
	return appendChanges(nil, nil, from, to)
}

func appendChanges(found []Change, path []string, from, to map[string]any) []Change {
	keys := sortedKeys(from)
	for key := range maps.Keys(to) {
		if _, both := from[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		was, will, at := from[key], to[key], child(path, key)
		if Equal(was, will) {
			continue
		}
		wasMap, willMap := membersOf(was), membersOf(will)
		if wasMap != nil && willMap != nil || wasMap != nil && will == nil || willMap != nil && was == nil {
			if below := appendChanges(nil, at, wasMap, willMap); below != nil {
				found = append(found, below...)
				continue
			}
		}
		found = append(found, Change{Path: dotted(at), From: was, To: will})
	}
	return found
}

// membersOf are those of a map; nil of anything else.
func membersOf(value any) map[string]any {
	members, _ := value.(map[string]any)
	return members
}
