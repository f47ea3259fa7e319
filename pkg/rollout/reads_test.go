// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"
)

// routedScene is a scene in which every wait has a limit.
func routedScene(zones ...Zone) Observed {
	o := scene(zones...)
	o.Strategy.DrainTimeout, o.Strategy.GracePeriod, o.Strategy.FlushTimeout = 2*time.Minute, 30*time.Second, 10*time.Minute
	return o
}

func open(z *Zone)   { z.Reads.Open = []string{"VMUser ns/u"} }
func closed(z *Zone) { z.Reads.Open, z.Reads.Drained = nil, []string{"VMUser ns/u"} }
func reopened(z *Zone) {
	z.Reads.Open, z.Reads.Drained = []string{"VMUser ns/u"}, []string{"VMUser ns/u"}
}
func approved(z *Zone) { z.Approved = true }

func loaded(met bool) change {
	return func(z *Zone) { z.Reads.Loaded = &Evidence{Met: met, Text: "VMAuth ns/auth"} }
}

func idling(met bool) change {
	return func(z *Zone) { z.Reads.Idle = &Evidence{Met: met, Text: "2 reads"} }
}

// drainedFor has had its reads taken away so long ago, and noted.
func drainedFor(ago time.Duration) change {
	return func(z *Zone) {
		closed(z)
		r := &z.Record
		r.Phase, r.Since, r.Begun, r.Clock, r.Drained, r.DrainDone = Draining, noon.Add(-ago), noon.Add(-ago), noon.Add(-ago), noon.Add(-ago), true
	}
}

func TestAZoneIsDrainedBeforeItIsWritten(t *testing.T) {
	o := routedScene(outdatedZone("a", open), zone("b", open), zone("c", open))
	d := decide(t, o)
	wantAction(t, d, DrainReads, "a")
	wantZone(t, d, 0, Draining, ReasonWriting)
	if r := d.Zones[0].Record; !r.Drained.Equal(noon) || r.DrainDone || r.inFlight() {
		t.Errorf("the intent is not recorded: %+v", r)
	}
	if got := strings.Join(d.Successors, " "); got != "b c" {
		t.Errorf("its reads go to %q, want b c", got)
	}
}

func TestADrainedZoneIsWrittenOnlyWithProof(t *testing.T) {
	for name, c := range map[string]struct {
		evidence []change
		action   ActionType
		reason   string
	}{
		"nobody has looked":       {nil, Nothing, ReasonWaitingForVMAuth},
		"not loaded":              {[]change{loaded(false)}, Nothing, ReasonWaitingForVMAuth},
		"loaded, nobody has read": {[]change{loaded(true)}, Nothing, ReasonReadsInFlight},
		"loaded, reads in flight": {[]change{loaded(true), idling(false)}, Nothing, ReasonReadsInFlight},
		"loaded, none in flight":  {[]change{loaded(true), idling(true)}, UpdateCluster, ReasonWriting},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, routedScene(outdatedZone("a", append(c.evidence, drainedFor(time.Second))...), zone("b", open)))
			if d.Action.Type != c.action || d.Zones[0].Reason != c.reason {
				t.Errorf("%v, %s: %s; want %v, %s", d.Action, d.Zones[0].Reason, d.Zones[0].WaitingFor, c.action, c.reason)
			}
		})
	}
}

func TestReadsInFlightKeepAZoneForTheGracePeriodOnly(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Second), loaded(true), idling(false)), zone("b", open))
	d := decide(t, o)
	if want := noon.Add(30 * time.Second); !d.Wake.Equal(want) {
		t.Errorf("Wake is %s, want %s", d.Wake, want)
	}
	o = remembering(o, d)
	wantAction(t, decide(t, later(o, 29*time.Second)), Nothing, "")
	wantAction(t, decide(t, later(o, 30*time.Second)), UpdateCluster, "a")
}

func TestAProofIsAskedForUntilTheWrite(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Minute), loaded(false), idling(true), func(z *Zone) { z.Record.Loaded = noon.Add(-time.Second) }), zone("b", open))
	wantAction(t, decide(t, o), Nothing, "")
}

