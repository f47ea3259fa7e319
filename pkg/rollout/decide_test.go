// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

func TestNothingIsWrittenWhereNothingDiffers(t *testing.T) {
	for name, o := range map[string]Observed{
		"healthy":                     scene(zone("a"), zone("b"), zone("c", ref)),
		"unhealthy":                   scene(zone("a", unhealthy), zone("b", failed)),
		"in flight":                   scene(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), zone("b")),
		"over its deadline":           scene(zone("a", unhealthy, inFlight(Updating, time.Hour, true)), zone("b")),
		"records lost":                scene(zone("a", newcomer), zone("b", newcomer)),
		"edited to what is there":     scene(zone("a", revision("newer")), zone("b")),
		"edited back before a write":  scene(zone("a", inFlight(Updating, time.Minute, false), revision("newer")), zone("b")),
		"referenced and missing":      scene(zone("a", ref, absent), zone("b")),
		"being deleted by somebody":   scene(outdatedZone("a", deleting), zone("b")),
		"mark missing while deleting": scene(zone("a", metadata, deleting), zone("b")),
	} {
		t.Run(name, func(t *testing.T) {
			wantAction(t, decide(t, o), Nothing, "")
		})
	}
}

func TestAbsentInlineClustersAreCreatedAtOnceInListOrder(t *testing.T) {
	o := scene(
		zone("a", unhealthy),
		outdatedZone("b", inFlight(Updating, time.Minute, false)),
		zone("c", absent, newcomer),
		zone("d", absent, newcomer),
		zone("e", unhealthy, inFlight(Creating, time.Minute, true)),
		zone("f", finished(time.Second)),
	)
	d := decide(t, o)
	wantAction(t, d, CreateCluster, "c")
	wantZone(t, d, 2, Creating, ReasonWriting)
	wantZone(t, d, 3, Creating, ReasonWriting)
	if r := d.Zones[2].Record; r.Updating != "new" || !r.Started.Equal(noon) {
		t.Errorf("the intent is not recorded: %+v", r)
	}
}

func TestAClusterThatSomebodyDeletedIsMadeAnewWithADeadlineOfItsOwn(t *testing.T) {
	for name, gone := range map[string]Zone{
		"when it was ready":       zone("a", absent),
		"when it was contended":   zone("a", drifted(3), absent),
		"in the middle of things": zone("a", inFlight(Updating, time.Hour, true), absent),
		"and its deletion seen":   zone("a", inFlight(Unhealthy, time.Hour, true), absent),
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, scene(gone, zone("b")))
			wantAction(t, d, CreateCluster, "a")
			wantZone(t, d, 0, Creating, ReasonWriting)
			if r := d.Zones[0].Record; !r.Started.Equal(noon) || r.Revision != "" || r.Generation != 0 || r.Reapplied != 0 {
				t.Errorf("the old cluster is still remembered: %+v", r)
			}
		})
	}
}

func TestACreationThatKeepsFailingIsReportedAndTriedOn(t *testing.T) {
	d := decide(t, scene(zone("a", absent, inFlight(Creating, 5*time.Minute, false)), zone("b")))
	wantAction(t, d, CreateCluster, "a")
	wantZone(t, d, 0, Failed, ReasonReadyTimeout)
	wantZone(t, decide(t, later(remembering(scene(zone("a", absent), zone("b")), d), time.Hour)), 0, Failed, ReasonReadyTimeout)
}

func TestCreationIsNotFollowedByABake(t *testing.T) {
	created := zone("a", inFlight(Creating, time.Minute, true))
	d := decide(t, scene(created, outdatedZone("b")))
	wantZone(t, d, 0, Ready, ReasonUpToDate)
	wantAction(t, d, UpdateCluster, "b")
}

func TestPausedMeansNoWriteAtAll(t *testing.T) {
	o := scene(zone("a", absent), outdatedZone("b"), outdatedZone("c", unhealthy), zone("d", metadata),
		outdatedZone("e", inFlight(Updating, time.Minute, false)))
	o.Paused, o.Strays, o.ScrapePending = true, []Stray{stray("stray")}, true
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	for _, i := range []int{0, 1, 2, 4} {
		wantZone(t, d, i, Pending, ReasonPaused)
	}
	if !d.Wake.IsZero() {
		t.Errorf("wakes at %s for nothing", d.Wake)
	}
}

func TestStatusGoesOnWhilePaused(t *testing.T) {
	o := scene(zone("a", inFlight(Updating, time.Minute, true)), zone("b", unhealthy, inFlight(Updating, time.Minute, true)), zone("c", unhealthy), zone("d", shrinking, old))
	o.Paused = true
	d := decide(t, o)
	wantZone(t, d, 0, Ready, ReasonUpToDate)
	wantZone(t, d, 1, Updating, ReasonWaitingForOperator)
	wantZone(t, d, 2, Unhealthy, ReasonNotHealthy)
	wantZone(t, d, 3, Refused, ReasonStorageWouldShrink)
}

