// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// newLedger returns a writer to two targets that sends nothing.
func newLedger(rate int64) *Writer {
	return &Writer{rate: rate, begun: time.UnixMilli(1_000_000), acknowledged: make([]int, 2)}
}

func TestWriterNumbersAreDueInTime(t *testing.T) {
	for _, rate := range []int64{1, 3, 200, 1000} {
		w := newLedger(rate)
		for n := range 50 {
			if w.at(n+1).Sub(w.at(n)) < time.Millisecond {
				t.Errorf("at %d samples/s, numbers %d and %d have the same time", rate, n, n+1)
			}
			if got := w.before(w.at(n)); got != n+1 {
				t.Errorf("at %d samples/s, %d samples are due when number %d is", rate, got, n)
			}
			if got := w.before(w.at(n).Add(-time.Nanosecond)); got != n {
				t.Errorf("at %d samples/s, %d samples are due just before number %d is", rate, got, n)
			}
		}
	}
}

func TestReadersMissOnlyWhatAllTargetsHaveAcknowledged(t *testing.T) {
	w := newLedger(100)
	at := func(n int) time.Time { return w.at(n) }
	w.acknowledge(0, 50, at(60))
	if got := w.expected(w.begun.Add(-time.Second), at(100), at(100)); got != 0 || w.Written() != 0 {
		t.Errorf("%d expected, %d written, with one of two targets", got, w.Written())
	}
	w.acknowledge(1, 30, at(70))
	w.acknowledge(1, 50, at(80))
	for _, test := range []struct {
		name                   string
		from, to, acknowledged time.Time
		want                   int
	}{
		{"all", at(0).Add(-1), at(100), at(100), 50},
		{"the one at the beginning is outside", at(0), at(100), at(100), 49},
		{"the one at the end is inside", at(9), at(20), at(100), 11},
		{"what was acknowledged later", at(0).Add(-1), at(100), at(79), 30},
		{"before anything was acknowledged", at(0).Add(-1), at(100), at(69), 0},
		{"a window before the first", at(0).Add(-2), at(0).Add(-1), at(100), 0},
		{"a window after the last acknowledged", at(60), at(90), at(100), 0},
	} {
		if got := w.expected(test.from, test.to, test.acknowledged); got != test.want {
			t.Errorf("%s: %d, wanted %d", test.name, got, test.want)
		}
	}
}

func TestParseCount(t *testing.T) {
	for body, want := range map[string]int{
		`{"status":"success","data":{"resultType":"vector","result":[]}}`:                                       0,
		`{"status":"success","data":{"result":[{"metric":{},"value":[1700000000.5,"42"]}]}}`:                    42,
		`{"status":"success","data":{"result":[{"metric":{},"value":[1,"42"]},{"metric":{},"value":[1,"1"]}]}}`: 43,
		`{"status":"error","error":"it is late"}`:                                                               -1,
		`{"status":"success","data":{"result":[{"value":[1,"many"]}]}}`:                                         -1,
		`remoteAddr: 127.0.0.1`: -1,
	} {
		got, err := parseCount([]byte(body))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, %v; want %d", body, got, err, want)
		}
	}
}

func TestAuditFindsEveryGap(t *testing.T) {
	seen := make([]bool, 10)
	export := `{"metric":{},"values":[1,2,2,5],"timestamps":[1,2,3,4]}
		{"metric":{},"values":[8,11,-1],"timestamps":[1,2,3]}`
	must(t, mark(strings.NewReader(export), seen))
	gaps := gapsOf(seen)
	if want := []Gap{{0, 0}, {3, 4}, {6, 7}, {9, 9}}; !slices.Equal(gaps, want) || Missing(gaps) != 6 {
		t.Errorf("%v, %d missing; want %v", gaps, Missing(gaps), want)
	}
	if gaps := gapsOf([]bool{true, true}); len(gaps) != 0 {
		t.Errorf("%v in what is whole", gaps)
	}
	if err := mark(strings.NewReader(`{"values":[1`), seen); err == nil {
		t.Error("half an export is taken for a whole one")
	}
}
