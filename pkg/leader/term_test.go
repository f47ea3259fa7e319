// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"
	"math"
	"testing"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// TestTermYieldsToWhatMayBeLater: never do two yield not to each other, unless they
// are of one process.
func TestTermYieldsToWhatMayBeLater(t *testing.T) {
	for _, c := range []struct {
		own, found Term
		yields     bool
	}{
		{Term{"a", 3}, Term{"a", 3}, false},
		{Term{"a", 3}, Term{"a", 2}, false},
		{Term{"a", 3}, Term{"a", 4}, true}, // a term of its own that it did not know of when it began
		{Term{"a", 3}, Term{"b", 2}, false},
		{Term{"a", 3}, Term{"b", 3}, true}, // numbers have begun anew
		{Term{"a", 3}, Term{"b", 4}, true},
		{Term{"a", 0}, Term{"b", 0}, true},
		{Term{"a", 3}, Term{"", 0}, false},
		{Term{}, Term{"b", 4}, false}, // there is no election
	} {
		if yields := c.own.Yields(c.found); yields != c.yields {
			t.Errorf("%s yields to %s: %t, want %t", c.own, c.found, yields, c.yields)
		}
		if c.own.Holder != "" && c.found.Holder != "" && c.own.Holder != c.found.Holder && !c.own.Yields(c.found) && !c.found.Yields(c.own) {
			t.Errorf("neither of %s and %s yields", c.own, c.found)
		}
	}
}

// lease is a Lease in memory.
type lease struct {
	record resourcelock.LeaderElectionRecord
	resourcelock.Interface
}

func (l *lease) Identity() string { return "host_me" }

func (l *lease) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record := l.record
	return &record, nil, nil
}

func (l *lease) Create(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	l.record = record
	return nil
}

func (l *lease) Update(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	l.record = record
	return nil
}

// TestNumberOfATermNeverComesBack goes through what can become of a Lease.
func TestNumberOfATermNeverComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		// before is what happens before this process writes its record, with what client-go
		// proposes as its number.
		before   func(t *testing.T, e *Elector, l *lock)
		proposed int
		want     int32
	}{
		"first of all":          {func(*testing.T, *Elector, *lock) {}, 0, 0},
		"taken over":            {holds("other", 4), 5, 5},
		"taken over, let go of": {holds("", 6), 7, 7},
		"renewed":               {holds("host_me", 4), 4, 4},
		"made anew, as it was deleted from another":    {holds("other", 4), 0, 5},
		"made anew, as it was deleted from ourselves":  {holds("host_me", 4), 0, 4},
		"made anew, with a later one in an object":     {finds(Term{"other", 7}), 0, 8},
		"renewed, with an earlier one in an object":    {finds(Term{"other", 1}), 4, 4},
		"made anew, with the last number in an object": {finds(Term{"other", math.MaxInt32}), 0, math.MaxInt32},
		"renewed, with one of our own in an object":    {finds(Term{"host_me", 4}), 4, 5},
		"taken from somebody whose store is ours":      {holds("host_before", 4), 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			e, clock := elected(t)
			e.tenure = &tenure{clock: clock, holder: "host_me", sureFor: e.tenure.sureFor}
			held := &lease{}
			l := &lock{Interface: held, tenure: e.tenure, ended: e.ended, deposed: func() {}}
			c.before(t, e, l)
			if err := l.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "host_me", LeaderTransitions: c.proposed}); err != nil {
				t.Fatal(err)
			}
			term, err := e.Term()
			if err != nil || term != (Term{"host_me", c.want}) || held.record.LeaderTransitions != int(c.want) {
				t.Errorf("leads in %s (%v), and the Lease has %d, want %d", term, err, held.record.LeaderTransitions, c.want)
			}
		})
	}
}

func holds(holder string, number int) func(*testing.T, *Elector, *lock) {
	return func(t *testing.T, _ *Elector, l *lock) {
		t.Helper()
		l.Interface.(*lease).record = resourcelock.LeaderElectionRecord{HolderIdentity: holder, LeaderTransitions: number}
		if _, _, err := l.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func finds(term Term) func(*testing.T, *Elector, *lock) {
	return func(_ *testing.T, e *Elector, _ *lock) { e.Outrank(term) }
}

// TestLeaseOfAnEndedProcessReadsAsFree, where one process has a home at a time.
func TestLeaseOfAnEndedProcessReadsAsFree(t *testing.T) {
	for _, c := range []struct {
		holder string
		alone  bool
		reads  string
	}{
		{"host_before", true, ""},
		{"host_before", false, "host_before"},
		{"hosted_other", true, "hosted_other"},
		{"host_me", true, "host_me"},
		{"", true, ""},
	} {
		e, _ := elected(t)
		e.config.Alone = c.alone
		l := &lock{Interface: &lease{record: resourcelock.LeaderElectionRecord{HolderIdentity: c.holder}}, tenure: e.tenure, ended: e.ended, deposed: func() {}}
		record, _, err := l.Get(t.Context())
		if err != nil || record.HolderIdentity != c.reads {
			t.Errorf("held by %q, one at a time %t: reads as held by %q, %v, want %q", c.holder, c.alone, record.HolderIdentity, err, c.reads)
		}
	}
}