func TestDeadlinesStandStillWhilePaused(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, 4*time.Minute, true)), zone("b"))
	o.Paused = true
	d := decide(t, o)
	for range 3 {
		o = later(remembering(o, d), time.Hour)
		d = decide(t, o)
		wantZone(t, d, 0, Updating, ReasonWaitingForOperator)
	}
	o = remembering(o, d)
	o.Paused = false
	d = decide(t, o)
	wantZone(t, d, 0, Updating, ReasonWaitingForOperator)
	if want := o.Now.Add(5 * time.Minute); !d.Wake.Equal(want) {
		t.Errorf("Wake is %s, want the deadline anew: %s", d.Wake, want)
	}
	wantZone(t, decide(t, later(remembering(o, d), 5*time.Minute)), 0, Failed, ReasonReadyTimeout)
}

func TestADeadlineThatPassedUnseenDoesNotCountOncePaused(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, time.Hour, true)), zone("b"))
	o.Paused = true
	wantZone(t, decide(t, o), 0, Updating, ReasonWaitingForOperator)
}

func TestAPauseDoesNotAbsolveAFailedZone(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Failed, time.Hour, true)), zone("b"))
	o.Paused = true
	d := decide(t, o)
	wantZone(t, d, 0, Failed, ReasonReadyTimeout)
	o = remembering(o, d)
	o.Paused = false
	wantZone(t, decide(t, o), 0, Failed, ReasonReadyTimeout)
}

func TestAZoneOverItsDeadlineFailsAndRecoversByItself(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, 5*time.Minute-time.Second, true)), zone("b"))
	d := decide(t, o)
	wantZone(t, d, 0, Updating, ReasonWaitingForOperator)
	if want := noon.Add(time.Second); !d.Wake.Equal(want) {
		t.Errorf("Wake is %s, want %s", d.Wake, want)
	}
	o = later(remembering(o, d), time.Second)
	d = decide(t, o)
	wantZone(t, d, 0, Failed, ReasonReadyTimeout)
	o = later(remembering(o, d), time.Hour)
	o.Zones[0].Cluster.Unhealthy = ""
	d = decide(t, o)
	wantZone(t, d, 0, Ready, ReasonUpToDate)
	if r := d.Zones[0].Record; r.Updating != "" || r.Revision != "new" || !r.Finished.Equal(o.Now) || !r.Started.IsZero() {
		t.Errorf("the end of the update is not recorded: %+v", r)
	}
}

func TestTheOperatorsFailureIsTheZones(t *testing.T) {
	wantZone(t, decide(t, scene(zone("a", failed, inFlight(Updating, time.Second, true)), zone("b"))), 0, Failed, ReasonOperatorFailed)
}

func TestDeadlinesOfPartsOfASecondDoNotMakeTheControllerSpin(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, 0, true)), zone("b"))
	o.Strategy.ReadyTimeout = 1500 * time.Millisecond
	if d := decide(t, o); !d.Wake.Equal(noon.Add(2 * time.Second)) {
		t.Errorf("Wake is %s, want the next whole second", d.Wake)
	}
}

func TestADeadlineThatIsOverDoesNotMakeTheControllerSpin(t *testing.T) {
	for name, z := range map[string]Zone{
		"refused":            outdatedZone("a", shrinking, inFlight(Refused, time.Hour, true)),
		"being deleted":      zone("a", deleting, inFlight(Unhealthy, time.Hour, true)),
		"held back":          outdatedZone("a", inFlight(Pending, time.Hour, false)),
		"written in vain":    outdatedZone("a", inFlight(Failed, time.Hour, false)),
		"claimed by another": zone("a", foreign, inFlight(Refused, time.Hour, true)),
	} {
		t.Run(name, func(t *testing.T) {
			if d := decide(t, scene(z, zone("b", unhealthy))); !d.Wake.IsZero() {
				t.Errorf("Wake is %s, now is %s", d.Wake, noon)
			}
		})
	}
}

func TestZonesThatOnlyTheUserCanBringOnAreRefused(t *testing.T) {
	for reason, z := range map[string]Zone{
		ReasonInvalid:            outdatedZone("a", invalid),
		ReasonClaimed:            outdatedZone("a", foreign),
		ReasonNotOurs:            outdatedZone("a", unadopted),
		ReasonStorageWouldShrink: outdatedZone("a", shrinking),
		ReasonContended:          zone("a", drifted(3)),
	} {
		t.Run(reason, func(t *testing.T) {
			d := decide(t, scene(z, zone("b")))
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 0, Refused, reason)
			if !d.Zones[0].Hold || !d.RestsOnHealth() {
				t.Error("a refusal must be held, and rest on fresh reads")
			}
		})
	}
}

