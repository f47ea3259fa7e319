// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
)

// Rebase finds out what live would be without the override. live is a document
// on which applied was put earlier, and inverse is what Inverse returned then.
//
// Where live still holds what applied put there, the original is the one on
// record in inverse. Where somebody else has written since, what they wrote is
// the new original, and the path is in foreign, dotted and sorted. Everything
// outside applied is taken from live.
//
// What follows from that in the corners:
//   - A map that only the override had made goes away with it, unless somebody
//     wrote in it: then it stays, without what is still ours.
//   - Where the override had put a map in place of a scalar or a list and
//     somebody added to that map, the scalar cannot come back beside their
//     addition: the map stays, and its path is in foreign.
//   - A map that somebody removed or replaced as a whole takes all leaves of
//     applied below it along, those that were null included.
//   - A leaf without a record in inverse has no known original: live stands.
//
// As long as foreign is empty, Apply(original, applied) equals live. The
// recorded inverse may still be out of date (somebody added to a map that the
// override had made), so record Inverse(original, applied) from here on.
func Rebase(live, applied, inverse map[string]any) (original map[string]any, foreign []string) {
	r := &rebase{}
	original = r.members(live, applied, record{known: true, value: inverse}, nil)
	slices.Sort(r.foreign)
	return original, r.foreign
}

// record is what inverse says about the value that a path had before the
// override; the value nil means that there was none.
type record struct {
	known bool
	value any
}

// member returns the record of a member of the recorded value. Below what was
// not a map there was nothing, which is knowledge too.
func (r record) member(key string) record {
	if !r.known {
		return record{}
	}
	m, ok := r.value.(map[string]any)
	if !ok {
		return record{known: true}
	}
	value, ok := m[key]
	return record{known: ok, value: value}
}

type rebase struct {
	foreign []string
}

// members returns the original of a map that live and applied both hold.
func (r *rebase) members(live, applied map[string]any, was record, path []string) map[string]any {
	original := make(map[string]any, len(live))
	for key, theirs := range live {
		if _, overridden := applied[key]; !overridden {
			original[key] = runtime.DeepCopyJSONValue(theirs)
		}
	}
	for key, ours := range applied {
		if value := r.value(live[key], ours, was.member(key), child(path, key)); value != nil {
			original[key] = value
		}
	}
	return original
}

// value returns the original at path, nil for none.
func (r *rebase) value(live, ours any, was record, path []string) any {
	if ours, ok := ours.(map[string]any); ok {
		return r.subtree(live, ours, was, path)
	}
	if !Equal(live, ours) {
		r.foreign = append(r.foreign, dotted(path))
		return runtime.DeepCopyJSONValue(live)
	}
	if !was.known {
		return runtime.DeepCopyJSONValue(live)
	}
	return asPatchValue(was.value)
}

// subtree returns the original at a path where applied holds a map.
func (r *rebase) subtree(live any, ours map[string]any, was record, path []string) any {
	liveMap, ok := live.(map[string]any)
	if !ok {
		r.allForeign(ours, path)
		return runtime.DeepCopyJSONValue(live)
	}
	before := len(r.foreign)
	original := r.members(liveMap, ours, was, path)
	if _, wasMap := was.value.(map[string]any); wasMap || !was.known {
		return original
	}
	untouched := len(r.foreign) == before
	if untouched && Equal(original, map[string]any{}) {
		return asPatchValue(was.value)
	}
	if untouched && was.value != nil {
		r.foreign = append(r.foreign, dotted(path))
	}
	return original
}

// allForeign reports every leaf of applied at and below path.
func (r *rebase) allForeign(applied map[string]any, path []string) {
	if len(applied) == 0 {
		r.foreign = append(r.foreign, dotted(path))
	}
	for _, leaf := range appendLeaves(nil, path, applied) {
		r.foreign = append(r.foreign, dotted(leaf))
	}
}
