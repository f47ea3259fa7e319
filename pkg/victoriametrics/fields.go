// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"math"
	"strings"
)

// member returns the value at a path of maps, nil where the way there ends.
func member(value any, path ...string) any {
	for _, key := range path {
		m, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = m[key]
	}
	return value
}

// object returns the map at a path, nil where there is none.
func object(value any, path ...string) map[string]any {
	m, _ := member(value, path...).(map[string]any)
	return m
}

// flag returns whether there is a true at a path.
func flag(value any, path ...string) bool {
	b, _ := member(value, path...).(bool)
	return b
}

// text returns the string at a path, "" where there is none.
func text(value any, path ...string) string {
	s, _ := member(value, path...).(string)
	return s
}

// integer reads a whole number as JSON decoders deliver it.
func integer(value any) (int64, bool) {
	switch n := value.(type) {
	case int64:
		return n, true
	case float64:
		if n == math.Trunc(n) && n >= math.MinInt64 && n < math.MaxInt64 {
			return int64(n), true
		}
	}
	return 0, false
}

// dotted renders a path for people: a.b.c, with brackets around a key that
// would be mistaken for several. Package override renders its paths so too.
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