func TestADrainLeavesEnoughZones(t *testing.T) {
	for name, c := range map[string]struct {
		zones   []Zone
		minimum int
		action  Action
	}{
		"healthy, one other":                  {[]Zone{outdatedZone("a", open), zone("b", open)}, 1, Action{DrainReads, "a"}},
		"healthy, none other, so be it":       {[]Zone{outdatedZone("a", open)}, 0, Action{UpdateCluster, "a"}},
		"healthy, the other is not read":      {[]Zone{outdatedZone("a", open), zone("b"), zone("c", open, unhealthy)}, 1, Action{Nothing, ""}},
		"broken, one other":                   {[]Zone{outdatedZone("a", open, unhealthy), zone("b", open)}, 1, Action{DrainReads, "a"}},
		"broken, too few others":              {[]Zone{outdatedZone("a", open, unhealthy), zone("b", open)}, 2, Action{UpdateCluster, "a"}},
		"broken, half drained, none other":    {[]Zone{outdatedZone("a", drainedFor(0), reopened, unhealthy), zone("b", open, unhealthy)}, 1, Action{UpdateCluster, "a"}},
		"written, reads back, none other":     {[]Zone{zone("a", drainedFor(0), reopened, unhealthy, inFlight(Updating, 0, true)), zone("b", open, unhealthy)}, 1, Action{Nothing, ""}},
		"written, reads back, one other":      {[]Zone{zone("a", drainedFor(0), reopened, unhealthy, inFlight(Updating, 0, true)), zone("b", open)}, 1, Action{DrainReads, "a"}},
		"the other is on its way back":        {[]Zone{outdatedZone("a", open), zone("b", open, restoring)}, 0, Action{Nothing, ""}},
		"the other has come back empty":       {[]Zone{outdatedZone("a", open), zone("b", open, emptied)}, 1, Action{DrainReads, "b"}},
		"the other is empty and is read from": {[]Zone{outdatedZone("a", open), zone("b", open, emptied, func(z *Zone) { z.Reads.Busy = "VMUser ns/u" })}, 1, Action{Nothing, ""}},
		"the VMUser is drained for another":   {[]Zone{outdatedZone("a", open, func(z *Zone) { z.Reads.Busy = "VMUser ns/u" }), zone("b", open)}, 1, Action{Nothing, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			o := routedScene(c.zones...)
			o.Strategy.MinAvailableZones, o.Strategy.MaxUnavailable = c.minimum, len(c.zones)
			if d := decide(t, o); d.Action != c.action {
				t.Errorf("%v, want %v: %+v", d.Action, c.action, d.Zones)
			}
		})
	}
}

func restoring(z *Zone) {
	z.Record.Phase, z.Record.Clock, z.Record.Drained, z.Record.Restored = Restoring, noon, noon, noon
	z.Reads.Loaded = &Evidence{Text: "VMAuth ns/auth"}
}

func emptied(z *Zone) { z.Record.Emptied, z.Record.UID, z.Cluster.UID = true, "2", "2" }

func TestWhatCannotBeDrainedIsNotWritten(t *testing.T) {
	for reason, c := range map[string]change{
		ReasonReadsUndrainable: func(z *Zone) { z.Reads.Undrainable = []string{"VMAuth ns/auth"} },
		ReasonReadsUnknown:     func(z *Zone) { z.Reads.Unknown = "VMUser ns/u to exist" },
		ReasonVMUserBusy:       func(z *Zone) { z.Reads.Busy = "VMUser ns/u" },
	} {
		t.Run(reason, func(t *testing.T) {
			d := decide(t, routedScene(outdatedZone("a", open, c), zone("b", open)))
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 0, Pending, reason)
			if hold := reason == ReasonReadsUndrainable; d.Zones[0].Hold != hold {
				t.Errorf("hold is %t", d.Zones[0].Hold)
			}
			wantAction(t, decide(t, routedScene(outdatedZone("a", open, unhealthy, c), zone("b", open))), UpdateCluster, "a")
		})
	}
}

