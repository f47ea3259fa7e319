// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import "testing"

func TestRevisionIsOfTheMeaningAndNotOfTheForm(t *testing.T) {
	spec := mapFromYAML(t, "{vmstorage: {replicaCount: 2, port: \"8482\"}, retentionPeriod: \"14\"}")
	same := map[string]any{"retentionPeriod": "14", "vmstorage": map[string]any{"port": "8482", "replicaCount": float64(2)}}
	if a, b := Revision("inline", spec), Revision("inline", same); a != b || len(a) != 10 {
		t.Errorf("revisions %q and %q", a, b)
	}
	for name, other := range map[string]string{
		"another kind":  Revision("override", spec),
		"another value": Revision("inline", mapFromYAML(t, "{vmstorage: {replicaCount: 3, port: \"8482\"}, retentionPeriod: \"14\"}")),
		"a null more":   Revision("inline", mapFromYAML(t, "{vmstorage: {replicaCount: 2, port: \"8482\"}, retentionPeriod: \"14\", vmselect: null}")),
		"empty":         Revision("inline", map[string]any{}),
		"none":          Revision("inline", nil),
	} {
		if other == Revision("inline", spec) {
			t.Errorf("%s has the same revision", name)
		}
	}
	if Revision("inline", nil) == Revision("inline", map[string]any{}) {
		t.Error("none and empty have the same revision")
	}
}

func TestContains(t *testing.T) {
	const live = `{replicaCount: 2, image: {tag: v1, repository: r}, args: [a, b], off: false,
	  refs: [{name: x, optional: false}, {name: y}], none: null, empty: {}, nothing: []}`
	for desired, want := range map[string]bool{
		"{}":                             true,
		"{replicaCount: 2}":              true,
		"{replicaCount: 2.0}":            true,
		"{replicaCount: 3}":              false,
		"{replicaCount: \"2\"}":          false,
		"{image: {tag: v1}}":             true,
		"{image: {tag: v2}}":             false,
		"{image: {pullPolicy: Always}}":  false,
		"{image: r}":                     false,
		"{off: false}":                   true,
		"{off: null}":                    false,
		"{absent: null}":                 true,
		"{absent: {deeper: null}}":       false,
		"{none: null}":                   true,
		"{none: {}}":                     false,
		"{empty: {}}":                    true,
		"{empty: {gone: null}}":          true,
		"{absent: {}}":                   false,
		"{nothing: []}":                  true,
		"{absent: []}":                   false,
		"{args: [a, b]}":                 true,
		"{args: [b, a]}":                 false,
		"{args: [a]}":                    false,
		"{args: {a: b}}":                 false,
		"{refs: [{name: x}, {name: y}]}": true,
		"{refs: [{name: x}, {name: z}]}": false,
		"{refs: [{name: x, optional: null}, {name: y}]}": false,
	} {
		if have := Contains(mapFromYAML(t, live), mapFromYAML(t, desired)); have != want {
			t.Errorf("%s: Contains is %v", desired, have)
		}
	}
}
