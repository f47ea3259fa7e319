// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"
)

func skipped(z *Zone) { z.Skipped = &Skip{By: "ann", At: noon.Add(-time.Minute), Reason: "its disks"} }

// wroteIn has had the wanted revision written, drained so long ago.
func wroteIn(ago time.Duration) change {
	return func(z *Zone) {
		drainedFor(ago)(z)
		inFlight(Updating, ago, true)(z)
	}
}

func TestOtherZonesGoOnWithoutOneThatWasSkipped(t *testing.T) {
	for name, a := range map[string]Zone{
		"not begun":                 outdatedZone("a", skipped),
		"not begun and not healthy": outdatedZone("a", skipped, unhealthy),
		"refused":                   outdatedZone("a", skipped, shrinking),
		"invalid":                   outdatedZone("a", skipped, invalid),
		"another object's":          zone("a", skipped, foreign),
		"nobody's":                  zone("a", skipped, unmarked),
		"contended":                 outdatedZone("a", skipped, drifted(maxReapplied)),
		"in work":                   zone("a", skipped, unhealthy, inFlight(Updating, time.Minute, true)),
		"in work and not written":   outdatedZone("a", skipped, unhealthy, inFlight(Updating, time.Minute, false)),
		"failed":                    zone("a", skipped, failed, inFlight(Failed, time.Minute, true)),
		"over its time":             zone("a", skipped, unhealthy, inFlight(Failed, time.Hour, true)),
		"being created":             zone("a", skipped, unhealthy, inFlight(Creating, time.Minute, true)),
		"baking, and changed since": outdatedZone("a", skipped, finished(time.Second)),
		"not there":                 zone("a", skipped, absent, newcomer),
		"not there, referred to":    zone("a", skipped, absent, newcomer, ref),
		"being deleted":             zone("a", skipped, deleting),
	} {
		t.Run(name, func(t *testing.T) {
			o := scene(a, outdatedZone("b"), zone("c"))
			d := decide(t, o)
			wantAction(t, d, UpdateCluster, "b")
			if s := Summarise(o, d); s.Updated != 1 {
				t.Errorf("%d zones are said to be updated, want c", s.Updated)
			}
			if z := d.Zones[0]; z.Reason != ReasonSkipped || z.Hold || !strings.Contains(z.WaitingFor, `it was skipped by ann at 2026-01-02T11:59:00Z: "its disks"`) {
				t.Errorf("of zone a is said %s/%s, hold %t: %s", z.Record.Phase, z.Reason, z.Hold, z.WaitingFor)
			}
			if d := decide(t, scene(a, zone("b"), zone("c"))); d.Action.Type != Nothing {
				t.Errorf("with nothing else to do there is %v", d.Action)
			}
		})
	}
}

func TestASkipSendsNobodyToAZoneThatDoesNotServe(t *testing.T) {
	o := scene(outdatedZone("a", skipped, unhealthy), outdatedZone("b"), zone("c"))
	o.Strategy.MinAvailableZones = 2
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 1, Pending, ReasonMinAvailableZones)
	if d.Zones[1].Hold {
		t.Error("zone a may recover, and zone b calls for the user")
	}
	o.Zones[0] = zone("a", skipped, absent, newcomer)
	if d = decide(t, o); !d.Zones[1].Hold {
		t.Error("zone a never comes, and zone b waits for it")
	}
	routed := routedScene(outdatedZone("a", open, skipped, unhealthy), outdatedZone("b", open), zone("c", open))
	d = decide(t, routed)
	wantAction(t, d, DrainReads, "b")
	if got := strings.Join(d.Successors, " "); got != "c" {
		t.Errorf("the reads of b go to %q, want c", got)
	}
}

func TestASkippedZoneInWorkGetsItsReadsBackOnlyInGoodHealth(t *testing.T) {
	others := []Zone{zone("b", open), zone("c", open)}
	for name, c := range map[string]struct {
		a      Zone
		action ActionType
		reason string
	}{
		"drained":                          {outdatedZone("a", skipped, drainedFor(time.Second), loaded(true), idling(true)), RestoreReads, ReasonWriting},
		"drained, and ill since":           {outdatedZone("a", skipped, unhealthy, drainedFor(time.Second)), Nothing, ReasonSkipped},
		"written":                          {zone("a", skipped, unhealthy, wroteIn(time.Second)), Nothing, ReasonSkipped},
		"written, and healthy by now":      {zone("a", skipped, wroteIn(time.Second), gated(0)), Nothing, ReasonWaitingForQueues},
		"written, and changed by somebody": {outdatedZone("a", skipped, wroteIn(time.Second), gated(0)), Nothing, ReasonWaitingForQueues},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, routedScene(append([]Zone{c.a}, others...)...))
			if d.Action.Type != c.action || d.Zones[0].Reason != c.reason {
				t.Errorf("%v, and of zone a is said %s/%s: %s; want %v, %s", d.Action, d.Zones[0].Record.Phase, d.Zones[0].Reason, d.Zones[0].WaitingFor, c.action, c.reason)
			}
		})
	}
}

