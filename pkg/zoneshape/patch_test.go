// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"fmt"
	"testing"
)

func TestValuesOfAJSONPatchBecomeCanonical(t *testing.T) {
	for name, c := range map[string]struct{ path, value, want string }{
		"the whole object":           {``, `{"a":1,"spec":{"zones":[{"vmclusters":{"name":"a"}}]}}`, `{"a":1,"spec":{"zones":{"vmclusters":[{"name":"a"}]}}}`},
		"spec":                       {`/spec`, `{"paused":true,"zones":[{"name":"a"}]}`, `{"paused":true,"zones":{"vmclusters":[{"name":"a"}]}}`},
		"zones":                      {`/spec/zones`, `[{"name":"a"},{"vmclusters":[{"name":"b"}]}]`, `{"vmclusters":[{"name":"a"},{"name":"b"}]}`},
		"the list of entries":        {`/spec/zones/vmclusters`, `[{"name":"a"},{"vmclusters":{"name":"b"}}]`, `[{"name":"a"},{"name":"b"}]`},
		"a wrapped list of entries":  {`/spec/zones/vmclusters`, `[{"vmclusters":[{"name":"a"},{"name":"b"}]}]`, `[{"name":"a"},{"name":"b"}]`},
		"an entry at the end":        {`/spec/zones/vmclusters/-`, `{"vmclusters":{"name":"b"}}`, `{"name":"b"}`},
		"an entry at a place":        {`/spec/zones/vmclusters/12`, `{"vmclusters":{"name":"b"},"x":1.0}`, `{"name":"b","x":1.0}`},
		"an entry counted from last": {`/spec/zones/vmclusters/-1`, `{"vmclusters":{"name":"b"}}`, `{"name":"b"}`},
		"an entry of no kind":        {`/spec/zones/vmclusters/0`, `{"vmclusters":null}`, `null`},
		"before the first slash":     {`x/spec/zones`, `[]`, `{"vmclusters":[]}`},
		"an escaped path":            {`\/sp\u0065c/zones`, `[]`, `{"vmclusters":[]}`},
	} {
		for _, op := range []string{"add", "replace", "test"} {
			t.Run(op+" "+name, func(t *testing.T) {
				// What is no zones stays as it is written.
				const format = "[ {\"op\":\"add\", \"path\":\"/metadata/annotations\",\"value\":{\"n\":1.50}} ,{\"path\":\"%s\",\"value\" : %s ,\"op\":\"%s\"}]\n"
				expectRewrite(t, patchType, fmt.Sprintf(format, c.path, c.value, op), patchType, fmt.Sprintf(format, c.path, c.want, op))
			})
		}
	}
}

func TestOperationsWithoutAListOfZonesAreUntouched(t *testing.T) {
	for name, body := range map[string]string{
		"canonical zones":                    `[{"op":"add","path":"/spec/zones","value":{"vmclusters":[{"name":"a"}]}}]`,
		"canonical spec":                     `[{"op":"add","path":"/spec","value":{"zones":{"vmclusters":[]}}}]`,
		"canonical list":                     `[{"op":"replace","path":"/spec/zones/vmclusters","value":[ {"name":"a"} ]}]`,
		"canonical entry":                    `[{"op":"add","path":"/spec/zones/vmclusters/-","value":{"name":"a"}}]`,
		"a canonical path, moved":            `[{"op":"move","from":"/spec/zones/vmclusters/0","path":"/spec/zones/vmclusters/1"}]`,
		"a canonical path, removed":          `[{"op":"remove","path":"/spec/zones/vmclusters/0/overrideSpec"}]`,
		"zones null":                         `[{"op":"add","path":"/spec/zones","value":null}]`,
		"no value":                           `[{"op":"add","path":"/spec/zones"}]`,
		"a list elsewhere":                   `[{"op":"add","path":"/spec/vmusers","value":[{"vmclusters":{}}]}]`,
		"inside an entry":                    `[{"op":"add","path":"/spec/zones/vmclusters/0/spec","value":{"vmclusters":{}}}]`,
		"a key of zones that is no place":    `[{"op":"add","path":"/spec/zones/x","value":[]}]`,
		"a key of the list that is no place": `[{"op":"add","path":"/spec/zones/vmclusters/x","value":{"vmclusters":{}}}]`,
		"a key with an escaped slash":        `[{"op":"add","path":"/spec~1zones","value":[]},{"op":"add","path":"/spec/zones~1vmclusters/0","value":{"vmclusters":{}}}]`,
		"a key with an escaped tilde":        `[{"op":"add","path":"/spec/zones~01","value":[]}]`,
		"keys in another case":               `[{"op":"add","path":"/spec/Zones","value":[]},{"op":"add","PATH":"/spec/zones","value":[]}]`,
		"an empty key":                       `[{"op":"add","path":"/","value":{"spec":{"zones":[]}}}]`,
		"no slash":                           `[{"op":"add","path":"spec","value":{"zones":[]}}]`,
		"an operation that does not exist":   `[{"op":"merge","path":"/spec/zones","value":[]}]`,
		"values where none belong":           `[{"op":"remove","path":"/spec/zones","value":[]}]`,
		"from where none belongs":            `[{"op":"remove","path":"/spec/paused","from":"/spec/zones/0"}]`,
		"members of the wrong type":          `[{"op":1,"path":"/spec/zones","value":[]},{"op":"add","path":7,"value":[]},7,null,[]]`,
		"the last of duplicates counts":      `[{"op":"add","path":"/spec/zones","value":[],"value":{}}]`,
		"an object in place of the list":     `{"op":"add","path":"/spec/zones","value":[]}`,
		"nothing to do":                      `[]`,
	} {
		t.Run(name, func(t *testing.T) { expectRewrite(t, patchType, body, patchType, body) })
	}
}

