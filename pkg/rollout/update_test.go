// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"
)

func TestZonesAreUpdatedInListOrder(t *testing.T) {
	d := decide(t, scene(zone("c"), outdatedZone("b"), outdatedZone("a")))
	wantAction(t, d, UpdateCluster, "b")
	wantZone(t, d, 1, Updating, ReasonWriting)
	wantZone(t, d, 2, Pending, ReasonWaitingForOtherZone)
	if r := d.Zones[1].Record; r.Updating != "new" || r.Revision != "old" || !r.Started.Equal(noon) || r.Generation != 0 || r.Reapplied != 0 {
		t.Errorf("the intent is not recorded: %+v", r)
	}
}

func TestAHealthyZoneIsNotTouchedWhileAnotherIsUnhealthy(t *testing.T) {
	for name, other := range map[string]Zone{
		"not converged, paused or never yet operational": zone("b", unhealthy),
		"failed":                 zone("b", failed),
		"failed in our update":   zone("b", failed, inFlight(Failed, time.Hour, true)),
		"being deleted":          zone("b", deleting),
		"being created":          zone("b", unhealthy, inFlight(Creating, time.Minute, true)),
		"being updated":          zone("b", unhealthy, inFlight(Updating, time.Minute, true)),
		"over its deadline":      zone("b", unhealthy, inFlight(Failed, time.Hour, true)),
		"referenced":             zone("b", ref, unhealthy),
		"another object's":       zone("b", foreign, unhealthy),
		"nobody's":               zone("b", unadopted, unhealthy),
		"refused":                outdatedZone("b", shrinking, unhealthy),
		"invalid and unreadable": zone("b", invalid, unhealthy),
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, scene(outdatedZone("a"), other, zone("c")))
			wantAction(t, d, Nothing, "")
			if z := d.Zones[0]; z.Record.Phase != Pending || z.Reason != ReasonBlocked && z.Reason != ReasonWaitingForOtherZone || !strings.Contains(z.WaitingFor, "zone b") {
				t.Errorf("zone a is %+v, want it to wait for b", z)
			}
		})
	}
}

func TestAClusterThatDoesNotExistHoldsNothingBack(t *testing.T) {
	wantAction(t, decide(t, scene(outdatedZone("a"), zone("b", ref, absent), zone("c"))), UpdateCluster, "a")
}

func TestAnUnhealthyZoneMayAlwaysReceiveARevision(t *testing.T) {
	for name, o := range map[string]Observed{
		"others unhealthy":      scene(zone("a", unhealthy), outdatedZone("b", unhealthy), zone("c", failed)),
		"a healthy one first":   scene(outdatedZone("a"), outdatedZone("b", unhealthy)),
		"no other zone":         scene(outdatedZone("b", unhealthy)),
		"a bake":                scene(zone("a", finished(time.Second)), outdatedZone("b", unhealthy)),
		"a refusal before":      scene(outdatedZone("a", shrinking), outdatedZone("b", unhealthy)),
		"another failed update": scene(zone("a", failed, inFlight(Failed, time.Minute, true)), outdatedZone("b", unhealthy)),
		"another late update":   scene(zone("a", unhealthy, inFlight(Failed, time.Hour, true)), outdatedZone("b", unhealthy)),
		"another's deletion":    scene(zone("a", deleting, inFlight(Unhealthy, time.Minute, true)), outdatedZone("b", unhealthy)),
		"its own failed update": scene(outdatedZone("b", failed, inFlight(Failed, time.Minute, true), revision("newer")), zone("a", unhealthy)),
		"a healthy one left unfinished": scene(
			outdatedZone("a", inFlight(Updating, time.Minute, false)), outdatedZone("b", unhealthy)),
	} {
		t.Run(name, func(t *testing.T) {
			wantAction(t, decide(t, o), UpdateCluster, "b")
		})
	}
}

func TestUnhealthyZonesAreRepairedOneAtATime(t *testing.T) {
	for name, first := range map[string]Zone{
		"updating":              zone("a", unhealthy, inFlight(Updating, time.Minute, true)),
		"creating":              zone("a", unhealthy, inFlight(Creating, time.Minute, true)),
		"refused in the middle": outdatedZone("a", unhealthy, shrinking, inFlight(Refused, time.Minute, true)),
	} {
		t.Run(name, func(t *testing.T) {
			o := scene(first, outdatedZone("b", unhealthy))
			d := decide(t, o)
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 1, Pending, ReasonWaitingForOtherZone)
			if !d.Wake.Equal(noon.Add(4 * time.Minute)) {
				t.Errorf("Wake is %s, want the deadline of the first", d.Wake)
			}
			wantAction(t, decide(t, later(remembering(o, d), 4*time.Minute)), UpdateCluster, "b")
		})
	}
}

