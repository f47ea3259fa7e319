// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"math"
	"strconv"
)

// Equal reports whether two values mean the same JSON: numbers are compared by
// the value that they are written with, and a map member that is null counts as
// absent.
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

// equalNumbers compares an integer with the one that the float is written as: that
// is what an API server reads, and from 2^53 on it may be another one than the
// float's value.
func equalNumbers(i int64, f float64) bool {
	if f != math.Trunc(f) {
		return false
	}
	written, err := strconv.ParseInt(strconv.FormatFloat(f, 'f', -1, 64), 10, 64)
	return err == nil && written == i
}