func TestAnInvalidCreationIsNotTried(t *testing.T) {
	d := decide(t, scene(zone("a", absent, newcomer, invalid), zone("b", absent, newcomer)))
	wantAction(t, d, CreateCluster, "b")
	wantZone(t, d, 0, Refused, ReasonInvalid)
}

func TestAReferencedClusterWithoutMarkIsAdopted(t *testing.T) {
	wantAction(t, decide(t, scene(zone("a", ref, unmarked), zone("b"))), MarkCluster, "a")
}

func TestMarksAreWrittenBesideAnything(t *testing.T) {
	d := decide(t, scene(outdatedZone("a"), zone("b", unhealthy, metadata)))
	wantAction(t, d, MarkCluster, "b")
	wantZone(t, d, 0, Pending, ReasonBlocked)
}

func TestAClusterThatTheListNoLongerNamesIsReleasedFirst(t *testing.T) {
	o := scene(zone("a", absent), outdatedZone("b"))
	o.Strays = []Stray{stray("x"), stray("y")}
	wantAction(t, decide(t, o), ReleaseCluster, "x")
}

func TestTheVMAgentIsWrittenBeforeAnExistingClusterAndAfterAllElse(t *testing.T) {
	o := scene(outdatedZone("a"), zone("b"))
	o.ScrapePending = true
	d := decide(t, o)
	wantAction(t, d, ConfigureScrape, "")
	wantZone(t, d, 0, Pending, ReasonWaitingForOtherZone)
	o.Zones[1].Cluster.Difference = Metadata
	wantAction(t, decide(t, o), MarkCluster, "b")
}

func TestAMissingReferenceWaitsAndIsForgotten(t *testing.T) {
	d := decide(t, scene(zone("a", ref, absent, inFlight(Updating, time.Minute, true)), outdatedZone("b"), zone("c")))
	wantZone(t, d, 0, Missing, ReasonClusterMissing)
	if r := d.Zones[0].Record; r != (Record{Phase: Missing, Since: noon}) {
		t.Errorf("remembered %+v of a cluster that is gone", r)
	}
	wantAction(t, d, UpdateCluster, "b")
}

func TestSinceMovesWithThePhaseOnly(t *testing.T) {
	o := scene(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), zone("b"))
	d := decide(t, later(o, time.Minute))
	if got := d.Zones[0].Record.Since; !got.Equal(noon.Add(-time.Minute)) {
		t.Errorf("Since is %s though the phase is what it was", got)
	}
	o.Zones[0].Cluster.Unhealthy = ""
	if got := decide(t, later(o, time.Minute)).Zones[0].Record.Since; !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("Since is %s, want the moment of the change", got)
	}
}

// A cache that is behind must not end an update, nor fail or refuse a zone, nor
// say that the write of a moment ago was undone.
func TestWhatIsRememberedRestsOnFreshReads(t *testing.T) {
	one := scene(outdatedZone("a"))
	for name, o := range map[string]Observed{
		"an end":                   scene(zone("a", inFlight(Updating, time.Minute, true)), zone("b")),
		"a revision":               scene(zone("a", revision("newer")), zone("b")),
		"the landing of a write":   scene(zone("a", unhealthy, inFlight(Updating, time.Minute, false)), zone("b")),
		"a deadline":               scene(zone("a", unhealthy, inFlight(Updating, time.Hour, true)), zone("b")),
		"a failure":                scene(zone("a", failed, inFlight(Updating, time.Minute, true)), zone("b")),
		"a contention":             scene(zone("a", drifted(3)), zone("b")),
		"the end of a refusal":     scene(outdatedZone("a", phase(Refused)), zone("b", unhealthy)),
		"the end of a failure":     scene(outdatedZone("a", inFlight(Failed, time.Minute, true), revision("newer")), zone("b", deleting)),
		"a stall without refusal":  one,
		"a loss of the whole zone": scene(zone("a", ref, absent), zone("b")),
	} {
		t.Run(name, func(t *testing.T) {
			if d := decide(t, o); !d.RestsOnHealth() {
				t.Errorf("%v would be stored by what a cache says", d.Zones)
			}
		})
	}
	calm := scene(outdatedZone("a", phase(Pending)), zone("b", unhealthy, inFlight(Updating, time.Minute, true)), zone("c"))
	if d := decide(t, calm); d.RestsOnHealth() {
		t.Errorf("a mere wait asks for fresh reads: %+v", d.Zones)
	}
}
