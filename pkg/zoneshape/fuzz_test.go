// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"encoding/json"
	"testing"

	kjson "sigs.k8s.io/json"
)

func FuzzNormaliseJSON(f *testing.F) {
	f.Add([]byte(`{"spec":{"zones":[{"vmclusters":{"ref":{"name":"a"}}},{"name":"b","spec":{}}]}}`))
	f.Add([]byte(`{"spec":{"zones":[{"vmclusters":[{},1],"x":1}],"z\u006fnes":{}},"spec":null}`))
	f.Add([]byte(`{"spec":{"zones":[{"vmclusters":{ },"y":1e3,"\ud800":2}, null , [ ] ]}} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkLaws(t, jsonType, body)
		var doc any
		if duplicates, err := kjson.UnmarshalStrict(body, &doc); err == nil && len(duplicates) == 0 {
			checkMeaning(t, body)
		}
	})
}

func FuzzNormaliseJSONPatch(f *testing.F) {
	f.Add([]byte(`[{"op":"add","path":"/spec/zones","value":[{"vmclusters":{"name":"a"}}]}]`))
	f.Add([]byte(`[{"op":"test","path":"","value":{"spec":{"zones":[]}}},{"op":"move","from":"/spec/zones/0","path":"/x"}]`))
	f.Add([]byte(`[{"op":"replace","path":"/spec/zones/vmclusters","value":[{"vmclusters":[{}]}],"value":[{"vmclusters":null}]}]`))
	f.Add([]byte(`[{"op":"add","path":"/spec/zones/vmclusters/-","value":{"vmclusters":{"name":"a"},"x":0}},7]`))
	f.Fuzz(func(t *testing.T, body []byte) { checkLaws(t, patchType, body) })
}

func FuzzNormaliseYAML(f *testing.F) {
	f.Add([]byte(listAsYAML))
	f.Add([]byte("x: &x {name: a}\nspec:\n  zones: [*x, {vmclusters: *x}]\n  <<: *x\n"))
	f.Add([]byte("spec: {zones: [{vmclusters: [~, 1]}], \"\\x7aones\": []}\n---\n"))
	f.Add([]byte(laughs(5)))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkLaws(t, yamlType, body)
		checkLaws(t, applyType, body)
	})
}

// A value in its place in the document is the same value with the same bytes.
func FuzzScan(f *testing.F) {
	f.Add([]byte(` { "a" : [ 1 , {} ] , "" : "\u0000" } `))
	f.Add([]byte(`[[],{"a":1.50},"b",-0,null , true]`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if json.Valid(doc) {
			checkSpans(t, doc, span{0, len(doc)})
		}
	})
}

func checkSpans(t *testing.T, doc []byte, at span) {
	t.Helper()
	var inside []span
	var err error
	switch {
	case isObject(doc, at):
		var all []member
		all, err = members(doc, at)
		for _, m := range all {
			inside = append(inside, m.value)
			if !json.Valid([]byte("{" + string(m.whole.of(doc)) + "}")) {
				t.Fatalf("%q is no member of %q", m.whole.of(doc), doc)
			}
		}
	case isList(doc, at):
		inside, err = elements(doc, at)
	}
	if err != nil {
		t.Fatalf("%q: %v", doc, err)
	}
	for _, value := range inside {
		if !json.Valid(value.of(doc)) {
			t.Fatalf("%q is no value of %q", value.of(doc), doc)
		}
		checkSpans(t, doc, value)
	}
}