func TestReadsThatSomebodyGivesBackAreTakenAgainThreeTimes(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Minute), reopened), zone("b", open))
	for n := 1; n <= maxRedrained; n++ {
		d := decide(t, o)
		wantAction(t, d, DrainReads, "a")
		if r := d.Zones[0].Record; r.Redrained != n || !r.Drained.Equal(o.Now) {
			t.Fatalf("%+v, want redrain %d, proven anew", r, n)
		}
		o = later(remembering(o, d), time.Second)
		wantAction(t, decide(t, o), DrainReads, "a") // it has not landed: no further one
		o.Zones[0].Record.DrainDone = true
	}
	d := decide(t, o)
	wantAction(t, d, RestoreReads, "a")
	o = later(remembering(o, d), time.Second)
	open(&o.Zones[0])
	o.Zones[0].Reads.Drained = nil
	loaded(true)(&o.Zones[0])
	d = decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonContended)
	if !d.Zones[0].Hold {
		t.Error("only the user can change that")
	}
	approved(&o.Zones[0])
	wantAction(t, decide(t, remembering(o, d)), DrainReads, "a")
}

func TestADrainThatLandedWithoutANoteCountsAsLanded(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Minute), loaded(false), func(z *Zone) { z.Record.DrainDone = false }), zone("b", open))
	if d := decide(t, o); !d.Zones[0].Record.DrainDone {
		t.Errorf("%+v", d.Zones[0].Record)
	}
}

func TestAZoneThatMustNotBeTouchedAnyMoreIsGivenBack(t *testing.T) {
	for name, change := range map[string]func(*Observed){
		"another is ill": func(o *Observed) { unhealthy(&o.Zones[1]) },
		"called off":     func(o *Observed) { o.Aborted = &Abort{} },
		"refused":        func(o *Observed) { shrinking(&o.Zones[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			o := routedScene(outdatedZone("a", drainedFor(time.Minute), loaded(true), idling(true)), zone("b", open), zone("c", open))
			change(&o)
			d := decide(t, o)
			wantAction(t, d, RestoreReads, "a")
			// A restoration that did not land is written again.
			wantAction(t, decide(t, later(remembering(o, d), time.Minute)), RestoreReads, "a")
		})
	}
}

func TestARevisionThatWasCalledOffIsWrittenToNone(t *testing.T) {
	o := routedScene(outdatedZone("a", open), outdatedZone("b", open, unhealthy), zone("c", open))
	o.Aborted = &Abort{}
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	if !d.Zones[1].Hold || d.Zones[1].Reason != ReasonAborted {
		t.Errorf("%+v", d.Zones[1])
	}
}

// TestAZoneBehindOthersIsNotToldToWaitForATurnThatWasCalledOff has the first zone stand
// before the others, untouched or in work.
func TestAZoneBehindOthersIsNotToldToWaitForATurnThatWasCalledOff(t *testing.T) {
	for name, first := range map[string]Zone{
		"none is in work": outdatedZone("a", open),
		"one is in work":  zone("a", drainedFor(time.Minute), inFlight(Updating, time.Minute, true), unhealthy),
	} {
		t.Run(name, func(t *testing.T) {
			o := routedScene(first, outdatedZone("b", open), outdatedZone("c", open))
			o.Aborted = &Abort{By: "ann", At: noon, Reason: "errors"}
			d := decide(t, o)
			for _, state := range d.Zones[1:] {
				if state.Record.Phase != Pending || state.Reason != ReasonAborted || !strings.Contains(state.WaitingFor, "since this one was called off by ann at ") {
					t.Errorf("zone %s is %s, %s: waits for %s", state.Name, state.Record.Phase, state.Reason, state.WaitingFor)
				}
			}
			o.Aborted = nil
			wantZone(t, decide(t, remembering(o, d)), 2, Pending, ReasonWaitingForOtherZone)
		})
	}
}

func TestAZoneOfAChangeThatWasCalledOffIsNotCreated(t *testing.T) {
	o := scene(zone("a"), zone("b", absent))
	o.Aborted = &Abort{By: "ann", At: noon, Reason: "errors"}
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	if state := d.Zones[1]; !state.Hold || state.Reason != ReasonAborted || !strings.Contains(state.WaitingFor, `the verb retry or another revision, since this one was called off by ann at `) {
		t.Errorf("%+v", state)
	}
	o.Aborted = nil
	wantAction(t, decide(t, remembering(o, d)), CreateCluster, "b")
}

func TestADrainThatNeverLandedNeedsNoRestoration(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Minute), open, loaded(false), func(z *Zone) { z.Record.DrainDone, z.Reads.Drained = false, nil }), zone("b", open, unhealthy))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	if d.Zones[0].Record.drained() {
		t.Errorf("%+v", d.Zones[0].Record)
	}
}