func TestTheUnfinishedZoneComesFirst(t *testing.T) {
	for name, unfinished := range map[string][]change{
		"in work":                 {unhealthy, inFlight(Updating, time.Minute, true), revision("newer")},
		"failed, and others also": {failed, inFlight(Failed, time.Minute, true), revision("newer")},
	} {
		t.Run(name, func(t *testing.T) {
			wantAction(t, decide(t, scene(outdatedZone("a", unhealthy), outdatedZone("b", unfinished...))), UpdateCluster, "b")
		})
	}
	t.Run("decided on and not written", func(t *testing.T) {
		wantAction(t, decide(t, scene(outdatedZone("a"), outdatedZone("b", inFlight(Updating, time.Minute, false)))), UpdateCluster, "b")
	})
	t.Run("in work before failed", func(t *testing.T) {
		o := scene(outdatedZone("a", failed, inFlight(Failed, time.Minute, true), revision("newer")),
			outdatedZone("b", unhealthy, inFlight(Updating, time.Minute, true), revision("newer")))
		wantAction(t, decide(t, o), UpdateCluster, "b")
	})
}

func TestEnoughZonesMustRemain(t *testing.T) {
	for name, c := range map[string]struct {
		others  []Zone
		minimum int
		allowed bool
	}{
		"one zone":                     {nil, 1, false},
		"one zone, and so be it":       {nil, 0, true},
		"two zones":                    {[]Zone{zone("b")}, 1, true},
		"two where two must remain":    {[]Zone{zone("b")}, 2, false},
		"three where two must remain":  {[]Zone{zone("b"), zone("c")}, 2, true},
		"a missing one does not count": {[]Zone{zone("b", ref, absent)}, 1, false},
		"nor does somebody else's":     {[]Zone{zone("b", foreign)}, 1, false},
		"nor does nobody's":            {[]Zone{zone("b", unadopted)}, 1, false},
		"one about to be adopted does": {[]Zone{outdatedZone("b", ref, func(z *Zone) { z.Cluster.Ownership = Unmarked })}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := scene(append([]Zone{outdatedZone("a")}, c.others...)...)
			o.Strategy.MinAvailableZones = c.minimum
			d := decide(t, o)
			if c.allowed {
				wantAction(t, d, UpdateCluster, "a")
				return
			}
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 0, Pending, ReasonMinAvailableZones)
			if toCome := strings.Contains(name, "missing"); d.Zones[0].Hold == toCome {
				t.Errorf("hold is %t: only the user can change that, unless a zone is still to come", d.Zones[0].Hold)
			}
		})
	}
}

func TestAnUpdatedZoneBakesBeforeTheNext(t *testing.T) {
	o := scene(zone("a", inFlight(Updating, time.Minute, true)), outdatedZone("b"), zone("c", finished(time.Hour)))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Baking, ReasonBaking)
	wantZone(t, d, 1, Pending, ReasonBaking)
	if !d.Wake.Equal(noon.Add(time.Minute)) {
		t.Errorf("Wake is %s, want the end of the bake", d.Wake)
	}
	o = remembering(o, d)
	wantAction(t, decide(t, later(o, 59*time.Second)), Nothing, "")
	d = decide(t, later(o, time.Minute))
	wantAction(t, d, UpdateCluster, "b")
	wantZone(t, d, 0, Ready, ReasonUpToDate)
}

func TestWithoutAPauseTheNextZoneFollowsAtOnce(t *testing.T) {
	o := scene(zone("a", inFlight(Updating, time.Minute, true)), outdatedZone("b"))
	o.Strategy.UpdatePause = 0
	wantAction(t, decide(t, o), UpdateCluster, "b")
}

func TestAZoneDoesNotBakeForItself(t *testing.T) {
	wantAction(t, decide(t, scene(outdatedZone("a", finished(time.Second)), zone("b"))), UpdateCluster, "a")
}

