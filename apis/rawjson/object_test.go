// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// holder has an object where our types have it.
type holder struct {
	Spec  *Object           `json:"spec,omitempty"`
	Value Object            `json:"value"`
	Map   map[string]Object `json:"map,omitempty"`
}

func TestObjectsAreKeptVerbatim(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"a":1.0,"b":2.50,"c":1e3,"d":12345678901234567890,"e":-0.0,"f":1E-7}`,
		`{"z":1,"a":2,"m":{"z":[{"y":null},[],{}],"a":true}}`,
		`{"\u00fc":"\u0000\"\\","ß":"✓"}`,
		`{"a":{"b":1},"c":{"b":1},"d":[{"b":1},{"b":1}]}`, // the same name in different objects
		`{"":{"":{}}}`,
	} {
		var got holder
		if err := json.Unmarshal([]byte(`{"spec":`+text+`}`), &got); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if string(got.Spec.Raw) != text {
			t.Errorf("%s became %s", text, got.Spec.Raw)
		}
		encoded, err := json.Marshal(got.Spec)
		if err != nil || string(encoded) != text {
			t.Errorf("%s was written as %s, %v", text, encoded, err)
		}
	}
}

func TestSpaceAroundAnObjectIsAllowed(t *testing.T) {
	var got Object
	if err := got.UnmarshalJSON([]byte("\r\n\t {\"a\" : 1}")); err != nil {
		t.Error(err)
	}
}

func TestAnythingButAnObjectIsRefused(t *testing.T) {
	for text, kind := range map[string]string{
		`"x"`: "string", `""`: "string", `"{}"`: "string",
		`[]`: "array", `[{}]`: "array",
		`1`: "number", `-1.5`: "number", `0`: "number",
		`true`: "bool", `false`: "bool",
	} {
		var got holder
		err := json.Unmarshal([]byte(`{"spec":`+text+`}`), &got)
		var wrong *json.UnmarshalTypeError
		if !errors.As(err, &wrong) || wrong.Value != kind {
			t.Errorf("%s: error %v, want one that says %s", text, err, kind)
		}
	}
}

func TestNullLeavesTheValueAsItIs(t *testing.T) {
	got := holder{Value: Object{Raw: []byte(`{"a":1}`)}}
	if err := json.Unmarshal([]byte(`{"spec":null,"value":null}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Spec != nil || string(got.Value.Raw) != `{"a":1}` {
		t.Errorf("got %v and %s", got.Spec, got.Value.Raw)
	}
}

func TestZeroValueIsAnObjectWithoutMembers(t *testing.T) {
	got, err := json.Marshal(holder{})
	if err != nil || string(got) != `{"value":{}}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestDuplicatesAreRefusedByTheirPath(t *testing.T) {
	for text, path := range map[string]string{
		`{"a":1,"a":1}`:                         `"a"`,
		`{"a":1,"b":{"c":1,"d":2,"c":3}}`:       `"b.c"`,
		`{"a":[{"b":1},{"c":{"d":1,"d":2}}]}`:   `"a.c.d"`,
		`{"a":1,"\u0061":2}`:                    `"a"`,
		`{"a":{"x":[1,2,{}],"y":"x"},"a":null}`: `"a"`,
	} {
		var got Object
		err := json.Unmarshal([]byte(text), &got)
		if err == nil || !strings.Contains(err.Error(), "duplicate field "+path) {
			t.Errorf("%s: error %v, want one that names %s", text, err, path)
		}
		if got.Raw != nil {
			t.Errorf("%s: something was kept: %s", text, got.Raw)
		}
	}
}

func TestCopiesShareNothing(t *testing.T) {
	input := []byte(`{"a":1}`)
	var original Object
	if err := original.UnmarshalJSON(input); err != nil {
		t.Fatal(err)
	}
	copied := original.DeepCopy()
	input[2], original.Raw[5] = 'z', '7'
	if string(copied.Raw) != `{"a":1}` || string(original.Raw) != `{"a":7}` {
		t.Errorf("the copy is %s, the original %s", copied.Raw, original.Raw)
	}
	if got := (*Object)(nil).DeepCopy(); got != nil {
		t.Errorf("the copy of nothing is %v", got)
	}
}

// FuzzObject holds the decoder against encoding/json: what it takes is an object
// without duplicates, and comes out as it went in.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `[]`, `{"a"`, `nul`, `{"a":{"a":{"a":1}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got Object
		if json.Unmarshal(text, &got) != nil || got.Raw == nil {
			return
		}
		var members map[string]any
		if err := json.Unmarshal(got.Raw, &members); err != nil || members == nil {
			t.Fatalf("%q was taken for an object: %v", text, err)
		}
		encoded, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again Object
		if err := json.Unmarshal(encoded, &again); err != nil {
			t.Fatalf("%q was written as %q, which does not read: %v", text, encoded, err)
		}
	})
}
