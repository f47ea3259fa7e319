// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// shapes of spec.zones that are accepted, and two that are not.
var shapes = []string{
	`{"vmclusters":[{"name":"a","spec":{"x":1.0}},{"ref":{"name":"b"},"overrideSpec":{"y":null}}]}`,
	`[{"vmclusters":{"name":"a","spec":{"x":1.0}}},{"vmclusters":{"ref":{"name":"b"},"overrideSpec":{"y":null}}}]`,
	`[{"name":"a","spec":{"x":1.0}},{"vmclusters":{"ref":{"name":"b"},"overrideSpec":{"y":null}}}]`,
	`[{"vmclusters":[{"name":"a"},1,null],"x":1},{"vmclusters":{ },"y":1e3,"\ud800":2}, null , [ ] ]`,
	`[{"vmclusters":{"name":"a"},"name":"b"}]`,
	`[{"vmclusters":{"vmclusters":[]}}]`,
}

// addBodies adds documents to the seeds: the samples that users start from, each
// shape, and small ones of the hostile bodies.
func addBodies(f *testing.F, form func(json []byte) []byte) {
	f.Helper()
	files, err := filepath.Glob("../../artifacts/samples/vmdistributedcluster-*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("there are no samples: %v", err)
	}
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		asJSON, err := yaml.YAMLToJSON(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(form(asJSON))
	}
	for _, zones := range shapes {
		f.Add(form(clusterWithZones(zones)))
	}
	f.Add(form([]byte(`{"spec":{"zones":[],"z\u006fnes":{}},"spec":null} `)))
	hostile := hostileBodies(300)
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		f.Add([]byte(hostile[name]))
	}
}

func asIs(body []byte) []byte { return body }

func FuzzNormaliseJSON(f *testing.F) {
	addBodies(f, asIs)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, mediaType := range []string{jsonType, strategicType, mergeType} {
			checkLaws(t, mediaType, body)
		}
		if writtenOnce(body) {
			checkMeaning(t, jsonType, body, expected)
		}
	})
}

// writtenOnce reports whether a body of JSON has no duplicate keys.
func writtenOnce(body []byte) bool {
	var doc any
	duplicates, err := kjson.UnmarshalStrict(body, &doc)
	return err == nil && len(duplicates) == 0
}

