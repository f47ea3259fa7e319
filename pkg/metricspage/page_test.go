// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metricspage

import (
	"math"
	"testing"
	"time"
)

func parse(t *testing.T, text string) Page {
	t.Helper()
	page, err := Parse(time.Unix(1, 0), []byte(text))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return page
}

func TestValueIsTheOnlySampleWithTheLabels(t *testing.T) {
	page := parse(t, `
# TYPE typed_gauge gauge
typed_gauge 1
# TYPE typed_total counter
typed_total{a="x"} 2
untyped{a="x",b="1"} 3
untyped{a="x",b="2"} 4
untyped{a="y",b="1"} 5
untyped_quoted{url="1:http://a/\"b\"\\c"} 6
`)
	for _, test := range []struct {
		name   string
		labels []string
		want   float64
		found  bool
	}{
		{name: "typed_gauge", want: 1, found: true},
		{name: "typed_total", want: 2, found: true},
		{name: "typed_total", labels: []string{"a", "x"}, want: 2, found: true},
		{name: "typed_total", labels: []string{"a", "y"}},
		{name: "typed_total", labels: []string{"absent", ""}},
		{name: "untyped", labels: []string{"a", "x", "b", "2"}, want: 4, found: true},
		{name: "untyped", labels: []string{"a", "y"}, want: 5, found: true},
		{name: "untyped", labels: []string{"a", "x"}}, // two
		{name: "untyped_quoted", labels: []string{"url", `1:http://a/"b"\c`}, want: 6, found: true},
		{name: "absent"},
		{name: "typed"}, // a part of a name is no name
	} {
		got, found := page.Value(test.name, test.labels...)
		if found != test.found || found && got != test.want {
			t.Errorf("Value(%s, %q) = %v, %t, want %v, %t", test.name, test.labels, got, found, test.want, test.found)
		}
	}
}

func TestNaNAndInfinitiesAreKept(t *testing.T) {
	page := parse(t, "a NaN\nb +Inf\nc -Inf\n")
	if v, ok := page.Value("a"); !ok || !math.IsNaN(v) {
		t.Errorf("a = %v, %t, want NaN", v, ok)
	}
	if v, ok := page.Value("b"); !ok || !math.IsInf(v, 1) {
		t.Errorf("b = %v, %t, want +Inf", v, ok)
	}
	if v, ok := page.Value("c"); !ok || !math.IsInf(v, -1) {
		t.Errorf("c = %v, %t, want -Inf", v, ok)
	}
}

func TestEachVisitsAllAndCanBeLeft(t *testing.T) {
	page := parse(t, "m{a=\"1\"} 10\nm{a=\"2\"} 20\nm{a=\"3\"} 30\n")
	seen := map[string]float64{}
	for labels, value := range page.Each("m") {
		seen[labels["a"]] = value
	}
	if len(seen) != 3 || seen["1"] != 10 || seen["2"] != 20 || seen["3"] != 30 {
		t.Errorf("Each visited %v", seen)
	}
	visits := 0
	for range page.Each("m") {
		visits++
		break
	}
	if visits != 1 {
		t.Errorf("Each went on after it was left: %d visits", visits)
	}
}

func TestHistogramsAreNoValues(t *testing.T) {
	page := parse(t, `
# TYPE d histogram
d_bucket{vmrange="1.000e-01...1.136e-01"} 3
d_sum 0.3
d_count 3
after 1
`)
	for range page.Each("d") {
		t.Error("Each visited a histogram")
	}
	if _, ok := page.Value("after"); !ok {
		t.Error("what follows a histogram with vmrange buckets is lost")
	}
}

// Their quoting is Go's, not that of the format, so that one of them could make
// the whole page unreadable.
func TestFlagsAreNotKept(t *testing.T) {
	page := parse(t, "flag{name=\"a\",value=\"tab\\tand \\x01\"} 1\nm 1\n")
	for labels := range page.Each("flag") {
		t.Errorf("kept %v", labels)
	}
	if _, ok := page.Value("m"); !ok {
		t.Error("m is missing")
	}
}

func TestAPageThatCannotBeReadIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"HTML":              "<html>not here</html>\n",
		"cut within a line": "a 1\nb{c=\"d",
		"no line end":       "a 1\nb 12",
		"no value":          "a 1\nb\n",
	} {
		if page, err := Parse(time.Now(), []byte(text)); err == nil {
			t.Errorf("%s: Parse returned %v", name, page)
		}
	}
}
