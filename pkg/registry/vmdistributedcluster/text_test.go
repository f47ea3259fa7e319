// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import "testing"

// TestStoredTextStaysUnlessTheMeaningChanges, in a spec as in an override.
func TestStoredTextStaysUnlessTheMeaningChanges(t *testing.T) {
	for _, test := range []struct {
		name, stored, sent string
		same               bool
	}{
		{"the same", `{"a":1}`, `{"a":1}`, true},
		{"order and space", `{"a":1,"b":{"c":[1,2]}}`, "{ \"b\": {\"c\":[1,\n2]}, \"a\": 1 }", true},
		{"escapes", `{"a":"ü"}`, `{"a":"\u00fc"}`, true},
		{"1.0 and 1", `{"a":[1.0]}`, `{"a":[1]}`, true},
		{"1e3 and 1000", `{"a":1e3}`, `{"a":1000}`, true},
		{"2.50 and 2.5", `{"a":2.50}`, `{"a":2.5}`, true},
		{"what kubectl makes of 20 digits", `{"a":12345678901234567890}`, `{"a":12345678901234567000}`, true},

		{"another number", `{"a":1}`, `{"a":2}`, false},
		{"the next of two large integers", `{"a":9007199254740993}`, `{"a":9007199254740992}`, false},
		{"number and string", `{"a":1}`, `{"a":"1"}`, false},
		{"zero and false", `{"a":0}`, `{"a":false}`, false},
		{"order of a list", `{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{"longer list", `{"a":[1]}`, `{"a":[1,1]}`, false},
		{"null and nothing", `{"a":null}`, `{}`, false},
		{"nothing and null", `{"b":{}}`, `{"b":{"a":null}}`, false},
		{"null and zero", `{"a":null}`, `{"a":0}`, false},
		{"another key", `{"a":1}`, `{"b":1}`, false},
		{"list and object", `{"a":[]}`, `{"a":{}}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := test.sent
			if test.same {
				want = test.stored
			}
			// The zone is found again at another place.
			old := cluster(inline("z", `{}`), inline("a", test.stored), referred("b", test.stored))
			object := cluster(referred("b", test.sent), inline("a", test.sent))
			keepUnchangedText(object, old)
			zones := object.Spec.Zones.VMClusters
			if got := string(zones[1].Spec.Raw); got != want {
				t.Errorf("spec is %s, want %s", got, want)
			}
			if got := string(zones[0].OverrideSpec.Raw); got != want {
				t.Errorf("overrideSpec is %s, want %s", got, want)
			}
		})
	}
}

// TestTextOfAnotherZoneIsLeftAlone, and so is that of a zone that is told in
// another way.
func TestTextOfAnotherZoneIsLeftAlone(t *testing.T) {
	old := cluster(inline("a", `{"x":1.0}`))
	object := cluster(inline("b", `{"x":1}`), referred("a", `{"x":1}`))
	keepUnchangedText(object, old)
	zones := object.Spec.Zones.VMClusters
	if string(zones[0].Spec.Raw) != `{"x":1}` || string(zones[1].OverrideSpec.Raw) != `{"x":1}` || zones[1].Spec != nil {
		t.Errorf("became %s and %s", zones[0].Spec.Raw, zones[1].OverrideSpec.Raw)
	}
}
