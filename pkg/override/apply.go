// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import "k8s.io/apimachinery/pkg/runtime"

// Apply returns base with the merge patch on it.
func Apply(base, patch map[string]any) map[string]any {
	return merge(copyMap(base), patch)
}

// merge puts patch on target, which it owns and changes.
func merge(target, patch map[string]any) map[string]any {
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(target, key)
		case map[string]any:
			// What is not a map gives way to one. The patch goes over the empty
			// map too, so that its own nulls do not end up in the document.
			sub, ok := target[key].(map[string]any)
			if !ok || sub == nil {
				sub = map[string]any{}
			}
			target[key] = merge(sub, value)
		default:
			target[key] = runtime.DeepCopyJSONValue(value)
		}
	}
	return target
}

// copyMap deep copies a document; of nil it makes an empty one.
func copyMap(doc map[string]any) map[string]any {
	if doc == nil {
		return map[string]any{}
	}
	return runtime.DeepCopyJSON(doc)
}

// asPatchValue deep copies a value for use in a merge patch that is to create
// it: nulls in maps would remove instead of create, so they are left out.
func asPatchValue(value any) any {
	if m, ok := value.(map[string]any); ok {
		return merge(map[string]any{}, m)
	}
	return runtime.DeepCopyJSONValue(value)
}