func TestARefusedZoneInWorkIsNotWritten(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Minute), shrinking, inFlight(Flushing, time.Minute, true), loaded(true), idling(true), gated(10)), zone("b", open))
	wantAction(t, decide(t, o), Nothing, "")
}

func TestAPauseKeepsADrainedZoneAndSaysSo(t *testing.T) {
	o := paused(routedScene(outdatedZone("a", drainedFor(time.Minute), loaded(true), idling(true)), zone("b", open), zone("c", open)))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Draining, ReasonPaused)
	unhealthy(&o.Zones[1])
	d = decide(t, o)
	wantZone(t, d, 0, Draining, ReasonPausedShort)
	if got := told(Summarise(o, d)); !strings.Contains(got, "Degraded="+ReasonPausedShort) || !strings.Contains(got, "Paused="+ReasonPausedShort) {
		t.Errorf("the summary is %s", got)
	}
}

func TestEachWaitForReadsHasADeadline(t *testing.T) {
	for reason, c := range map[string]struct {
		zone  Zone
		phase Phase
	}{
		ReasonDrainTimeout:   {outdatedZone("a", drainedFor(2*time.Minute), loaded(false)), Draining},
		ReasonRestoreTimeout: {zone("a", open, restoring, loaded(false), func(z *Zone) { z.Record.Clock = noon.Add(-2 * time.Minute) }), Restoring},
	} {
		t.Run(reason, func(t *testing.T) {
			d := decide(t, routedScene(c.zone, zone("b", open)))
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 0, c.phase, reason)
			if !d.Zones[0].Hold {
				t.Error("it must call for the user")
			}
		})
	}
	broken := outdatedZone("a", unhealthy, drainedFor(2*time.Minute), loaded(false), idling(true))
	o := routedScene(broken, zone("b", open))
	o.Strategy.GracePeriod = 0
	wantAction(t, decide(t, o), UpdateCluster, "a")
}

func TestNothingMovingForTooLongCallsForTheUser(t *testing.T) {
	o := routedScene(outdatedZone("a", drainedFor(time.Minute), loaded(false)), zone("b", open))
	o.Strategy.ProgressDeadline = time.Minute
	wantZone(t, decide(t, o), 0, Draining, ReasonProgressDeadline)
}

func TestAClusterMadeAnewGetsItsReadsBackOnlyByTheUsersWord(t *testing.T) {
	gone := func(z *Zone) { absent(z); z.Record.UID = "1" }
	o := routedScene(zone("a", open, gone), zone("b", open))
	d := decide(t, o)
	wantAction(t, d, DrainReads, "a")
	o = remembering(o, d)
	closed(&o.Zones[0])
	loaded(false)(&o.Zones[0])
	d = decide(t, o)
	wantAction(t, d, Nothing, "") // who has not loaded it yet would read what is empty
	o = remembering(o, d)
	loaded(true)(&o.Zones[0])
	d = decide(t, o)
	wantAction(t, d, CreateCluster, "a")
	o = remembering(o, d)
	o.Zones[0].Cluster = &Cluster{UID: "2", Ownership: Ours, Generation: 1}
	d = decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Flushing, ReasonEmptied)
	if s := Summarise(o, d); s.Complete() {
		t.Error("it is taken for complete")
	}
	approved(&o.Zones[0])
	wantAction(t, decide(t, o), RestoreReads, "a")
}