func FuzzNormaliseJSONPatch(f *testing.F) {
	addBodies(f, func(body []byte) []byte { return patchOf("", body) })
	for _, zones := range shapes {
		f.Add(patchOf("/spec/zones", []byte(zones)))
		f.Add(patchOf("/spec", []byte(`{"zones":`+zones+`}`)))
		f.Add(patchOf("/spec/zones/vmclusters", []byte(zones)))
		f.Add(patchOf("/spec/zones/vmclusters/0", []byte(zones)))
	}
	f.Add([]byte(`[{"op":"test","path":"","value":{"spec":{"zones":[]}}},{"op":"move","from":"/spec/zones/0","path":"/x"}]`))
	f.Add([]byte(`[{"op":"replace","path":"/spec/zones/vmclusters","value":[{"vmclusters":[{}]}],"value":[{"vmclusters":null}]}]`))
	f.Add([]byte(`[{"op":"add","path":"/spec/zones/vmclusters/-","value":{"vmclusters":{"name":"a"},"x":0}},7]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkLaws(t, patchType, body)
		if writtenOnce(body) {
			checkMeaning(t, patchType, body, expectedPatch)
		}
	})
}

func patchOf(path string, value []byte) []byte {
	return slices.Concat([]byte(`[{"op":"add","path":"`+path+`","value":`), value, []byte(`}]`))
}

func FuzzNormaliseYAML(f *testing.F) {
	addBodies(f, func(body []byte) []byte {
		if converted, err := yaml.JSONToYAML(body); err == nil {
			return converted
		}
		return body
	})
	f.Add([]byte("x: &x {name: a}\nspec:\n  zones: [*x, {vmclusters: *x}]\n  <<: *x\n"))
	f.Add([]byte("spec: {zones: [{vmclusters: [~, 1]}], \"\\x7aones\": []}\n---\n"))
	f.Add([]byte("spec: {zones: [\"\\N\\x7f\\x80\\L\\uFEFF\"]}\n"))
	f.Add([]byte(laughs(5)))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkLaws(t, yamlType, body)
		checkLaws(t, applyType, body)
		checkYAMLMeaning(t, body)
		checkStillYAML(t, body)
	})
}

// FuzzShapesDecodeAlike writes two entries in each shape that may hold them: what
// the server's decoder makes of it, and what it complains about under strict
// validation, are the same as for the canonical shape.
func FuzzShapesDecodeAlike(f *testing.F) {
	for _, entry := range []string{
		`{"name":"b","spec":{"y":1e3}}`, `{"ref":{"name":"a","bogus":1},"overrideSpec":{"x":1.0}}`, `{"name":"a","name":"b"}`,
		`{"Name":"a"}`, `{}`, `7`, `null`, `{"spec":{"a":1,"a":2}}`, ` { "spec" : [ ] } `, `{"name":"\u0061","spec":{"<":"\u2028"}}`, `{"beside":1}`,
	} {
		f.Add([]byte(entry), []byte(`{"ref":{"name":"z"}}`))
	}
	decode := strictDecoder(f, jsonType)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if !standsForItself(first) || !standsForItself(second) {
			return
		}
		want := canonicalOf(first, second)
		for _, shape := range []string{
			`[%s,%s]`, `[{"vmclusters":%s},%s]`, `[%s,{"vmclusters":%s}]`, `[{"vmclusters":%s},{"vmclusters":%s}]`, `[{"vmclusters":[%s,%s]}]`,
		} {
			expectAlike(t, decode, fmt.Sprintf(shape, first, second), want)
		}
		beside := fmt.Sprintf(`[{"vmclusters":%s,"beside":7},%s]`, first, second)
		if moved, ok := withBeside(first); ok {
			expectAlike(t, decode, beside, canonicalOf(moved, second))
		} else if _, err := Normalise(jsonType, clusterWithZones(beside)); err == nil {
			t.Errorf("%s\nwas not refused", beside)
		}
	})
}

// standsForItself reports whether an entry is JSON, and no list and no wrapping
// of others.
func standsForItself(entry []byte) bool {
	var doc any
	if json.Unmarshal(entry, &doc) != nil {
		return false
	}
	object, _ := doc.(map[string]any)
	_, wraps := object[keyVMClusters]
	_, isList := doc.([]any)
	return !wraps && !isList
}

func canonicalOf(first, second []byte) string {
	return fmt.Sprintf(`{"vmclusters":[%s,%s]}`, first, second)
}

// withBeside returns an entry with the field that stood beside it, false where it
// has no place for that.
func withBeside(entry []byte) ([]byte, bool) {
	var object map[string]any
	if json.Unmarshal(entry, &object) != nil || object == nil {
		return nil, false
	}
	if _, taken := object["beside"]; taken {
		return nil, false
	}
	comma := ","
	if len(object) == 0 {
		comma = ""
	}
	open := bytes.TrimSuffix(bytes.TrimSpace(entry), []byte("}"))
	return fmt.Appendf(nil, `%s%s"beside":7}`, open, comma), true
}

func expectAlike(t *testing.T, decode decodeFunc, zones, canonical string) {
	t.Helper()
	result, err := Normalise(jsonType, clusterWithZones(zones))
	if err != nil {
		t.Fatalf("%s\nwas refused: %v", zones, err)
	}
	got, gotErr := decode(result.Body)
	want, wantErr := decode(clusterWithZones(canonical))
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nbecame %s\ngot %+v, error %v\nand for %s\ngot %+v, error %v", zones, result.Body, got, gotErr, canonical, want, wantErr)
	}
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
