// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

// TestAZoneTakenOffTheListKeepsItsGates: it lacks samples as much as one that
// stays.
func TestAZoneTakenOffTheListKeepsItsGates(t *testing.T) {
	for name, c := range map[string]struct {
		stray  Stray
		action ActionType
		reason string
	}{
		"not written":         {stray("x", drainedFor(0)), RestoreReads, ReasonWriting},
		"written":             {Stray{Zone: written(gated(9))}, Nothing, ReasonWaitingForQueues},
		"written and flushed": {Stray{Zone: written(func(z *Zone) { z.Record.Quiet = noon.Add(-time.Hour) })}, RestoreReads, ReasonWriting},
		"not healthy":         {Stray{Zone: written(unhealthy)}, Nothing, ReasonNotHealthy},
		"made anew":           {stray("x", emptied, drainedFor(0)), Nothing, ReasonEmptied},
		"made anew, by word":  {stray("x", emptied, drainedFor(0), approved), RestoreReads, ReasonWriting},
		"without a memory":    {stray("x", closed, newcomer, gated(9)), Nothing, ReasonWaitingForQueues},
		"gone":                {stray("x", drainedFor(0), absent), ForgetDrain, ReasonClusterMissing},
		"not drained":         {stray("x"), ReleaseCluster, ReasonReleasing},
		"drained or not":      {stray("x", unreadableRecord), Nothing, ReasonReadsUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			o := routedScene(zone("b", open), zone("c", open))
			o.Strays = []Stray{c.stray}
			d := decide(t, o)
			if state := d.Strays[0]; d.Action.Type != c.action || state.Reason != c.reason {
				t.Errorf("%v, %s: %s; want %v, %s", d.Action, state.Reason, state.WaitingFor, c.action, c.reason)
			}
			zones := o.Zones
			o.Zones, o.Deletion = nil, &Deletion{}
			if d := decide(t, o); d.Action.Type != c.action || d.Strays[0].Reason != c.reason {
				t.Errorf("of an object on its way out: %v, %s; want %v, %s", d.Action, d.Strays[0].Reason, c.action, c.reason)
			}
			o.Zones, o.Deletion, o.Paused = zones, nil, true
			d = decide(t, o)
			wantAction(t, d, Nothing, "")
			if before, after := o.Strays[0].Record.Baseline, d.Strays[0].Record.Baseline; before != after {
				t.Errorf("a pause has changed what is remembered: %s, %s", before, after)
			}
		})
	}
}

func unreadableRecord(z *Zone) { z.Reads.Unreadable = "an annotation of VMUser ns/u to be corrected" }

// TestAnObjectDoesNotGoWithADrainThatCanNotBeRead.
func TestAnObjectDoesNotGoWithADrainThatCanNotBeRead(t *testing.T) {
	o := leaving(Deletion{Retain: true}, zone("a", unreadableRecord))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Leaving, ReasonReadsUnknown)
	o.Deletion.NamespaceTerminating = true
	wantAction(t, decide(t, o), Finalize, "")
}

// TestAStrayThatWaitsForTheUserStallsTheObject, and says which word it waits for.
func TestAStrayThatWaitsForTheUserStallsTheObject(t *testing.T) {
	o := routedScene(zone("b", open), zone("c", open))
	o.Strays = []Stray{stray("x", emptied, drainedFor(0))}
	if got, want := told(Summarise(o, decide(t, o))), "failed Ready=AllZonesReady Stalled="+ReasonEmptied; got != want {
		t.Errorf("the summary is %s, want %s", got, want)
	}
}