func TestZonesThatAllCameBackEmptyCallForTheUser(t *testing.T) {
	d := decide(t, routedScene(outdatedZone("a", open, emptied), outdatedZone("b", open, emptied)))
	wantAction(t, d, Nothing, "")
	if z := d.Zones[0]; z.Reason != ReasonMinAvailableZones || !z.Hold {
		t.Errorf("%+v", z)
	}
}

func TestAnEmptiedZoneReceivesARepairToo(t *testing.T) {
	o := routedScene(outdatedZone("a", emptied, unhealthy, drainedFor(time.Minute), loaded(true), idling(true)), zone("b", open))
	wantAction(t, decide(t, o), UpdateCluster, "a")
}

// TestAZoneInWorkThatIsRescuedWasBegunWhenItWas: how long its queues have to be quiet
// counts from then, and must not change under a wait that has begun.
func TestAZoneInWorkThatIsRescuedWasBegunWhenItWas(t *testing.T) {
	o := routedScene(zone("a", emptied, open, inFlight(Updating, time.Hour, true), gated(0)), zone("b", open))
	begun := noon.Add(-time.Hour)
	o.Zones[0].Record.Begun, o.Zones[0].Record.Baseline = begun, baselineOf(reading())
	d := decide(t, o)
	wantAction(t, d, DrainReads, "a")
	if record := d.Zones[0].Record; !record.Begun.Equal(begun) {
		t.Errorf("it was begun at %s by its record, want %s", record.Begun, begun)
	}
}

// TestReadsAreTakenAwayAgainOnceAnotherZoneIsBack, wherever that stands in the list.
func TestReadsAreTakenAwayAgainOnceAnotherZoneIsBack(t *testing.T) {
	broken := zone("a", unhealthy, drainedFor(time.Minute), inFlight(Updating, time.Minute, true), reopened)
	back := zone("b", open, inFlight(Updating, time.Minute, true), func(z *Zone) { z.Record.Begun = noon.Add(-time.Minute) })
	wantAction(t, decide(t, routedScene(broken, back)), DrainReads, "a")
	wantAction(t, decide(t, routedScene(back, broken)), DrainReads, "a")
}

// TestReadsThatAreTakenAwayAgainHaveTheirGraceAnew: of what was loaded before somebody
// gave them back, nothing counts.
func TestReadsThatAreTakenAwayAgainHaveTheirGraceAnew(t *testing.T) {
	o := routedScene(zone("a", emptied, drainedFor(time.Hour), open), zone("b", open))
	o.Zones[0].Record.DrainDone, o.Zones[0].Record.Loaded = true, noon.Add(-time.Hour)
	d := decide(t, o)
	wantAction(t, d, DrainReads, "a")
	if record := d.Zones[0].Record; !record.Loaded.IsZero() {
		t.Errorf("the grace period counts from %s, when an earlier drain was loaded", record.Loaded)
	}
}

// TestADrainNobodyRemembersIsNoneToWriteUnder, be it that the zone was written since, to be
// repaired: nothing makes a VMAuth load once more what it has loaded.
func TestADrainNobodyRemembersIsNoneToWriteUnder(t *testing.T) {
	o := routedScene(outdatedZone("a", newcomer, closed, unhealthy), zone("b", open))
	o = later(remembering(o, decide(t, o)), time.Hour)
	d := decide(t, o)
	wantAction(t, d, UpdateCluster, "a")
	o = remembering(o, d)
	for name, c := range map[string]change{
		"it recovers before it is written": func(*Zone) {},
		"another revision is wanted":       func(z *Zone) { z.Record.Generation, z.Revision = 1, "newer" },
		"and is about to be given back":    func(z *Zone) { z.Record.Restored = o.Now },
	} {
		t.Run(name, func(t *testing.T) {
			o := remembering(o, d)
			a := &o.Zones[0]
			a.Cluster = &Cluster{Ownership: Ours, Generation: 1, Difference: Spec}
			loaded(false)(a)
			c(a)
			wantAction(t, decide(t, later(o, time.Minute)), RestoreReads, "a")
		})
	}
}

