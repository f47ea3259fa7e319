// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// told is a summary in one line: updateStatus, then every condition that is true
// with its reason, in the order in which they are published.
func told(s Summary) string {
	text := s.UpdateStatus
	for _, c := range s.Conditions {
		if c.True {
			text += fmt.Sprintf(" %s=%s", c.Type, c.Reason)
		}
	}
	return text
}

func paused(o Observed) Observed {
	o.Paused = true
	return o
}

func undone(o Observed) Observed {
	o.Undone = &Undo{Revision: "bad", To: "good", By: "ann", Reason: "errors"}
	return o
}

func TestAZoneCountsAsUpdatedOnceItsChangeIsAtItsEnd(t *testing.T) {
	for _, phase := range []Phase{Creating, Draining, Updating, Flushing, Restoring} {
		o, d := scene(zone("a"), zone("b")), Decision{Zones: make([]ZoneState, 2), Outlook: make([]Outlook, 2)}
		d.Zones[0].Updated, d.Zones[1].Updated = true, true
		d.Zones[0].Record.Phase, d.Zones[0].Record.Updating = phase, "new"
		if s := Summarise(o, d); s.Updated != 1 {
			t.Errorf("with one zone %s, %d of 2 zones are said to be updated", phase, s.Updated)
		}
	}
}

func TestWhatWasUndoneIsNotReadyThoughAllIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		o        Observed
		want     string
		complete bool
	}{
		"back":          {undone(scene(zone("a"), zone("b"))), "failed Stalled=RevisionUndone Degraded=RevisionUndone", true},
		"on the way":    {undone(scene(outdatedZone("a"), zone("b"))), "expanding Progressing=ZoneUpdating Reconciling=ZoneUpdating Degraded=RevisionUndone", false},
		"failed":        {undone(scene(zone("a", failed, inFlight(Updating, 0, true)), zone("b"))), "failed Stalled=OperatorFailed Degraded=OperatorFailed", false},
		"a mark":        {undone(scene(zone("a", metadata), zone("b"))), "expanding Progressing=Writing Reconciling=Writing Degraded=RevisionUndone", false},
		"paused":        {paused(undone(scene(zone("a"), zone("b")))), "paused Reconciling=RolloutPaused Paused=RolloutPaused Degraded=RevisionUndone", false},
		"only observed": {observing(undone(scene(zone("a"), zone("b")))), "paused Observing=Observe Degraded=RevisionUndone", false},
		"halted":        {halted(undone(scene(zone("a"), zone("b")))), "paused Reconciling=Halted Paused=Halted Degraded=RevisionUndone", false},
		"being let go":  {undone(leaving(Deletion{}, zone("a"))), "expanding Progressing=Deleting Reconciling=Deleting", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := Summarise(c.o, decide(t, c.o))
			if got := told(s); got != c.want || s.Complete() != c.complete {
				t.Errorf("got  %s, complete %v\nwant %s, complete %v", got, s.Complete(), c.want, c.complete)
			}
		})
	}
	const want = `revision bad, which spec asks for, was undone by ann ("errors"), to revision good`
	if s := Summarise(undone(scene(zone("a"))), decide(t, undone(scene(zone("a"))))); s.Reason != want {
		t.Errorf("the reason is %q, want %q", s.Reason, want)
	}
}

func TestNoZoneIsTouchedWhereNobodyKnowsWhatToGoBackTo(t *testing.T) {
	for name, o := range map[string]Observed{
		"to be changed":  undone(scene(outdatedZone("a"), zone("b"))),
		"to be repaired": undone(scene(outdatedZone("a", unhealthy), zone("b"))),
		"to be created":  undone(scene(zone("a", absent), zone("b"))),
	} {
		o.Undone.Lost = "there is no record of it"
		d := decide(t, o)
		if d.Action.Type != Nothing || d.Zones[0].Reason != ReasonUndoneToLost || !d.Zones[0].Hold {
			t.Errorf("%s: %v, and of the zone is said %s: %s", name, d.Action, d.Zones[0].Reason, d.Zones[0].WaitingFor)
		}
	}
}

