// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	jsonType      = "application/json"
	mergeType     = "application/merge-patch+json"
	strategicType = "application/strategic-merge-patch+json"
	applyType     = "application/apply-patch+yaml"
	yamlType      = "application/yaml"
	patchType     = "application/json-patch+json"
)

// expectRewrite checks what becomes of a body. want is the body that is to come
// back; where it equals the body that goes in, that one must be untouched.
func expectRewrite(t *testing.T, mediaType, body, wantType, want string) {
	t.Helper()
	got, err := Normalise(mediaType, []byte(body))
	if err != nil {
		t.Fatalf("%s %s\nunexpected error: %v", mediaType, body, err)
	}
	if string(got.Body) != want || got.MediaType != wantType || got.Changed != (body != want) {
		t.Errorf("%s %s\n got %s %s (changed: %v)\nwant %s %s", mediaType, body, got.MediaType, got.Body, got.Changed, wantType, want)
	}
}

// expectError checks that a body is refused with the field and with the words
// that the user needs. No field means an error about the whole body.
func expectError(t *testing.T, mediaType, body, wantField string, words ...string) {
	t.Helper()
	got, err := Normalise(mediaType, []byte(body))
	if err == nil {
		t.Fatalf("%s %s\nno error; got %s", mediaType, body, got.Body)
	}
	var invalid *field.Error
	switch {
	case wantField == "" && errors.As(err, &invalid):
		t.Errorf("%s\nunexpected field %q: %v", body, invalid.Field, err)
	case wantField != "" && !errors.As(err, &invalid):
		t.Errorf("%s\nwant an error about %s, got %v", body, wantField, err)
	case wantField != "" && invalid.Field != wantField:
		t.Errorf("%s\nwant an error about %s, got one about %s: %v", body, wantField, invalid.Field, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s\nthe error does not say %q: %v", body, word, err)
		}
	}
	if got.Changed || string(got.Body) != body {
		t.Errorf("%s\na refused body changed into %s", body, got.Body)
	}
}

func TestEveryShapeOfZonesBecomesCanonical(t *testing.T) {
	for name, c := range map[string]struct{ zones, want string }{
		"wrapped items":                {`[{"vmclusters":{"ref":{"name":"a"}}},{"vmclusters":{"name":"b","spec":{}}}]`, `{"vmclusters":[{"ref":{"name":"a"}},{"name":"b","spec":{}}]}`},
		"entries":                      {`[{"ref":{"name":"a"}},{"name":"b","spec":{}}]`, `{"vmclusters":[{"ref":{"name":"a"}},{"name":"b","spec":{}}]}`},
		"both mixed, in order":         {`[{"name":"a"},{"vmclusters":{"name":"b"}},{"name":"c"}]`, `{"vmclusters":[{"name":"a"},{"name":"b"},{"name":"c"}]}`},
		"a wrapped list":               {`[{"name":"a"},{"vmclusters":[{"name":"b"},{"name":"c"}]},{"name":"d"}]`, `{"vmclusters":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]}`},
		"an empty wrapped list":        {`[{"vmclusters":[]},{"name":"a"}]`, `{"vmclusters":[{"name":"a"}]}`},
		"an empty list":                {`[]`, `{"vmclusters":[]}`},
		"only an empty wrapped list":   {`[{"vmclusters":[]}]`, `{"vmclusters":[]}`},
		"white space":                  {" [ \n{ \"vmclusters\" : { \"name\" : \"a\" } }\t,\r{ \"name\":\"b\" } ] ", ` {"vmclusters":[{ "name" : "a" },{ "name":"b" }]} `},
		"an escaped key":               {`[{"vmcl\u0075sters":{"name":"a"}}]`, `{"vmclusters":[{"name":"a"}]}`},
		"keys differ in case":          {`[{"VMClusters":{"name":"a"}}]`, `{"vmclusters":[{"VMClusters":{"name":"a"}}]}`},
		"items that are no objects":    {`[1,"a",null,[2],true]`, `{"vmclusters":[1,"a",null,[2],true]}`},
		"wrapped values of other kind": {`[{"vmclusters":null},{"vmclusters":"x"},{"vmclusters":7}]`, `{"vmclusters":[null,"x",7]}`},
		"a wrapped list of scalars":    {`[{"vmclusters":[1,null]}]`, `{"vmclusters":[1,null]}`},
		"a list of empty objects":      {`[{},{"vmclusters":{}}]`, `{"vmclusters":[{},{}]}`},
		"strings that look like JSON":  {`[{"name":"]}\",{\"vmclusters\":["}]`, `{"vmclusters":[{"name":"]}\",{\"vmclusters\":["}]}`},
		"spelling of numbers and keys": {`[{"name":"a","spec":{"x":1.0,"b":1e3,"a":12345678901234567890}}]`, `{"vmclusters":[{"name":"a","spec":{"x":1.0,"b":1e3,"a":12345678901234567890}}]}`},
		"duplicate keys in an entry":   {`[{"name":"a","name":"b"},{"vmclusters":{"name":"c","name":"d"}}]`, `{"vmclusters":[{"name":"a","name":"b"},{"name":"c","name":"d"}]}`},
		"unknown key in an entry":      {`[{"name":"a","bogus":1}]`, `{"vmclusters":[{"name":"a","bogus":1}]}`},
		"keys beside vmclusters":       {`[{"x":1,"vmclusters":{"name":"a"},"y":[2]}]`, `{"vmclusters":[{"name":"a","x":1,"y":[2]}]}`},
		"keys beside an empty entry":   {`[{"x":1,"x":2,"vmclusters":{ }}]`, `{"vmclusters":[{"x":1,"x":2}]}`},
	} {
		for _, mediaType := range []string{jsonType, mergeType, strategicType, applyType, yamlType} {
			t.Run(name+" as "+mediaType, func(t *testing.T) {
				// Whatever stands around the list stays as it is written.
				const before, after = " {\"spec\":{\"paused\" : false, \"vmusers\":[{}],\"zones\":", ",\"z\":1.50},\n\"x\":1,\"x\":2}\n"
				expectRewrite(t, mediaType, before+c.zones+after, mediaType, before+c.want+after)
			})
		}
	}
}