func TestASkipHasHadItsTimeOnceTheZoneIsWhatIsWanted(t *testing.T) {
	d := decide(t, scene(zone("a", skipped), outdatedZone("b"), zone("c")))
	wantZone(t, d, 0, Ready, ReasonUpToDate)
	if d.Zones[0].Skipped {
		t.Error("zone a still counts as skipped")
	}
	d = decide(t, scene(zone("a", skipped, inFlight(Updating, time.Minute, true)), outdatedZone("b"), zone("c")))
	wantZone(t, d, 0, Baking, ReasonBaking)
	if d.Zones[0].Skipped {
		t.Error("zone a has come to what is wanted, and counts as skipped")
	}
}

// TestASkipHasNotHadItsTimeWhereTheZoneCameBackEmpty, which calls for the user all the
// same.
func TestASkipHasNotHadItsTimeWhereTheZoneCameBackEmpty(t *testing.T) {
	for name, c := range map[string]struct {
		b      Zone
		action Action
		phase  Phase
	}{
		"its reads can be taken away": {zone("b", open), Action{DrainReads, "a"}, Flushing},
		"there is no other":           {zone("b", open, unhealthy), Action{Type: Nothing}, Unhealthy},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, routedScene(zone("a", skipped, emptied, open), c.b))
			wantAction(t, d, c.action.Type, c.action.Cluster)
			wantZone(t, d, 0, c.phase, ReasonEmptied)
			if z := d.Zones[0]; !z.Skipped || !z.Hold {
				t.Errorf("skipped %t, hold %t: %s", z.Skipped, z.Hold, z.WaitingFor)
			}
		})
	}
}

func TestAnAbortAndAPauseHoldWhatASkipLetsGoOn(t *testing.T) {
	o := scene(outdatedZone("a", skipped), outdatedZone("b"), zone("c"))
	o.Aborted = calledOff(true)
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonSkipped)
	wantZone(t, d, 1, Pending, ReasonAborted)
	d = decide(t, paused(scene(outdatedZone("a", skipped), outdatedZone("b"), zone("c"))))
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonSkipped)
	wantZone(t, d, 1, Pending, ReasonPaused)
}

func TestTheNextZoneIsTheFirstWhereThatWasSkipped(t *testing.T) {
	d := decide(t, approving(EveryZone, outdatedZone("a", skipped, hasArrived), outdatedZone("b"), zone("c")))
	wantAction(t, d, UpdateCluster, "b")
}

func TestARolloutIsCompleteButForTheZonesThatWereSkipped(t *testing.T) {
	for name, c := range map[string]struct {
		o                  Observed
		want               string
		finished, complete bool
	}{
		"left as it was":      {scene(outdatedZone("a", skipped), zone("b")), "operational Ready=AllOthersReady Progressing=RolloutCompleted Degraded=Skipped", true, false},
		"left ill":            {scene(outdatedZone("a", skipped, unhealthy), zone("b")), "operational Ready=AllOthersReady Progressing=RolloutCompleted Degraded=NotHealthy", true, false},
		"left failed":         {scene(zone("a", skipped, failed, inFlight(Failed, time.Minute, true)), zone("b")), "operational Ready=AllOthersReady Progressing=RolloutCompleted Degraded=NotHealthy", true, false},
		"left unmarked":       {scene(zone("a", skipped, metadata, unhealthy), zone("b")), "operational Ready=AllOthersReady Progressing=RolloutCompleted Degraded=NotHealthy", true, false},
		"others to come":      {scene(outdatedZone("a", skipped, unhealthy), outdatedZone("b"), zone("c")), "expanding Progressing=ZoneUpdating Reconciling=ZoneUpdating Degraded=NotHealthy", false, false},
		"on its way back":     {routedScene(outdatedZone("a", skipped, drainedFor(time.Second)), zone("b", open)), "expanding Progressing=ZoneRestoring Reconciling=ZoneRestoring", false, false},
		"come all the same":   {scene(zone("a", skipped), zone("b")), "operational Ready=AllZonesReady Progressing=RolloutCompleted", true, true},
		"undone":              {undone(scene(outdatedZone("a", skipped), zone("b"))), "failed Stalled=RevisionUndone Degraded=RevisionUndone", true, false},
		"and paused":          {paused(scene(outdatedZone("a", skipped), zone("b"))), "paused Ready=AllOthersReady Progressing=RolloutCompleted Paused=RolloutPaused Degraded=Skipped", false, false},
		"and nothing else is": {scene(outdatedZone("a", skipped)), "operational Ready=AllOthersReady Progressing=RolloutCompleted Degraded=Skipped", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := Summarise(c.o, decide(t, c.o))
			if got := told(s); got != c.want || s.Finished() != c.finished || s.Complete() != c.complete {
				t.Errorf("got  %s, finished %t, complete %t\nwant %s, finished %t, complete %t", got, s.Finished(), s.Complete(), c.want, c.finished, c.complete)
			}
		})
	}
	o := scene(outdatedZone("a", skipped), zone("b"))
	s := Summarise(o, decide(t, o))
	const want = `1 of 2 zones are updated and healthy; zone a was skipped by ann at 2026-01-02T11:59:00Z: "its disks"`
	if got := conditionOf(s, ConditionReady).Message; got != want || s.Updated != 1 || s.Ready != 2 {
		t.Errorf("%d updated, %d ready, and Ready says\n%s, want\n%s", s.Updated, s.Ready, got, want)
	}
}