// TestWhoLooksAtAFailedZoneIsToldThatTheChangeWasCalledOff, which status says of other
// zones only.
func TestWhoLooksAtAFailedZoneIsToldThatTheChangeWasCalledOff(t *testing.T) {
	o := scene(zone("a", failed, inFlight(Failed, 0, true)), outdatedZone("b"), outdatedZone("c"))
	o.Aborted = &Abort{By: "ann", Reason: "errors"}
	s := Summarise(o, Decide(o))
	const want = `; the change was called off by ann: "errors"`
	if !strings.Contains(s.Reason, "zone a") || !strings.HasSuffix(s.Reason, want) {
		t.Errorf("the reason is %q, want it to be about zone a and to end with %q", s.Reason, want)
	}
	for _, condition := range s.Conditions {
		told := condition.Type == ConditionStalled || condition.Type == ConditionReady || condition.Type == ConditionProgressing
		if told && !strings.HasSuffix(condition.Message, want) {
			t.Errorf("%s says %q, want it to end with %q", condition.Type, condition.Message, want)
		}
	}
	o = scene(outdatedZone("a"), outdatedZone("b"))
	o.Aborted = &Abort{By: "ann"}
	if s := Summarise(o, Decide(o)); strings.Contains(s.Reason, "the change was called off") {
		t.Errorf("it is said twice that it was called off: %q", s.Reason)
	}
}

