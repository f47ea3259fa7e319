// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"
)

// kept cannot be given back while another zone stays drained.
func kept(z *Zone) { z.Reads.Kept = "VMUser ns/u stays drained of zone b" }

func named(name string) change { return func(z *Zone) { z.Name = name } }

func TestAZoneThatAnotherOnesDrainKeepsAwayHoldsUpNotThatOne(t *testing.T) {
	quiet := func(z *Zone) { z.Record.Quiet = noon.Add(-time.Minute) }
	o := routedScene(written(quiet, kept), written(quiet, named("b")), zone("c", open))
	d := decide(t, o)
	wantAction(t, d, RestoreReads, "b")
	wantZone(t, d, 0, Restoring, ReasonVMUserBusy)
	if !d.Zones[0].Record.Restored.IsZero() {
		t.Errorf("reads are said to be on their way back since %s", d.Zones[0].Record.Restored)
	}
	d = decide(t, later(remembering(o, d), time.Hour))
	wantZone(t, d, 0, Restoring, ReasonVMUserBusy)
	if state := d.Zones[0]; !state.Hold || !strings.Contains(state.WaitingFor, "stays drained of zone b") {
		t.Errorf("after an hour it waits, calling for the user %t, for %q", state.Hold, state.WaitingFor)
	}
}

func TestAnObjectOnItsWayOutGivesBackFirstWhatKeepsAnotherZoneAway(t *testing.T) {
	d := decide(t, leaving(Deletion{}, zone("a", closed, kept), zone("b", closed)))
	wantAction(t, d, RestoreReads, "b")
	wantZone(t, d, 0, Leaving, ReasonVMUserBusy)
	d = decide(t, leaving(Deletion{}, zone("a", closed, kept, absent), zone("b", closed)))
	wantAction(t, d, RestoreReads, "b")
	wantZone(t, d, 0, Leaving, ReasonVMUserBusy)
}

// TestACleanRecordIsNoneWhileADrainCannotBeRead: the zone may be the one that it is
// about, and then must not be given back empty once it can be read again.
func TestACleanRecordIsNoneWhileADrainCannotBeRead(t *testing.T) {
	unreadable := func(z *Zone) { z.Reads = Reads{Listed: true, Unknown: "no JSON", Unreadable: "no JSON"} }
	drained := drainedFor(time.Minute)
	for name, now := range map[string]change{
		"emptied before":      func(z *Zone) { z.Record.Emptied = true },
		"made anew meanwhile": func(z *Zone) { z.Record.UID, z.Cluster.UID = "1", "2" },
	} {
		d := decide(t, routedScene(zone("a", drained, unreadable, now), zone("b", open)))
		if !d.Zones[0].Record.Emptied {
			t.Errorf("%s: that it is empty is forgotten: %+v", name, d.Zones[0].Record)
		}
	}
}

// TestAnAbortGivesBackOneAfterTheOtherOfTheZonesThatWereNotWritten.
func TestAnAbortGivesBackOneAfterTheOtherOfTheZonesThatWereNotWritten(t *testing.T) {
	out := func(name string) Zone { return outdatedZone(name, drainedFor(time.Minute), loaded(true), idling(true)) }
	o := routedScene(out("a"), out("b"), outdatedZone("c", open), zone("d", open))
	o.Strategy.MaxUnavailable, o.Aborted = 2, &Abort{By: "ann"}
	d := decide(t, o)
	wantAction(t, d, RestoreReads, "a")
	o = later(remembering(o, d), time.Second)
	o.Zones[0].Reads = Reads{Open: []string{"VMUser ns/u"}, Loaded: &Evidence{Met: true}}
	d = decide(t, o)
	wantAction(t, d, RestoreReads, "b")
	wantZone(t, d, 0, Pending, ReasonAborted)
	o = later(remembering(o, d), time.Second)
	o.Zones[1].Reads = o.Zones[0].Reads
	d = decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonAborted)
}
