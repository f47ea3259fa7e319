// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import "math"

// Equal reports whether two values mean the same JSON: numbers are compared by
// value, and a map member that is null counts as absent.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalMaps(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && equalLists(a, b)
	case int64:
		switch b := b.(type) {
		case int64:
			return a == b
		case float64:
			return equalNumbers(a, b)
		}
		return false
	case float64:
		if b, ok := b.(int64); ok {
			return equalNumbers(b, a)
		}
	}
	switch b.(type) {
	case map[string]any, []any:
		return false // not comparable with ==
	}
	return a == b
}

func equalMaps(a, b map[string]any) bool {
	for key, value := range a {
		if value != nil && !Equal(value, b[key]) {
			return false
		}
	}
	for key, value := range b {
		if value != nil && a[key] == nil {
			return false
		}
	}
	return true
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// equalNumbers converts the float, not the integer: neighbouring large integers
// would become the same float.
func equalNumbers(i int64, f float64) bool {
	return f == math.Trunc(f) && f >= math.MinInt64 && f < math.MaxInt64 && int64(f) == i
}
