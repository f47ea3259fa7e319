// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	stored := zoneStatus(&rollout.ZoneState{Name: "a", Record: want}, &rollout.Zone{})
	got := recordsOf([]vmdistributed.ZoneStatus{stored})["a"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-written +read):\n%s", diff)
	}
}

func TestAPauseNeverComesOutShorter(t *testing.T) {
	finished := time.Date(2026, 1, 1, 12, 0, 0, 1, time.UTC)
	stored := zoneStatus(&rollout.ZoneState{Record: rollout.Record{Finished: finished}}, &rollout.Zone{})
	if got := stored.UpdateFinished.Time; got.Before(finished) {
		t.Errorf("the end of the update was stored as %s, before it came at %s", got, finished)
	}
}

func TestAnAnswerThatDiffersInNumbersOnlyIsNoNewStatus(t *testing.T) {
	const refused, untried = rollout.ReasonInvalid, rollout.ReasonDryRunFailed
	for name, c := range map[string]struct {
		reason, before, now, want string
	}{
		"another port":     {untried, "calling webhook x: read tcp 10.0.0.1:4711->10.0.0.2:443", "calling webhook x: read tcp 10.0.0.1:4712->10.0.0.2:443", "calling webhook x: read tcp 10.0.0.1:4711->10.0.0.2:443"},
		"another time":     {refused, "denied at 12:00:01", "denied at 12:00:02", "denied at 12:00:01"},
		"another webhook":  {untried, "calling webhook x", "calling webhook y", "calling webhook y"},
		"another size":     {rollout.ReasonWaitingForQueues, "has 2 MiB pending", "has 1 MiB pending", "has 1 MiB pending"},
		"the same answer":  {refused, "denied", "denied", "denied"},
		"more to complain": {refused, "denied", "denied, and more", "denied, and more"},
	} {
		t.Run(name, func(t *testing.T) {
			object := &vmdistributed.VMDistributedCluster{}
			object.Status.Zones = []vmdistributed.ZoneStatus{{Name: "a", Reason: c.reason, WaitingFor: c.before}}
			decision := &rollout.Decision{Zones: []rollout.ZoneState{{Name: "a", Reason: c.reason, WaitingFor: c.now}}}
			keepWording(object, &observation{}, decision)
			if got := decision.Zones[0].WaitingFor; got != c.want {
				t.Errorf("says %q, want %q", got, c.want)
			}
			object.Generation++
			decision.Zones[0].WaitingFor = c.now
			if keepWording(object, &observation{}, decision); decision.Zones[0].WaitingFor != c.now {
				t.Errorf("says %q of another generation, want %q", decision.Zones[0].WaitingFor, c.now)
			}
		})
	}
}

func TestARolloutIsRecordedFromItsBeginningToItsEnd(t *testing.T) {
	at := func(minutes int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 1, 1, 12, minutes, 0, 0, time.UTC)}
	}
	record := func(revision string, started, finished *metav1.Time) *vmdistributed.RolloutRecord {
		return &vmdistributed.RolloutRecord{Revision: revision, Started: *started, Finished: finished}
	}
	again := func(started, finished *metav1.Time) *vmdistributed.RolloutRecord {
		restarted := record("new", started, finished)
		restarted.RestartedAt = at(4)
		return restarted
	}
	for name, c := range map[string]struct {
		known     *vmdistributed.RolloutRecord
		complete  bool
		observing bool
		deleted   bool
		current   string
		restarted *metav1.Time
		want      *vmdistributed.RolloutRecord
	}{
		"the first begins":                        {want: record("new", at(5), nil)},
		"another begins":                          {known: record("old", at(1), at(2)), want: record("new", at(5), nil)},
		"one takes the place of another":          {known: record("old", at(1), nil), want: record("new", at(5), nil)},
		"it goes on":                              {known: record("new", at(1), nil), want: record("new", at(1), nil)},
		"it ends":                                 {known: record("new", at(1), nil), complete: true, want: record("new", at(1), at(5))},
		"a zone falls ill after the end":          {known: record("new", at(1), at(2)), current: "new", want: record("new", at(1), at(2))},
		"it is restarted":                         {known: record("new", at(1), at(2)), restarted: at(4), want: again(at(5), nil)},
		"a restart ends":                          {known: again(at(5), nil), restarted: at(4), complete: true, want: again(at(5), at(5))},
		"a zone is no longer skipped":             {known: record("new", at(1), at(2)), current: "old", want: record("new", at(1), nil)},
		"there was nothing to do for it":          {known: record("old", at(1), at(2)), complete: true, want: record("new", at(5), at(5))},
		"what was complete before there were any": {complete: true},
		"what is only observed is not rolled out": {known: record("old", at(1), at(2)), observing: true, want: record("old", at(1), at(2))},
		"nor is what is on its way out":           {deleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			view := &observation{Observed: rollout.Observed{Now: at(5).Time, Observing: c.observing}}
			if c.restarted != nil {
				view.restartedAt = c.restarted.Format(time.RFC3339)
			}
			if c.deleted {
				view.Deletion = &rollout.Deletion{}
			}
			status := &vmdistributed.VMDistributedClusterStatus{UpdateRevision: "new", CurrentRevision: c.current}
			if diff := cmp.Diff(c.want, rolloutRecord(c.known, view, status, c.complete)); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}
