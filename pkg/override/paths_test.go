// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"slices"
	"testing"
)

func TestPathsAreTheLeavesInOrder(t *testing.T) {
	patch := parse(t, `{"b":{"y":[{"no":1}],"x":null},"a":0,"c":{},"d":{"e":{}},"f":{"example.com/a":1,"":2,"g[0]":3}}`)
	var got []string
	for _, path := range Paths(patch) {
		got = append(got, dotted(path))
	}
	want := []string{"a", "b.x", "b.y", "c", "d.e", "f[]", "f[example.com/a]", "f[g[0]]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if paths := Paths(nil); paths != nil {
		t.Errorf("an empty patch has no paths, got %q", paths)
	}
}
