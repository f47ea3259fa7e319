// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

func TestARecordSurvivesStatus(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	want := rollout.Record{
		Phase:      rollout.Updating,
		Since:      at,
		Revision:   "r1",
		Updating:   "r2",
		Started:    at.Add(-time.Minute),
		Finished:   at.Add(-time.Hour),
		Generation: 7,
		Reapplied:  2,
	}
	stored := zoneStatus(&rollout.ZoneState{Name: "a", Record: want})
	got := recordsOf([]vmdistributed.ZoneStatus{stored})["a"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-written +read):\n%s", diff)
	}
}

func TestAPauseNeverComesOutShorter(t *testing.T) {
	finished := time.Date(2026, 1, 1, 12, 0, 0, 1, time.UTC)
	stored := zoneStatus(&rollout.ZoneState{Record: rollout.Record{Finished: finished}})
	if got := stored.UpdateFinished.Time; got.Before(finished) {
		t.Errorf("the end of the update was stored as %s, before it came at %s", got, finished)
	}
}

func TestTheOrderOfZonesIsNoPartOfTheRevision(t *testing.T) {
	a, b := rollout.Zone{Name: "a", Revision: "1"}, rollout.Zone{Name: "b", Revision: "2"}
	if one, other := objectRevision([]rollout.Zone{a, b}), objectRevision([]rollout.Zone{b, a}); one != other {
		t.Errorf("revision %s in one order, %s in the other", one, other)
	}
	if one, other := objectRevision([]rollout.Zone{a, b}), objectRevision([]rollout.Zone{a}); one == other {
		t.Errorf("revision %s with and without zone b", one)
	}
}
