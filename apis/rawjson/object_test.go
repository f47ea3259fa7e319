// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	utiljson "k8s.io/apimachinery/pkg/util/json"
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

// TestRefusalsNameTheFieldThatHoldsTheObject: the decoder adds it, to errors of one
// type only.
func TestRefusalsNameTheFieldThatHoldsTheObject(t *testing.T) {
	for text, flaw := range map[string]string{
		`{"a":{"b":1,"b":2}}`: `duplicate field "a.b"`,
		`{"a":{"b":1e400}}`:   `number out of range in field "a.b"`,
	} {
		var got struct {
			Outer []struct {
				Inner *Object `json:"inner"`
			} `json:"outer"`
		}
		err := utiljson.Unmarshal([]byte(`{"outer":[{"inner":`+text+`}]}`), &got)
		if err == nil || !strings.Contains(err.Error(), flaw) || !strings.Contains(err.Error(), "outer.inner") {
			t.Errorf("%s: error %v, want one that says %s and where", text, err, flaw)
		}
	}
}

// TestNumbersThatNoFloatHoldsAreRefused: whoever decodes the text later, such as
// the field manager of server-side apply, could only fail.
func TestNumbersThatNoFloatHoldsAreRefused(t *testing.T) {
	for text, path := range map[string]string{
		`{"a":1e400}`:                       `"a"`,
		`{"a":{"b":[1,{"c":[2,-1e309]}]}}`:  `"a.b.c"`,
		`{"a":{"b":1},"c":[[1e999]],"d":1}`: `"c"`,
	} {
		var got Object
		err := json.Unmarshal([]byte(text), &got)
		if err == nil || !strings.Contains(err.Error(), "number out of range in field "+path) || got.Raw != nil {
			t.Errorf("%s: kept %s, error %v, want one that names %s", text, got.Raw, err, path)
		}
	}
	var got Object
	if err := json.Unmarshal([]byte(`{"a":[1e308,-1e308,1e-400,12345678901234567890123]}`), &got); err != nil {
		t.Error(err)
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
// without duplicates whose numbers can be read, it takes every one of these, and
// what comes out is what went in.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `[]`, `{"a"`, `nul`, `null`, `{"a":{"a":{"a":1}}}`,
		`{"a":{"b":[{"c":1,"c":2}]}}`, `{"a":[1e400]}`, `{"a\u0062":"\ud800","ab":1e400}`, " {\"<\" : \"\u2028\"}\n", `{"":{"":1},"\u0000":-0.0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got Object
		err := json.Unmarshal(text, &got)
		var members map[string]json.RawMessage
		if valid := json.Unmarshal(text, &members); valid != nil || members == nil {
			if got.Raw != nil {
				t.Fatalf("%q was taken for an object, and is none: %v", text, valid)
			}
			return
		}
		var document any
		once, readable := writtenOnce(t, text), json.Unmarshal(text, &document) == nil
		if (once && readable) != (err == nil) {
			t.Fatalf("%q: every member is there once: %t, all numbers can be read: %t, but the error is %v", text, once, readable, err)
		}
		if err == nil {
			checkKept(t, text, got)
		}
	})
}

func checkKept(t *testing.T, text []byte, got Object) {
	t.Helper()
	if !bytes.Equal(got.Raw, bytes.Trim(text, " \t\r\n")) {
		t.Fatalf("%q was kept as %q", text, got.Raw)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var again Object
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatalf("%q was written as %q, which does not read: %v", text, encoded, err)
	}
	if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, encoded) {
		t.Fatalf("%q was written as %q and then as %q, %v", text, encoded, twice, err)
	}
	var before, after any
	if json.Unmarshal(text, &before) == nil && json.Unmarshal(encoded, &after) == nil && !reflect.DeepEqual(before, after) {
		t.Fatalf("%q was written as %q, which means something else", text, encoded)
	}
}

// writtenOnce counts the members as they are written, and those that are left when
// each is kept once.
func writtenOnce(t *testing.T, text []byte) bool {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	written := countWritten(t, decoder)
	decoder = json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	return written == countLeft(document)
}

func countWritten(t *testing.T, decoder *json.Decoder) int {
	t.Helper()
	token, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	switch token {
	case json.Delim('{'):
		for decoder.More() {
			if _, err := decoder.Token(); err != nil { // the key
				t.Fatal(err)
			}
			count += 1 + countWritten(t, decoder)
		}
	case json.Delim('['):
		for decoder.More() {
			count += countWritten(t, decoder)
		}
	default:
		return 0
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		t.Fatal(err)
	}
	return count
}

func countLeft(document any) int {
	count := 0
	switch document := document.(type) {
	case map[string]any:
		for _, value := range document {
			count += 1 + countLeft(value)
		}
	case []any:
		for _, value := range document {
			count += countLeft(value)
		}
	}
	return count
}

func TestDecodeTellsNoObjectFromOneWithoutMembers(t *testing.T) {
	for _, test := range []struct {
		name   string
		object *Object
		want   map[string]any
	}{
		{"no object", nil, nil},
		{"zero value", &Object{}, map[string]any{}},
		{"no members", &Object{Raw: []byte(" { } ")}, map[string]any{}},
		{"numbers", &Object{Raw: []byte(`{"a":12345678901234567,"b":1.5,"c":{"d":[1,null]}}`)},
			map[string]any{"a": int64(12345678901234567), "b": 1.5, "c": map[string]any{"d": []any{int64(1), nil}}}},
	} {
		if got, err := test.object.Decode(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %#v, %v, want %#v", test.name, got, err, test.want)
		}
	}
	if got, err := (&Object{Raw: []byte(`{"a":1`)}).Decode(); err == nil || got != nil {
		t.Errorf("half an object is %v, %v", got, err)
	}
}

// TestDuplicatesAmongManyMembersAreRefused: these are found in another way than those
// among few.
func TestDuplicatesAmongManyMembersAreRefused(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"outer":{`)
	for i := range 10 * few {
		fmt.Fprintf(&text, `"k%d":{"same":%d},`, i, i)
	}
	if flaw := Check([]byte(text.String() + `"last":1}}`)); flaw != nil {
		t.Error(flaw)
	}
	for _, key := range []string{"k0", fmt.Sprintf("k%d", few), fmt.Sprintf("k%d", 10*few-1)} {
		flaw := Check([]byte(text.String() + `"` + key + `":1}}`))
		if flaw == nil || flaw.Path != "outer."+key {
			t.Errorf("%s twice: %v", key, flaw)
		}
	}
}

// TestCheckingAnObjectTakesFewAllocations: every object that is read from the store is
// checked, each zone of it.
func TestCheckingAnObjectTakesFewAllocations(t *testing.T) {
	text := []byte(`{"a":[{"b":{"c":1,"d":"x","e":[1,2,3]}},{"b":{"c":1.5,"d":"y"}}],"f":{"g":{"h":{"i":true}}}}`)
	const most = 8 // the levels and the keys, as they grow
	if got := testing.AllocsPerRun(100, func() { Check(text) }); got > most {
		t.Errorf("%v allocations, want %d at most", got, most)
	}
}

func TestObjectsAreEqualByTheirText(t *testing.T) {
	text := func(raw string) *Object { return &Object{Raw: []byte(raw)} }
	for _, c := range []struct {
		a, b *Object
		same bool
	}{
		{text(`{"a":1}`), text(`{"a":1}`), true},
		{text(`{"a":1}`), text(`{"a":2}`), false},
		{text(`{"a":1}`), text(`{ "a":1}`), false},
		{text(""), &Object{}, true},
		{nil, &Object{}, false},
	} {
		if got := equality.Semantic.DeepEqual(holder{Spec: c.a}, holder{Spec: c.b}); got != c.same {
			t.Errorf("%v and %v are the same: %t", c.a, c.b, got)
		}
	}
}

// TestComparingObjectsTakesNoAllocationPerByte: every write compares all zones, several
// times.
func TestComparingObjectsTakesNoAllocationPerByte(t *testing.T) {
	allocations := func(size int) float64 {
		a, b := holder{Value: Object{Raw: make([]byte, size)}}, holder{Value: Object{Raw: make([]byte, size)}}
		return testing.AllocsPerRun(10, func() { equality.Semantic.DeepEqual(a, b) })
	}
	if small, large := allocations(10), allocations(10000); large > small {
		t.Errorf("%v allocations for a large object, %v for a small one", large, small)
	}
}
