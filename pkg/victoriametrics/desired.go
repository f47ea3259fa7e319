// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// DifferenceKind says how far a VMCluster is from what it should be.
type DifferenceKind string

const (
	// DifferenceNone says that there is nothing to write.
	DifferenceNone DifferenceKind = "None"
	// DifferenceMetadata is in our annotations only, which disturbs nothing.
	DifferenceMetadata DifferenceKind = "Metadata"
	// DifferenceSpec is in the definition, which goes through the gates of a rollout.
	DifferenceSpec DifferenceKind = "Spec"
)

// Difference is what separates a VMCluster from what it should be.
type Difference struct {
	Kind DifferenceKind
	// Paths are the places in the spec that a write will change, dotted and
	// sorted, such as vmstorage.replicaCount. A list counts as one place.
	Paths []string
	// Managers are the field managers other than ours that own any of Paths.
	Managers []string
}

// revisionLength is how much of the hash is kept; 40 bits are enough to tell the
// definitions of one zone apart.
const revisionLength = 10

// Revision returns a short hash of a desired state, the same for the same JSON:
// the order of keys does not matter, nor whether a whole number came as integer
// or float. kind separates states of different meaning, such as "inline" and
// "override". A nil desired state differs from an empty one.
func Revision(kind string, desired map[string]any) string {
	canonical, err := json.Marshal([]any{kind, desired})
	if err != nil {
		// Decoded JSON can always be encoded.
		panic("desired state is not JSON: " + err.Error())
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])[:revisionLength]
}

// Contains reports whether live has everything that desired asks for. Maps may
// hold more, lists must have the same length and contain item by item (a schema
// may have set defaults inside an item), null asks for absence, and numbers are
// compared by value.
func Contains(live, desired any) bool {
	return len(missing(live, desired, nil, listContains)) == 0
}

// missing returns the paths at which live is not as desired; sameList compares
// lists, which count as one place.
func missing(live, desired any, path []string, sameList func(live, desired []any) bool) [][]string {
	switch desired := desired.(type) {
	case nil:
		if live == nil {
			return nil
		}
	case []any:
		if live, ok := live.([]any); ok && sameList(live, desired) {
			return nil
		}
	case map[string]any:
		if live, ok := live.(map[string]any); ok {
			var paths [][]string
			for key, value := range desired {
				at := append(slices.Clone(path), key)
				paths = append(paths, missing(live[key], value, at, sameList)...)
			}
			return paths
		}
	default:
		if override.Equal(live, desired) {
			return nil
		}
	}
	return [][]string{path}
}

func listContains(live, desired []any) bool {
	return slices.EqualFunc(live, desired, Contains)
}

func listEqual(live, desired []any) bool {
	return override.Equal(live, desired)
}

// dottedPaths renders paths, sorted and each once.
func dottedPaths(paths [][]string) []string {
	var rendered []string
	for _, path := range paths {
		rendered = append(rendered, dotted(path))
	}
	slices.Sort(rendered)
	return slices.Compact(rendered)
}
