// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"math"
	"strings"
	"testing"
)

func TestEqualComparesWhatTheJSONMeans(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		want bool
	}{
		"integers":                       {`1`, `1`, true},
		"an integer written as a float":  {`1`, `1.0`, true},
		"minus zero":                     {`0`, `-0.0`, true},
		"different floats":               {`1.5`, `1.25`, false},
		"an integer and a fraction":      {`1`, `1.5`, false},
		"large neighbours":               {`9007199254740993`, `9007199254740992.0`, false},
		"a large float as it is written": {`100000000000000020`, `10000000000000001e1`, true},
		"a large float by its value":     {`100000000000000016`, `10000000000000001e1`, false},
		"a number and its spelling":      {`1`, `"1"`, false},
		"zero and false":                 {`0`, `false`, false},
		"null and zero":                  {`null`, `0`, false},
		"null and an empty map":          {`null`, `{}`, false},
		"null and an empty list":         {`null`, `[]`, false},
		"an empty map and an empty list": {`{}`, `[]`, false},
		"a scalar and a map":             {`1`, `{}`, false},
		"a scalar and a list":            {`"a"`, `["a"]`, false},
		"a float and a list":             {`1.5`, `[1.5]`, false},
		"key order":                      {`{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		"null member is absent":          {`{"a":null}`, `{}`, true},
		"null members of other names":    {`{"a":null}`, `{"b":null}`, true},
		"null member is not a value":     {`{"a":null}`, `{"a":1}`, false},
		"a member more":                  {`{"a":1}`, `{"a":1,"b":1}`, false},
		"lists in order":                 {`[1,2]`, `[2,1]`, false},
		"lists of different length":      {`[1]`, `[1,null]`, false},
		"maps inside lists":              {`[{"a":null,"b":1}]`, `[{"b":1.0}]`, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := parse(t, `{"v":`+c.a+`}`)["v"], parse(t, `{"v":`+c.b+`}`)["v"]
			if Equal(a, b) != c.want || Equal(b, a) != c.want {
				t.Errorf("Equal(%s, %s) = %v, and %v the other way round; want %v both ways", c.a, c.b, Equal(a, b), Equal(b, a), c.want)
			}
		})
	}
}

func TestEqualKeepsTheEdgeOfInt64Apart(t *testing.T) {
	if Equal(int64(math.MaxInt64), float64(math.MaxInt64)) {
		t.Error("2^63-1 and 2^63 are different numbers")
	}
	if Equal(int64(math.MinInt64), float64(math.MinInt64)) {
		t.Error("-2^63 as a float is written -9223372036854776000, which reads as a float again")
	}
}

// A comparison that visits children twice would take 2^depth steps.
func TestEqualAndDiffAreLinearInDepth(t *testing.T) {
	const depth = 5000
	text := strings.Repeat(`{"a":`, depth) + `1` + strings.Repeat(`}`, depth)
	a, b := parse(t, text), parse(t, text)
	if !Equal(a, b) || Diff(a, b) != nil {
		t.Error("a deep document differs from itself")
	}
	if original, foreign := Rebase(b, a, Inverse(nil, a)); len(original) != 0 || foreign != nil {
		t.Errorf("rebasing a deep created map left %v, foreign %v", original, foreign)
	}
}