func TestTheLastOfDuplicateMembersIsTheOneRewritten(t *testing.T) {
	expectRewrite(t, patchType,
		`[{"op":"remove","op":"add","path":"/x","path":"/spec/zones","value":[1],"value":[2]}]`, patchType,
		`[{"op":"remove","op":"add","path":"/x","path":"/spec/zones","value":[1],"value":{"vmclusters":[2]}}]`)
}

func TestPathsIntoTheListShapeAreRefusedWithTheCanonicalPath(t *testing.T) {
	for path, use := range map[string]string{
		"/spec/zones/-":                      "use /spec/zones/vmclusters/-",
		"/spec/zones/0":                      "use /spec/zones/vmclusters/0",
		"/spec/zones/-1":                     "use /spec/zones/vmclusters/-1",
		"/spec/zones/0/ref/name":             "use /spec/zones/vmclusters/0/ref/name",
		"/spec/zones/1/vmclusters":           "use /spec/zones/vmclusters/1",
		"/spec/zones/1/vmclusters/ref":       "use /spec/zones/vmclusters/1/ref",
		"/spec/zones/1/overrideSpec/a~1b~0c": "use /spec/zones/vmclusters/1/overrideSpec/a~1b~0c",
		"x/spec/zones/0":                     "use /spec/zones/vmclusters/0",
	} {
		for name, c := range map[string]struct{ operation, field string }{
			"add":       {`{"op":"add","path":%q,"value":{}}`, "patch[1].path"},
			"remove":    {`{"op":"remove","path":%q}`, "patch[1].path"},
			"replace":   {`{"op":"replace","path":%q,"value":{}}`, "patch[1].path"},
			"test":      {`{"op":"test","path":%q,"value":{}}`, "patch[1].path"},
			"move to":   {`{"op":"move","from":"/x","path":%q}`, "patch[1].path"},
			"move from": {`{"op":"move","from":%q,"path":"/x"}`, "patch[1].from"},
			"copy from": {`{"op":"copy","from":%q,"path":"/x"}`, "patch[1].from"},
		} {
			t.Run(name+" "+path, func(t *testing.T) {
				body := fmt.Sprintf(`[{"op":"add","path":"/spec/paused","value":true},`+c.operation+`]`, path)
				expectError(t, patchType, body, c.field, "reads back as an object", use)
			})
		}
	}
}

func TestAmbiguousValuesOfAJSONPatchAreRefusedByName(t *testing.T) {
	for name, c := range map[string]struct{ path, value, field string }{
		"in the whole object":       {``, `{"spec":{"zones":[{"vmclusters":{},"ref":{}}]}}`, "patch[0].value.spec.zones[0]"},
		"in spec":                   {`/spec`, `{"zones":[],"zones":[]}`, "patch[0].value.zones"},
		"in zones":                  {`/spec/zones`, `[{},{"vmclusters":{},"ref":{}}]`, "patch[0].value[1]"},
		"in the list of entries":    {`/spec/zones/vmclusters`, `[{"vmclusters":{"vmclusters":{}}}]`, "patch[0].value[0].vmclusters.vmclusters"},
		"in an entry":               {`/spec/zones/vmclusters/-`, `{"vmclusters":{},"ref":{}}`, "patch[0].value"},
		"a list where an entry is":  {`/spec/zones/vmclusters/0`, `{"vmclusters":[{}]}`, "patch[0].value.vmclusters"},
		"an entry wrapped too much": {`/spec/zones/vmclusters/0`, `{"vmclusters":{"vmclusters":{}}}`, "patch[0].value.vmclusters.vmclusters"},
	} {
		t.Run(name, func(t *testing.T) {
			expectError(t, patchType, fmt.Sprintf(`[{"op":"replace","path":%q,"value":%s}]`, c.path, c.value), c.field)
		})
	}
}