func TestBodiesWithoutAListOfZonesAreUntouched(t *testing.T) {
	for name, body := range map[string]string{
		"canonical":                        `{"spec":{"zones":{"vmclusters":[{"name":"a"}]}}}`,
		"canonical with wrapped items":     `{"spec":{"zones":{"vmclusters":[{"vmclusters":{"name":"a"}}]}}}`,
		"an object where the list belongs": `{"spec":{"zones":{"vmclusters":{"name":"a"}}}}`,
		"zones null":                       `{"spec":{"zones":null}}`,
		"zones a string":                   `{"spec":{"zones":"[]"}}`,
		"no zones":                         `{"spec":{}}`,
		"no spec":                          `{"metadata":{"name":"x"}}`,
		"spec null":                        `{"spec":null}`,
		"spec a list":                      `{"spec":[{"zones":[]}]}`,
		"zones elsewhere":                  `{"zones":[1],"metadata":{"zones":[1]},"spec":{"x":{"zones":[1]}},"status":{"zones":[{"name":"a"}]}}`,
		"keys in another case":             `{"Spec":{"zones":[1]},"SPEC":{"zones":[1]},"spec":{"Zones":[1]}}`,
		"duplicates without a list":        `{"spec":{"zones":{},"zones":null},"spec":{}}`,
		"a list in a string":               `{"spec":{"note":"\"zones\":[1]"}}`,
		"no object":                        `[{"spec":{"zones":[1]}}]`,
		"a scalar":                         `7`,
		"null":                             `null`,
	} {
		for _, mediaType := range []string{jsonType, mergeType, strategicType, applyType, yamlType} {
			t.Run(name+" as "+mediaType, func(t *testing.T) {
				expectRewrite(t, mediaType, body, mediaType, body)
			})
		}
	}
}

func TestMalformedJSONIsLeftToTheServer(t *testing.T) {
	for name, body := range map[string]string{
		"empty":              ``,
		"white space":        " \n",
		"truncated":          `{"spec":{"zones":[{"name":"a"}`,
		"trailing garbage":   `{"spec":{"zones":[]}} x`,
		"two documents":      `{"spec":{"zones":[]}}{"spec":{"zones":[]}}`,
		"trailing comma":     `{"spec":{"zones":[1,]}}`,
		"a byte order mark":  "\ufeff" + `{"spec":{"zones":[]}}`,
		"YAML":               "spec:\n  zones: []\n",
		"control characters": "{\"spec\":{\"zones\":[\"\x00\"]}}",
		"comments":           `{"spec":{"zones":[]}} // x`,
	} {
		for _, mediaType := range []string{jsonType, mergeType, strategicType, patchType} {
			t.Run(name+" as "+mediaType, func(t *testing.T) {
				expectRewrite(t, mediaType, body, mediaType, body)
			})
		}
	}
}

