// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

// Inverse returns the merge patch that takes Apply(base, patch) back to base.
//
// It holds an entry for every leaf of patch, also where patch changes nothing,
// so that the original of every overridden path is on record: its value, or
// null where there was none. Where patch created, replaced or removed a map as
// a whole, the entry stands at that map. An empty map in patch over a map in
// base changes nothing and has no entry.
func Inverse(base, patch map[string]any) map[string]any {
	inverse := map[string]any{}
	for key, value := range patch {
		was, wasMap := base[key].(map[string]any)
		if sub, ok := value.(map[string]any); ok && wasMap {
			if restore := Inverse(was, sub); len(restore) > 0 {
				inverse[key] = restore
			}
			continue
		}
		inverse[key] = asPatchValue(base[key])
	}
	return inverse
}