func TestADrainedZoneNobodyRemembersIsFlushedBeforeItIsGivenBack(t *testing.T) {
	for name, z := range map[string]Zone{
		"as is wanted": zone("a", newcomer, closed, gated(10)),
		"outdated":     outdatedZone("a", newcomer, closed, gated(10)),
	} {
		t.Run(name, func(t *testing.T) {
			o := routedScene(z, zone("b", open))
			d := decide(t, o)
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 0, Flushing, ReasonWaitingForQueues)
			o = remembering(o, d)
			gated(0)(&o.Zones[0])
			o = remembering(o, decide(t, o))
			wantAction(t, decide(t, later(o, time.Hour)), RestoreReads, "a")
		})
	}
}

// TestAWriteThatIsRefusedAgainAndAgainDoesNotWakeTheControllerEachTime: a status
// that differs with every try would be an event with every try.
func TestAWriteThatIsRefusedAgainAndAgainDoesNotWakeTheControllerEachTime(t *testing.T) {
	o := routedScene(outdatedZone("a", open), zone("b", open))
	d := decide(t, o)
	wantAction(t, d, DrainReads, "a")
	for range 4 {
		o = later(remembering(o, d), time.Second)
		again := decide(t, o)
		wantAction(t, again, DrainReads, "a")
		if before, after := d.Zones[0].Record, again.Zones[0].Record; stored(before) != stored(after) {
			t.Fatalf("what is remembered moves from\n%+v to\n%+v", before, after)
		}
		d = again
	}
}

// TestADrainedStrayIsNotReleasedBeforeItHasItsReadsBack: its mark tells of its
// recovery.
func TestADrainedStrayIsNotReleasedBeforeItHasItsReadsBack(t *testing.T) {
	o := routedScene(zone("a", open), zone("b", open))
	o.Strays = []Stray{stray("x", drainedFor(0), unhealthy)}
	wantAction(t, decide(t, o), Nothing, "")
	o.Strays[0].Cluster.Unhealthy = ""
	wantAction(t, decide(t, o), RestoreReads, "x")
	o.Strays[0].Reads.Drained = nil
	wantAction(t, decide(t, o), ReleaseCluster, "x")
}

// TestAProofCountsFromAboutTheLastAttempt: a reload before it can't have been of
// what was written then.
func TestAProofCountsFromAboutTheLastAttempt(t *testing.T) {
	o := routedScene(outdatedZone("a", open), zone("b", open))
	d := decide(t, o)
	o = later(remembering(o, d), 2*retryNoted)
	d = decide(t, o)
	wantAction(t, d, DrainReads, "a")
	if at := d.Zones[0].Record.Drained; !at.Equal(o.Now) {
		t.Errorf("drained at %s, want %s", at, o.Now)
	}
}

// TestAZoneThatNobodyReadsAnyMoreIsTouchedOnceThatIsLoaded: a route that its owner
// has taken out a moment ago may still be served.
func TestAZoneThatNobodyReadsAnyMoreIsTouchedOnceThatIsLoaded(t *testing.T) {
	o := routedScene(outdatedZone("a"), zone("b", open))
	o.Zones[0].Reads.Listed = true
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonWaitingForVMAuth)
	if d.Needs()["a"]&NeedLoaded == 0 {
		t.Errorf("needs %v, want that it is looked at", d.Needs())
	}
	o.Zones[0].Reads.Loaded = &Evidence{Text: "replica 1 to load it"}
	wantAction(t, decide(t, o), Nothing, "")
	o.Zones[0].Reads.Loaded = &Evidence{Met: true}
	wantAction(t, decide(t, o), UpdateCluster, "a")
}
