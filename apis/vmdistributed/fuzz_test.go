// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// FuzzParsePromotions: what is read can be written down again, and a word that is
// taken names a zone and a revision that there can be.
func FuzzParsePromotions(f *testing.F) {
	for _, value := range []string{"", "zone-a:5f3c9d", " zone-a:5f3c9d,\nzone-b:0123456789, ", "a:1,a:2", "a", ":1", "a:", "a=b:c", "a:b/c", "a:b:c", "a:\tb"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		promotions, err := ParsePromotions(value)
		if err != nil {
			if promotions != nil {
				t.Fatalf("%q: %v in spite of the error %v", value, promotions, err)
			}
			return
		}
		var entries []string
		for zone, revision := range promotions {
			if zone == "" || revision == "" || strings.ContainsAny(zone, " =/,:") || strings.ContainsAny(revision, " =/,") {
				t.Errorf("%q: promotes %q to %q", value, zone, revision)
			}
			entries = append(entries, zone+":"+revision)
		}
		again, err := ParsePromotions(strings.Join(slices.Sorted(slices.Values(entries)), ","))
		if err != nil || !maps.Equal(again, promotions) {
			t.Errorf("%q: read %v, and what that is written as reads as %v, %v", value, promotions, again, err)
		}
	})
}
