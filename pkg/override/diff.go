// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

// Diff returns the merge patch that turns from into to, and nil where they are
// Equal.
//
// A merge patch says everything but null: a null in a map of to counts as
// absent, and the patch removes what from has there. Nulls inside lists are
// kept, since lists travel whole.
func Diff(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for key, have := range from {
		if have != nil && to[key] == nil {
			patch[key] = nil
		}
	}
	for key, want := range to {
		wantMap, isMap := want.(map[string]any)
		haveMap, wasMap := from[key].(map[string]any)
		if isMap && wasMap {
			if sub := Diff(haveMap, wantMap); sub != nil {
				patch[key] = sub
			}
			continue
		}
		if want != nil && !Equal(from[key], want) {
			patch[key] = asPatchValue(want)
		}
	}
	if len(patch) == 0 {
		return nil
	}
	return patch
}
