// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import "testing"

func TestInverseRecordsTheOriginalOfEveryOverriddenPath(t *testing.T) {
	for name, c := range map[string]struct{ base, patch, want string }{
		"a changed scalar":                     {`{"a":1}`, `{"a":2}`, `{"a":1}`},
		"a scalar set to what it was":          {`{"a":1}`, `{"a":1}`, `{"a":1}`},
		"an added scalar":                      {`{}`, `{"a":2}`, `{"a":null}`},
		"a removed scalar":                     {`{"a":1}`, `{"a":null}`, `{"a":1}`},
		"a removal of what was not there":      {`{}`, `{"a":null}`, `{"a":null}`},
		"a replaced list":                      {`{"a":[1,2]}`, `{"a":[]}`, `{"a":[1,2]}`},
		"a member of a map":                    {`{"a":{"b":1,"c":2}}`, `{"a":{"b":3}}`, `{"a":{"b":1}}`},
		"a member added to a map":              {`{"a":{"c":2}}`, `{"a":{"b":3}}`, `{"a":{"b":null}}`},
		"a created map goes as a whole":        {`{}`, `{"a":{"b":{"c":1}}}`, `{"a":null}`},
		"a created map inside a map":           {`{"a":{}}`, `{"a":{"b":{"c":1}}}`, `{"a":{"b":null}}`},
		"a removed map comes back as a whole":  {`{"a":{"b":1,"c":{"d":2}}}`, `{"a":null}`, `{"a":{"b":1,"c":{"d":2}}}`},
		"a removed empty map":                  {`{"a":{}}`, `{"a":null}`, `{"a":{}}`},
		"a map replaced by a scalar":           {`{"a":{"b":1}}`, `{"a":5}`, `{"a":{"b":1}}`},
		"a scalar replaced by a map":           {`{"a":5}`, `{"a":{"b":1}}`, `{"a":5}`},
		"a list replaced by a map":             {`{"a":[5]}`, `{"a":{"b":1}}`, `{"a":[5]}`},
		"an empty map over a map":              {`{"a":{"b":1}}`, `{"a":{}}`, `{}`},
		"an empty map over nothing":            {`{}`, `{"a":{}}`, `{"a":null}`},
		"an empty map over a scalar":           {`{"a":1}`, `{"a":{}}`, `{"a":1}`},
		"a null of base counts as absent":      {`{"a":null}`, `{"a":1}`, `{"a":null}`},
		"nulls below base's maps are left out": {`{"a":{"b":null,"c":1}}`, `{"a":1}`, `{"a":{"c":1}}`},
		"an empty patch":                       {`{"a":1}`, `{}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			base, patch := parse(t, c.base), parse(t, c.patch)
			inverse := Inverse(base, patch)
			expect(t, "Inverse", inverse, c.want)
			expect(t, "base after the round trip", withoutNulls(Apply(Apply(base, patch), inverse)), render(t, withoutNulls(base)))
		})
	}
}