func TestARefusedZoneHoldsThoseAfterItBack(t *testing.T) {
	for name, refused := range map[string]Zone{
		"shrinking":        outdatedZone("b", shrinking),
		"invalid":          zone("b", invalid),
		"not ours":         zone("b", unadopted),
		"claimed":          zone("b", foreign),
		"contended":        zone("b", drifted(3)),
		"invalid creation": zone("b", absent, newcomer, invalid),
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, scene(zone("a"), zone("x"), refused, outdatedZone("c")))
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 3, Pending, ReasonBlocked)
			if !d.Zones[3].Hold {
				t.Error("only the user can change that")
			}
			wantAction(t, decide(t, scene(outdatedZone("a"), zone("x"), refused)), UpdateCluster, "a")
		})
	}
}

func TestASecondEditInTheMiddleRetargetsTheZoneInWork(t *testing.T) {
	o := scene(outdatedZone("a", unhealthy, inFlight(Updating, 4*time.Minute, true), revision("newer")), outdatedZone("b", revision("newer")))
	d := decide(t, o)
	wantAction(t, d, UpdateCluster, "a")
	if r := d.Zones[0].Record; r.Updating != "newer" || !r.Started.Equal(noon) || r.Generation != 0 {
		t.Errorf("the new target is not recorded: %+v", r)
	}
}

func TestAnEditToWhatIsThereStartsADeadlineOfItsOwn(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, time.Hour, true), revision("newer")), zone("b"))
	d := decide(t, o)
	wantZone(t, d, 0, Updating, ReasonWaitingForOperator)
	if r := d.Zones[0].Record; r.Updating != "newer" || !r.Started.Equal(noon) {
		t.Errorf("the deadline is still the old target's: %+v", r)
	}
}

func TestAfterACrashBeforeTheWriteItIsMade(t *testing.T) {
	o := scene(outdatedZone("a"), outdatedZone("b"), zone("c"))
	d := decide(t, o)
	o = later(remembering(o, d), time.Minute)
	again := decide(t, o)
	wantAction(t, again, UpdateCluster, "a")
	if before, after := d.Zones[0].Record, again.Zones[0].Record; before != after {
		t.Errorf("trying again changed the record from %+v to %+v", before, after)
	}
}

func TestAfterACrashBehindTheWriteItsGenerationIsNoted(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, time.Minute, false)), zone("b"))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Updating, ReasonWaitingForOperator)
	if d.Zones[0].Record.Generation != 2 {
		t.Errorf("the generation is not noted: %+v", d.Zones[0].Record)
	}
}

func TestAZoneHeldBackAfterTheIntentGetsItsWholeTimeLater(t *testing.T) {
	o := scene(outdatedZone("a", inFlight(Updating, time.Minute, false)), zone("b", unhealthy))
	d := decide(t, o)
	wantZone(t, d, 0, Pending, ReasonBlocked)
	o = later(remembering(o, d), time.Hour)
	o.Zones[1].Cluster.Unhealthy = ""
	d = decide(t, o)
	wantAction(t, d, UpdateCluster, "a")
	wantZone(t, d, 0, Updating, ReasonWriting)
	if !d.Zones[0].Record.Started.Equal(o.Now) {
		t.Errorf("the time spent waiting counts: %+v", d.Zones[0].Record)
	}
}

func TestAWriteThatNeverSucceedsFailsTheZoneAndIsTriedOn(t *testing.T) {
	o := scene(outdatedZone("a", inFlight(Updating, 5*time.Minute, false)), zone("b"))
	d := decide(t, o)
	wantAction(t, d, UpdateCluster, "a")
	wantZone(t, d, 0, Failed, ReasonReadyTimeout)
	wantZone(t, decide(t, later(remembering(o, d), time.Hour)), 0, Failed, ReasonReadyTimeout)
}

func TestAChangeBySomebodyElseIsOverwrittenThreeTimesAtMost(t *testing.T) {
	o := scene(zone("a", drifted(0)), zone("b"))
	for n := 1; n <= maxReapplied; n++ {
		d := decide(t, o)
		wantAction(t, d, UpdateCluster, "a")
		if got := d.Zones[0].Record.Reapplied; got != n {
			t.Fatalf("counted %d overwritings, want %d", got, n)
		}
		// The write lands and is noted; then somebody writes again, now before
		// the zone is healthy, now after.
		o = later(remembering(o, d), time.Minute)
		o.Zones[0].Record.Generation = 3
		if n == 2 {
			o.Zones[0].Cluster.Difference = Same
			o = remembering(o, decide(t, o))
			o.Zones[0].Cluster.Difference = Spec
		}
	}
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Refused, ReasonContended)
	if waits := d.Zones[0].WaitingFor; !strings.Contains(waits, "helm") || !strings.Contains(waits, "vmselect.replicaCount") {
		t.Errorf("%q does not name the manager and the field", waits)
	}
	// It stays so, however long it lasts.
	wantZone(t, decide(t, later(remembering(o, d), 10*reappliedWindow)), 0, Refused, ReasonContended)
}

