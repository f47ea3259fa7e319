// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"strings"
	"testing"
)

func book() *Book {
	b := &Book{}
	b.Add("get, 3 zones, p50", "aggregated", "ms", 3, 1, 2)
	b.Add("get, 3 zones, p50", Peer, "ms", 4, 4)
	b.Add("ready", "aggregated", "s", 1.25)
	b.Add("nothing", "aggregated", "s")
	return b
}

func TestALineHasNameMedianUnitAndRatio(t *testing.T) {
	var out strings.Builder
	if err := book().WriteLines(&out); err != nil {
		t.Fatal(err)
	}
	want := "get.3-zones.p50.aggregated 2.00 ms 0.500\nget.3-zones.p50.CRD 4.00 ms -\nready.aggregated 1.25 s -\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestTheTableHasAColumnForEachSide(t *testing.T) {
	var out strings.Builder
	if err := book().WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	want := "| | | aggregated | CRD |\n| --- | --- | --- | --- |\n" +
		"| get, 3 zones, p50 | ms | 2.00 ± 1.00 (0.50) | 4.00 |\n| ready | s | 1.25 |  |\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