func TestTheSummaryTellsToolsWhereTheRolloutStands(t *testing.T) {
	strays, scrape := scene(zone("a"), zone("b")), scene(zone("a"), zone("b"))
	strays.Strays, scrape.ScrapePending = []Stray{stray("x")}, true
	for name, c := range map[string]struct {
		o    Observed
		want string
	}{
		"complete":               {scene(zone("a"), zone("b")), "operational Ready=AllZonesReady Progressing=RolloutCompleted"},
		"creating":               {scene(zone("a", absent), zone("b")), "expanding Progressing=ZoneCreating Reconciling=ZoneCreating"},
		"updating":               {scene(outdatedZone("a"), zone("b")), "expanding Progressing=ZoneUpdating Reconciling=ZoneUpdating"},
		"in work":                {scene(zone("a", unhealthy, inFlight(Updating, 0, true)), zone("b")), "expanding Progressing=ZoneUpdating Reconciling=ZoneUpdating"},
		"baking":                 {scene(zone("a", finished(0)), outdatedZone("b")), "expanding Progressing=Baking Reconciling=Baking"},
		"missing":                {scene(zone("a", ref, absent), zone("b")), "expanding Progressing=ClusterMissing Reconciling=ClusterMissing"},
		"unhealthy":              {scene(zone("a", unhealthy), zone("b")), "expanding Progressing=NotHealthy Reconciling=NotHealthy Degraded=NotHealthy"},
		"blocked":                {scene(outdatedZone("a"), zone("b", unhealthy)), "expanding Progressing=NotHealthy Reconciling=NotHealthy Degraded=NotHealthy"},
		"being deleted":          {scene(zone("a", deleting), zone("b")), "expanding Progressing=ClusterDeleting Reconciling=ClusterDeleting Degraded=ClusterDeleting"},
		"failed":                 {scene(zone("a", failed, inFlight(Updating, 0, true)), zone("b")), "failed Stalled=OperatorFailed Degraded=OperatorFailed"},
		"over its time":          {scene(zone("a", unhealthy, inFlight(Updating, time.Hour, true)), zone("b")), "failed Stalled=ReadyTimeout Degraded=ReadyTimeout"},
		"refused":                {scene(outdatedZone("a", shrinking), zone("b")), "failed Stalled=StorageWouldShrink"},
		"refused and ill":        {scene(outdatedZone("a", shrinking, unhealthy), zone("b")), "failed Stalled=StorageWouldShrink Degraded=NotHealthy"},
		"alone":                  {scene(outdatedZone("a")), "failed Stalled=MinAvailableZones"},
		"one to repair":          {scene(outdatedZone("a", unhealthy), outdatedZone("b", unhealthy)), "expanding Progressing=ZoneUpdating Reconciling=ZoneUpdating Degraded=NotHealthy"},
		"a stray":                {strays, "expanding Ready=AllZonesReady Progressing=Writing Reconciling=Writing"},
		"a mark":                 {scene(zone("a", metadata), zone("b")), "expanding Ready=AllZonesReady Progressing=Writing Reconciling=Writing"},
		"the VMAgent":            {scrape, "expanding Ready=AllZonesReady Progressing=Writing Reconciling=Writing"},
		"paused, complete":       {paused(scene(zone("a"), zone("b"))), "paused Ready=AllZonesReady Progressing=RolloutCompleted Paused=RolloutPaused"},
		"paused, outdated":       {paused(scene(outdatedZone("a"), zone("b"))), "paused Reconciling=RolloutPaused Paused=RolloutPaused"},
		"paused, failed":         {paused(scene(zone("a", failed, inFlight(Failed, 0, true)), zone("b"))), "paused Reconciling=OperatorFailed Paused=RolloutPaused Degraded=OperatorFailed"},
		"observed":               {observing(scene(zone("a"), zone("b"))), "paused Ready=AllZonesReady Progressing=RolloutCompleted Observing=Observe"},
		"observed, outdated":     {observing(scene(outdatedZone("a"), zone("b"))), "paused Observing=Observe"},
		"observed, to be marked": {observing(scene(zone("a", metadata), zone("b"))), "paused Ready=AllZonesReady Observing=Observe"},
		"observed, ill":          {observing(scene(zone("a", unhealthy), zone("b"))), "paused Observing=Observe Degraded=NotHealthy"},
		"observed, refused":      {observing(scene(outdatedZone("a", shrinking), zone("b"))), "paused Observing=Observe"},
		"observed and paused":    {paused(observing(scene(outdatedZone("a"), zone("b")))), "paused Paused=RolloutPaused Observing=Observe"},
		"observed, leaving":      {observing(leaving(Deletion{Retain: true}, zone("a"))), "expanding Progressing=Deleting Reconciling=Deleting"},
		"halted":                 {halted(scene(outdatedZone("a"), zone("b"))), "paused Reconciling=Halted Paused=Halted"},
		"halted, complete":       {halted(scene(zone("a"), zone("b"))), "paused Ready=AllZonesReady Progressing=RolloutCompleted Paused=Halted"},
		"halted, refused":        {halted(scene(outdatedZone("a", shrinking), zone("b"))), "paused Reconciling=StorageWouldShrink Paused=Halted"},
		"halted, leaving":        {halted(leaving(Deletion{}, zone("a"))), "paused Reconciling=Halted Paused=Halted"},
		"halted and paused":      {halted(paused(scene(outdatedZone("a"), zone("b")))), "paused Reconciling=Halted Paused=Halted"},
		"halted and observed":    {halted(observing(scene(outdatedZone("a"), zone("b")))), "paused Paused=Halted Observing=Observe"},
		"leaving":                {leaving(Deletion{}, zone("a"), zone("b", referred)), "expanding Progressing=Deleting Reconciling=Deleting"},
		"leaving paused":         {paused(leaving(Deletion{}, zone("a"))), "expanding Progressing=Deleting Reconciling=Deleting"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Summarise(c.o, decide(t, c.o))
			if got := told(s); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if complete := c.want[:len("operational")] == "operational"; s.Complete() != complete {
				t.Errorf("Complete() = %t", s.Complete())
			}
		})
	}
}

func TestZonesAreCounted(t *testing.T) {
	o := scene(zone("a"), zone("b", unhealthy), outdatedZone("c"), zone("d", finished(0)), zone("e", absent))
	if s := Summarise(o, decide(t, o)); s.Updated != 3 || s.Ready != 3 {
		t.Errorf("updated %d, ready %d, want 3 and 3", s.Updated, s.Ready)
	}
}

func TestMessagesNameTheZoneAndTheEvidence(t *testing.T) {
	o := scene(zone("a"), zone("b", unhealthy), outdatedZone("c", shrinking))
	s := Summarise(o, decide(t, o))
	if !strings.Contains(s.Reason, "zone c") || !strings.Contains(s.Reason, "vmstorage.replicaCount") {
		t.Errorf("reason is %q", s.Reason)
	}
	degraded := s.Conditions[len(s.Conditions)-1]
	if !strings.Contains(degraded.Message, "zone b") || !strings.Contains(degraded.Message, notYet) {
		t.Errorf("Degraded says %q", degraded.Message)
	}
}

// is tells whether a condition is true.
func (s *Summary) is(condition string) bool {
	return slices.ContainsFunc(s.Conditions, func(c Condition) bool { return c.Type == condition && c.True })
}