func TestOverwritingIsCountedOncePerOverwritingNotPerTry(t *testing.T) {
	o := scene(zone("a", drifted(2)), zone("b"))
	for range 4 {
		d := decide(t, o)
		wantAction(t, d, UpdateCluster, "a")
		if got := d.Zones[0].Record.Reapplied; got != 3 {
			t.Fatalf("counted %d, want 3", got)
		}
		o = later(remembering(o, d), time.Second)
	}
}

func TestAChangeToAClusterJustCreatedCountsToo(t *testing.T) {
	o := scene(zone("a", drifted(0), inFlight(Creating, time.Second, false)), zone("b"))
	paused := o
	paused.Paused = true
	wantZone(t, decide(t, paused), 0, Pending, ReasonPaused)
	for name, o := range map[string]Observed{"at once": o, "after a pause": remembering(o, decide(t, paused))} {
		d := decide(t, o)
		wantAction(t, d, UpdateCluster, "a")
		if got := d.Zones[0].Record.Reapplied; got != 1 {
			t.Errorf("%s: counted %d, want 1", name, got)
		}
	}
}

func TestWhoRestoresTheWholeObjectContendsToo(t *testing.T) {
	// The marks by which drift is told are gone with the rest.
	restored := func(overwritten int) Observed {
		return scene(zone("a", ref, drifted(overwritten), func(z *Zone) { z.Cluster.Drift, z.Cluster.Ownership = nil, Unmarked }), zone("b"))
	}
	d := decide(t, restored(2))
	wantAction(t, d, UpdateCluster, "a")
	if got := d.Zones[0].Record.Reapplied; got != 3 {
		t.Errorf("counted %d, want 3", got)
	}
	wantZone(t, decide(t, restored(3)), 0, Refused, ReasonContended)
}

func TestOverwritingIsForgottenOnceTheZoneHasBeenLeftAloneForADay(t *testing.T) {
	o := scene(zone("a", func(z *Zone) { z.Record.Reapplied, z.Record.Since = 3, noon.Add(-23*time.Hour) }), zone("b"))
	d := decide(t, o)
	if d.Zones[0].Record.Reapplied != 3 || !d.Wake.Equal(noon.Add(time.Hour)) {
		t.Errorf("record is %+v, Wake is %s", d.Zones[0].Record, d.Wake)
	}
	if got := decide(t, later(remembering(o, d), time.Hour)).Zones[0].Record.Reapplied; got != 0 {
		t.Errorf("still counts %d", got)
	}
}

func TestANewRevisionEndsAContention(t *testing.T) {
	for name, z := range map[string]Zone{
		"of what was ready":      outdatedZone("a", drifted(3), revision("newer")),
		"of what was on its way": outdatedZone("a", drifted(3), inFlight(Refused, time.Hour, true), revision("newer")),
		"by an undo":             zone("a", drifted(3), inFlight(Refused, time.Hour, true), revision("old")),
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, scene(z, zone("b")))
			wantAction(t, d, UpdateCluster, "a")
			if got := d.Zones[0].Record.Reapplied; got != 0 {
				t.Errorf("still counts %d", got)
			}
		})
	}
}

func TestAContentionEndsWhenTheOtherGivesIn(t *testing.T) {
	wantZone(t, decide(t, scene(zone("a", drifted(3), phase(Refused), func(z *Zone) { z.Cluster.Difference = Same }), zone("b"))), 0, Ready, ReasonUpToDate)
}

// TestWhatHasJustEndedBakes, though another zone, before it in the list, may be written
// at the same moment.
func TestWhatHasJustEndedBakes(t *testing.T) {
	ready := outdatedZone("a", drainedFor(time.Minute), loaded(true), idling(true))
	ending := zone("b", drainedFor(time.Minute), inFlight(Flushing, time.Minute, true), drifted(0), func(z *Zone) {
		z.Reads = Reads{Open: []string{"VMUser ns/u"}, Busy: "VMUser ns/u"} // by somebody else's hand
	})
	o := routedScene(ready, ending, zone("c", open), zone("d", open))
	o.Strategy.MaxUnavailable, o.Strategy.MinAvailableZones = 2, 2
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Draining, ReasonBaking)
}
