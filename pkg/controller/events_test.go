// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

func TestTheStoryTellsEachStepOnce(t *testing.T) {
	began := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	ended := metav1.NewTime(began.Add(7 * time.Second))
	pending := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZonePending}
	updating := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZoneUpdating, UpdateRevision: "r2", UpdateStarted: &began}
	waiting := updating
	waiting.WaitingFor = "operator reports \"expanding\""
	ready := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZoneReady, Revision: "r2", Since: ended}
	baking := ready
	baking.Phase = vmdistributed.ZoneBaking
	failed := updating
	failed.Phase, failed.WaitingFor = vmdistributed.ZoneFailed, "not finished"
	refused := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZoneRefused, Reason: "NotOurs", WaitingFor: "a mark"}
	refusedAgain := refused
	contended := ready
	contended.Phase, contended.Reason, contended.WaitingFor = vmdistributed.ZoneRefused, "Contended", "a mark"
	refusedAgain.Reason = "StorageWouldShrink"
	leaving := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZoneLeaving, Reason: "Releasing"}
	referenced := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZoneLeaving, Reason: "StillReferenced", WaitingFor: "VMUser u to let go"}
	unhealthy := vmdistributed.ZoneStatus{Name: "a", Phase: vmdistributed.ZoneUnhealthy, WaitingFor: "no pods"}

	for name, test := range map[string]struct {
		before, after vmdistributed.ZoneStatus
		want          []string
	}{
		"nothing new":                       {updating, updating, nil},
		"only the evidence is new":          {updating, waiting, nil},
		"an update begins":                  {pending, updating, []string{"ZoneUpdating: Zone a: updating to revision r2"}},
		"an update ends":                    {updating, ready, []string{"ZoneUpdated: Zone a: runs revision r2 after 7s"}},
		"an update ends and holds the next": {updating, baking, []string{"ZoneUpdated: Zone a: runs revision r2 after 7s"}},
		"an update ends and the zone is refused": {updating, contended,
			[]string{"ZoneUpdated: Zone a: runs revision r2 after 7s", "ZoneRefused: Zone a: not touched, waiting for a mark"}},
		"an update that had failed ends": {failed, ready, []string{"ZoneUpdated: Zone a: runs revision r2 after 7s"}},
		"a pause ends":                   {baking, ready, nil},
		"an update fails":                {updating, failed, []string{"ZoneFailed: Zone a: not finished"}},
		"a zone is refused":              {pending, refused, []string{"ZoneRefused: Zone a: not touched, waiting for a mark"}},
		"a zone is refused for another reason": {refused, refusedAgain,
			[]string{"ZoneRefused: Zone a: not touched, waiting for a mark"}},
		"a zone leaves":            {ready, leaving, []string{"ZoneLeaving: Zone a: letting go of its VMCluster"}},
		"a zone that leaves can't": {leaving, referenced, []string{"StillReferenced: Zone a: not deleted, waiting for VMUser u to let go"}},
		"and still can't":          {referenced, referenced, nil},
		"a zone falls ill":         {ready, unhealthy, []string{"ZoneUnhealthy: Zone a: no pods"}},
		"a zone recovers":          {unhealthy, ready, []string{"ZoneReady: Zone a: healthy"}},
		"an adopted zone is":       {vmdistributed.ZoneStatus{}, ready, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := &vmdistributed.VMDistributedClusterStatus{Zones: []vmdistributed.ZoneStatus{test.before}}
			after := &vmdistributed.VMDistributedClusterStatus{Zones: []vmdistributed.ZoneStatus{test.after}}
			var got []string
			for _, e := range story(before, after) {
				got = append(got, e.reason+": "+e.message)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("story (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheStoryTellsTheBeginningAndTheEndOfARollout(t *testing.T) {
	before := &vmdistributed.VMDistributedClusterStatus{UpdateRevision: "r1", UpdateStatus: "operational"}
	during := &vmdistributed.VMDistributedClusterStatus{UpdateRevision: "r2", UpdateStatus: "expanding"}
	after := &vmdistributed.VMDistributedClusterStatus{UpdateRevision: "r2", UpdateStatus: "operational"}
	var got []string
	for _, e := range append(story(before, during), story(during, after)...) {
		got = append(got, e.reason)
	}
	if diff := cmp.Diff([]string{"RolloutStarted", "RolloutCompleted"}, got); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
}

func TestTheEndOfARolloutDoesNotTellOfZonesThatWereSkipped(t *testing.T) {
	zones := []vmdistributed.ZoneStatus{{Name: "a", Phase: "Ready"}, {Name: "b", Phase: "Pending", Reason: "Skipped"}, {Name: "c", Phase: "Ready"}}
	before := &vmdistributed.VMDistributedClusterStatus{UpdateRevision: "r2", UpdateStatus: "expanding", Zones: zones}
	after := &vmdistributed.VMDistributedClusterStatus{UpdateRevision: "r2", UpdateStatus: "operational", Zones: zones}
	told := story(before, after)
	if len(told) != 1 || told[0].message != "Revision r2 runs in 2 of 3 zones" {
		t.Errorf("story is %+v", told)
	}
}

func TestTheStoryTellsWhyNothingIsWrittenAndWhenThatEnds(t *testing.T) {
	condition := func(name, reason string) metav1.Condition {
		return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: reason, Message: "what is said of it"}
	}
	status := func(word, revision string, conditions ...metav1.Condition) *vmdistributed.VMDistributedClusterStatus {
		return &vmdistributed.VMDistributedClusterStatus{UpdateStatus: word, UpdateRevision: revision, Conditions: conditions}
	}
	completed := func(of *vmdistributed.VMDistributedClusterStatus) *vmdistributed.VMDistributedClusterStatus {
		at := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		of.Rollout = &vmdistributed.RolloutRecord{Revision: of.UpdateRevision, Started: at, Finished: &at}
		return of
	}
	const written = "no VMCluster, VMAgent or VMUser is written"
	for name, c := range map[string]struct {
		before, after *vmdistributed.VMDistributedClusterStatus
		want          []string
	}{
		"a pause":                    {status("expanding", "r1"), status("paused", "r1", condition("Paused", "RolloutPaused")), []string{"RolloutPaused: Paused: " + written}},
		"observed from the start":    {status("", ""), status("paused", "r1", condition("Observing", "Observe")), []string{"RolloutObserved: Observing only: " + written}},
		"another revision of that":   {status("paused", "r1", condition("Observing", "Observe")), status("paused", "r2", condition("Observing", "Observe")), nil},
		"it may act":                 {status("paused", "r1", condition("Observing", "Observe")), status("expanding", "r1"), []string{"RolloutStarted: Rolling revision r1 out over 0 zones"}},
		"and has nothing to do":      {status("paused", "r1", condition("Observing", "Observe")), status("operational", "r1"), []string{"RolloutCompleted: Revision r1 runs in 0 zones"}},
		"a pause with nothing to do": {completed(status("paused", "r1", condition("Paused", "RolloutPaused"))), completed(status("operational", "r1")), nil},
		"a pause amid a rollout": {status("paused", "r1", condition("Paused", "RolloutPaused")), completed(status("operational", "r1")),
			[]string{"RolloutCompleted: Revision r1 runs in 0 zones"}},
		"a halt":                 {status("operational", "r1"), status("paused", "r1", condition("Paused", "Halted")), []string{"RolloutHalted: what is said of it"}},
		"one that can't be told": {status("operational", "r1"), status("paused", "r1", condition("Paused", "HaltUnknown")), []string{"RolloutHaltUnknown: what is said of it"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range story(c.before, c.after) {
				got = append(got, e.reason+": "+e.message)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
