// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import "testing"

func TestDiffIsTheSmallestPatch(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"nothing":                               {`{"a":1,"b":{"c":[1]}}`, `{"a":1,"b":{"c":[1]}}`, `null`},
		"two empty documents":                   {`{}`, `null`, `null`},
		"a number spelled differently":          {`{"a":1}`, `{"a":1.0}`, `null`},
		"a changed member":                      {`{"a":1,"b":2}`, `{"a":3,"b":2}`, `{"a":3}`},
		"an added member":                       {`{}`, `{"a":0}`, `{"a":0}`},
		"a removed member":                      {`{"a":1}`, `{}`, `{"a":null}`},
		"a change inside a map":                 {`{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":3}}`, `{"a":{"c":3}}`},
		"a map emptied, not removed":            {`{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":null}}`},
		"a map removed":                         {`{"a":{"b":1}}`, `{}`, `{"a":null}`},
		"a map added":                           {`{}`, `{"a":{"b":{}}}`, `{"a":{"b":{}}}`},
		"a scalar into a map":                   {`{"a":1}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"a scalar into an empty map":            {`{"a":1}`, `{"a":{}}`, `{"a":{}}`},
		"a map into a scalar":                   {`{"a":{"b":1}}`, `{"a":1}`, `{"a":1}`},
		"a list, whole":                         {`{"a":[1,2]}`, `{"a":[1,2,3]}`, `{"a":[1,2,3]}`},
		"a null that cannot be said is absence": {`{"a":1}`, `{"a":null}`, `{"a":null}`},
		"a null where nothing was":              {`{}`, `{"a":null}`, `null`},
		"nulls in an added map are left out":    {`{}`, `{"a":{"b":null,"c":1}}`, `{"a":{"c":1}}`},
		"a null in from is absence":             {`{"a":null}`, `{}`, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := parse(t, c.from), parse(t, c.to)
			patch := Diff(from, to)
			expect(t, "Diff", patch, c.want)
			if got := Apply(from, patch); !Equal(got, copyMap(to)) {
				t.Errorf("Apply(%s, %s) = %s, want %s", c.from, render(t, patch), render(t, got), c.to)
			}
		})
	}
}