func TestInvalidUTF8IsCarriedOver(t *testing.T) {
	expectRewrite(t, jsonType,
		"{\"\xff\":1,\"spec\":{\"zones\":[{\"vmclusters\":{\"name\":\"\xc3\x28\",\"\xfe\":1}}]}}", jsonType,
		"{\"\xff\":1,\"spec\":{\"zones\":{\"vmclusters\":[{\"name\":\"\xc3\x28\",\"\xfe\":1}]}}}")
}

func TestOtherMediaTypesAreUntouched(t *testing.T) {
	for _, mediaType := range []string{"application/vnd.kubernetes.protobuf", "application/cbor", "application/apply-patch+cbor", "text/plain", ""} {
		body := `{"spec":{"zones":[]}}`
		expectRewrite(t, mediaType, body, mediaType, body)
	}
}

func TestAmbiguousZonesAreRefusedByName(t *testing.T) {
	for name, c := range map[string]struct {
		body, field string
		words       []string
	}{
		"ref beside vmclusters":            {`{"spec":{"zones":[{"name":"x"},{"vmclusters":{},"ref":{}}]}}`, "spec.zones[1]", []string{"both vmclusters and ref", "move ref into vmclusters"}},
		"name beside vmclusters":           {`{"spec":{"zones":[{"name":"x","vmclusters":{}}]}}`, "spec.zones[0]", []string{"both vmclusters and name"}},
		"spec beside vmclusters":           {`{"spec":{"zones":[{"spec":{},"vmclusters":null}]}}`, "spec.zones[0]", []string{"both vmclusters and spec"}},
		"overrideSpec beside vmclusters":   {`{"spec":{"zones":[{"vmclusters":[],"overrideSpec":{}}]}}`, "spec.zones[0]", []string{"both vmclusters and overrideSpec"}},
		"vmclusters twice":                 {`{"spec":{"zones":[{"vmclusters":{},"vmclusters":{}}]}}`, "spec.zones[0].vmclusters", []string{"more than once", "one item for each zone"}},
		"vmclusters in vmclusters":         {`{"spec":{"zones":[{"vmclusters":{"vmclusters":{}}}]}}`, "spec.zones[0].vmclusters.vmclusters", []string{"write the entry itself"}},
		"vmclusters in a wrapped list":     {`{"spec":{"zones":[{"vmclusters":[{},{"vmclusters":{}}]}]}}`, "spec.zones[0].vmclusters[1].vmclusters", []string{"write the entry itself"}},
		"a key inside and beside":          {`{"spec":{"zones":[{"x":1,"vmclusters":{"x":2}}]}}`, "spec.zones[0].vmclusters", []string{`"x"`, "keep the one inside"}},
		"a key beside a list":              {`{"spec":{"zones":[{"vmclusters":[{}],"x":1}]}}`, "spec.zones[0].vmclusters", []string{`"x"`, "no place"}},
		"a key beside null":                {`{"spec":{"zones":[{"vmclusters":null,"x":1}]}}`, "spec.zones[0].vmclusters", []string{`"x"`, "no place"}},
		"zones twice, the first a list":    {`{"spec":{"zones":[],"zones":{}}}`, "spec.zones", []string{"2 times", "write it once"}},
		"zones twice, the last a list":     {`{"spec":{"zones":null,"zones":[]}}`, "spec.zones", []string{"2 times"}},
		"zones thrice, under escapes":      {`{"spec":{"zones":[],"zone\u0073":[],"\u007aones":1}}`, "spec.zones", []string{"3 times"}},
		"spec twice, a list in the first":  {`{"spec":{"zones":[]},"spec":{}}`, "spec", []string{"2 times"}},
		"spec twice, a list in the second": {`{"spec":null,"spec":{"zones":[]}}`, "spec", []string{"2 times"}},
	} {
		for _, mediaType := range []string{jsonType, mergeType, strategicType, applyType, yamlType} {
			t.Run(name+" as "+mediaType, func(t *testing.T) {
				expectError(t, mediaType, c.body, c.field, c.words...)
			})
		}
	}
}
