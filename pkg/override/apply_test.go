// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import "testing"

func TestApplyFollowsRFC7396(t *testing.T) {
	for name, c := range map[string]struct{ base, patch, want string }{
		"a member is replaced":                     {`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		"a member is added":                        {`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		"null removes":                             {`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		"null on an absent member does nothing":    {`{"a":"b"}`, `{"c":null}`, `{"a":"b"}`},
		"maps merge":                               {`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		"lists are replaced":                       {`{"a":[1,2,3]}`, `{"a":[4]}`, `{"a":[4]}`},
		"nulls inside lists stay":                  {`{}`, `{"a":[null,{"b":null}]}`, `{"a":[null,{"b":null}]}`},
		"a list replaces a map":                    {`{"a":{"b":1}}`, `{"a":[1]}`, `{"a":[1]}`},
		"a map replaces a list":                    {`{"a":[1]}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"a scalar replaces a map":                  {`{"a":{"b":1}}`, `{"a":1}`, `{"a":1}`},
		"a map replaces a scalar":                  {`{"a":1}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"zero counts":                              {`{"a":2,"b":"x","c":true}`, `{"a":0,"b":"","c":false}`, `{"a":0,"b":"","c":false}`},
		"an empty list counts":                     {`{"a":[1]}`, `{"a":[]}`, `{"a":[]}`},
		"an empty map over a map changes nothing":  {`{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":1}}`},
		"an empty map over a scalar replaces it":   {`{"a":1}`, `{"a":{}}`, `{"a":{}}`},
		"an empty map is created":                  {`{}`, `{"a":{"b":{}}}`, `{"a":{"b":{}}}`},
		"nulls of a created map leave no trace":    {`{}`, `{"a":{"b":{"c":null}}}`, `{"a":{"b":{}}}`},
		"nulls that the patch does not reach stay": {`{"a":null,"b":{"c":null}}`, `{"b":{"d":1}}`, `{"a":null,"b":{"c":null,"d":1}}`},
		"an empty patch changes nothing":           {`{"a":1}`, `{}`, `{"a":1}`},
		"a nil patch changes nothing":              {`{"a":1}`, `null`, `{"a":1}`},
		"a nil base is an empty document":          {`null`, `{"a":1}`, `{"a":1}`},
		"numbers keep their kind":                  {`{"a":1}`, `{"b":1.5,"c":9007199254740993}`, `{"a":1,"b":1.5,"c":9007199254740993}`},
	} {
		t.Run(name, func(t *testing.T) {
			base, patch := parse(t, c.base), parse(t, c.patch)
			expect(t, "Apply", Apply(base, patch), c.want)
		})
	}
}

func TestResultsShareNoMemoryWithArguments(t *testing.T) {
	const base, patch = `{"a":{"b":[{"c":1}]},"d":{"e":[1]},"g":{"h":[{"i":1}]}}`, `{"a":{"b":[{"x":1}]},"f":{"y":[1]},"g":null}`
	results := map[string]func(base, patch map[string]any) map[string]any{
		"Apply":   Apply,
		"Inverse": Inverse,
		"Diff":    Diff,
		"Rebase": func(base, patch map[string]any) map[string]any {
			original, _ := Rebase(Apply(base, patch), patch, Inverse(base, patch))
			return original
		},
		"Rebase of what somebody changed": func(base, patch map[string]any) map[string]any {
			original, _ := Rebase(base, patch, nil)
			return original
		},
	}
	for name, result := range results {
		t.Run(name, func(t *testing.T) {
			b, p := parse(t, base), parse(t, patch)
			scribble(result(b, p))
			expect(t, "base", b, base)
			expect(t, "patch", p, patch)
		})
	}
}

// scribble overwrites everything that can be reached.
func scribble(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			scribble(value[key])
			value[key] = "scribbled"
		}
		value["scribbled"] = true
	case []any:
		for i := range value {
			scribble(value[i])
			value[i] = "scribbled"
		}
	}
}
