// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"slices"
	"strings"
	"testing"
)

func TestRebaseTellsOurValuesFromTheirs(t *testing.T) {
	for name, c := range map[string]struct{ base, patch, live, want, foreign string }{
		"untouched":                  {`{"a":1,"b":2}`, `{"a":3}`, `{"a":3,"b":2}`, `{"a":1,"b":2}`, ``},
		"a path beside ours":         {`{"a":1,"b":2}`, `{"a":3}`, `{"a":3,"b":5,"c":6}`, `{"a":1,"b":5,"c":6}`, ``},
		"our path changed":           {`{"a":1}`, `{"a":3}`, `{"a":4}`, `{"a":4}`, `a`},
		"our path set back":          {`{"a":1}`, `{"a":3}`, `{"a":1}`, `{"a":1}`, `a`},
		"our path removed":           {`{"a":1}`, `{"a":3}`, `{}`, `{}`, `a`},
		"our number as a float":      {`{"a":1}`, `{"a":3.0}`, `{"a":3}`, `{"a":1}`, ``},
		"one of two changed":         {`{"m":{"a":1,"b":1}}`, `{"m":{"a":2,"b":2}}`, `{"m":{"a":2,"b":9}}`, `{"m":{"a":1,"b":9}}`, `m.b`},
		"our list changed":           {`{"l":[1]}`, `{"l":[1,2]}`, `{"l":[1,2,3]}`, `{"l":[1,2,3]}`, `l`},
		"our list untouched":         {`{"l":[1]}`, `{"l":[1,2]}`, `{"l":[1,2]}`, `{"l":[1]}`, ``},
		"foreign paths are in order": {`{}`, `{"b":1,"a":{"z":1,"c":1}}`, `{"b":2,"a":{"z":2,"c":2}}`, `{"a":{"c":2,"z":2},"b":2}`, `a.c a.z b`},

		"what we removed stays away":                              {`{"a":1}`, `{"a":null}`, `{}`, `{"a":1}`, ``},
		"what we removed is there again":                          {`{"a":1}`, `{"a":null}`, `{"a":1}`, `{"a":1}`, `a`},
		"what we removed comes back different":                    {`{"m":{"a":1}}`, `{"m":null}`, `{"m":{"b":2}}`, `{"m":{"b":2}}`, `m`},
		"what we removed was never there":                         {`{}`, `{"a":null}`, `{}`, `{}`, ``},
		"what we removed appears the first time":                  {`{}`, `{"a":null}`, `{"a":5}`, `{"a":5}`, `a`},
		"a map we removed stays away":                             {`{"m":{"a":1,"e":{}}}`, `{"m":null}`, `{}`, `{"m":{"a":1,"e":{}}}`, ``},
		"a removed member of a map that was kept":                 {`{"m":{"a":1,"b":2}}`, `{"m":{"a":null}}`, `{"m":{"b":3}}`, `{"m":{"a":1,"b":3}}`, ``},
		"their removal of the map takes our removed member along": {`{"m":{"a":1,"b":2}}`, `{"m":{"a":null}}`, `{}`, `{}`, `m.a`},

		"a map that was there is removed":             {`{"m":{"a":1,"b":2}}`, `{"m":{"a":3}}`, `{}`, `{}`, `m.a`},
		"a map that was there becomes a scalar":       {`{"m":{"a":1}}`, `{"m":{"a":3}}`, `{"m":"x"}`, `{"m":"x"}`, `m.a`},
		"a map that was there keeps being one":        {`{"m":{}}`, `{"m":{"a":3}}`, `{"m":{"a":3}}`, `{"m":{}}`, ``},
		"our empty map over theirs":                   {`{"m":{"a":1}}`, `{"m":{}}`, `{"m":{"a":1}}`, `{"m":{"a":1}}`, ``},
		"the map below our empty map is removed":      {`{"m":{"a":1}}`, `{"m":{}}`, `{}`, `{}`, `m`},
		"a created map goes":                          {`{}`, `{"m":{"a":1,"n":{"b":2}}}`, `{"m":{"a":1,"n":{"b":2}}}`, `{}`, ``},
		"a created map inside one that was there":     {`{"m":{"x":1}}`, `{"m":{"n":{"b":2}}}`, `{"m":{"x":1,"n":{"b":2}}}`, `{"m":{"x":1}}`, ``},
		"a created empty map goes":                    {`{}`, `{"m":{}}`, `{"m":{}}`, `{}`, ``},
		"a created map of nulls goes":                 {`{}`, `{"m":{"a":null}}`, `{"m":{}}`, `{}`, ``},
		"a sibling in a created map keeps it":         {`{}`, `{"m":{"a":1}}`, `{"m":{"a":1,"s":5}}`, `{"m":{"s":5}}`, ``},
		"a sibling in a nested created map":           {`{}`, `{"m":{"n":{"a":1},"b":2}}`, `{"m":{"n":{"a":1,"s":5},"b":2}}`, `{"m":{"n":{"s":5}}}`, ``},
		"a sibling above a nested created map":        {`{}`, `{"m":{"n":{"a":1}}}`, `{"m":{"n":{"a":1},"s":5}}`, `{"m":{"s":5}}`, ``},
		"a sibling in a created empty map":            {`{}`, `{"m":{}}`, `{"m":{"s":5}}`, `{"m":{"s":5}}`, ``},
		"a change in a created map keeps it":          {`{}`, `{"m":{"a":1,"b":2}}`, `{"m":{"a":9,"b":2}}`, `{"m":{"a":9}}`, `m.a`},
		"a created map that somebody emptied is kept": {`{}`, `{"m":{"a":1}}`, `{"m":{}}`, `{"m":{}}`, `m.a`},
		"a created map that somebody removed":         {`{}`, `{"m":{"a":1,"n":{}}}`, `{}`, `{}`, `m.a m.n`},
		"a created map that became a list":            {`{}`, `{"m":{"a":1}}`, `{"m":[1]}`, `{"m":[1]}`, `m.a`},
		"a key we keep out of a created map":          {`{}`, `{"m":{"a":1,"z":null}}`, `{"m":{"a":1,"z":7}}`, `{"m":{"z":7}}`, `m.z`},

		"a scalar under our map":                          {`{"v":5}`, `{"v":{"a":1}}`, `{"v":{"a":1}}`, `{"v":5}`, ``},
		"a list under our map":                            {`{"v":[5]}`, `{"v":{"a":{"b":1}}}`, `{"v":{"a":{"b":1}}}`, `{"v":[5]}`, ``},
		"a scalar under our empty map":                    {`{"v":5}`, `{"v":{}}`, `{"v":{}}`, `{"v":5}`, ``},
		"a scalar gives way to a sibling":                 {`{"v":5}`, `{"v":{"a":1}}`, `{"v":{"a":1,"s":2}}`, `{"v":{"s":2}}`, `v`},
		"a scalar gives way to a change":                  {`{"v":5}`, `{"v":{"a":1,"b":1}}`, `{"v":{"a":1,"b":2}}`, `{"v":{"b":2}}`, `v.b`},
		"a scalar gives way to a sibling deeper down":     {`{"v":5}`, `{"v":{"a":{"b":1}}}`, `{"v":{"a":{"b":1,"s":2}}}`, `{"v":{"a":{"s":2}}}`, `v`},
		"our map became a scalar":                         {`{"v":5}`, `{"v":{"a":1}}`, `{"v":7}`, `{"v":7}`, `v.a`},
		"our map became the old scalar":                   {`{"v":5}`, `{"v":{"a":1}}`, `{"v":5}`, `{"v":5}`, `v.a`},
		"a map under our scalar":                          {`{"m":{"a":1,"b":{}}}`, `{"m":7}`, `{"m":7}`, `{"m":{"a":1,"b":{}}}`, ``},
		"a map under our scalar, and they made a new map": {`{"m":{"a":1}}`, `{"m":7}`, `{"m":{"z":1}}`, `{"m":{"z":1}}`, `m`},

		"a null in live counts as absent":     {`{"a":1}`, `{"a":null}`, `{"a":null}`, `{"a":1}`, ``},
		"a null beside ours in a created map": {`{}`, `{"m":{"a":1}}`, `{"m":{"a":1,"s":null}}`, `{}`, ``},
		"a null outside is carried over":      {`{"n":null}`, `{"a":1}`, `{"a":1,"n":null}`, `{"n":null}`, ``},
		"keys with dots are told apart":       {`{}`, `{"m":{"a.b":1}}`, `{"m":{"a.b":2}}`, `{"m":{"a.b":2}}`, `m[a.b]`},
	} {
		t.Run(name, func(t *testing.T) {
			base, applied := parse(t, c.base), parse(t, c.patch)
			original, foreign := Rebase(parse(t, c.live), applied, Inverse(base, applied))
			expect(t, "original", original, c.want)
			if !slices.Equal(foreign, strings.Fields(c.foreign)) {
				t.Errorf("foreign: got %q, want %q", foreign, strings.Fields(c.foreign))
			}
		})
	}
}

func TestRebaseWithoutARecordKeepsWhatIsLive(t *testing.T) {
	const live = `{"a":3,"m":{"b":1,"s":2},"v":{"x":{}}}`
	applied := parse(t, `{"a":3,"m":{"b":1},"gone":null,"v":{"x":{}}}`)
	for name, inverse := range map[string]string{
		"no inverse":         `null`,
		"an empty inverse":   `{}`,
		"a hole deeper down": `{"m":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			original, foreign := Rebase(parse(t, live), applied, parse(t, inverse))
			expect(t, "original", original, live)
			if foreign != nil {
				t.Errorf("foreign: got %q, want none", foreign)
			}
		})
	}
}
