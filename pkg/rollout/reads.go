// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"time"
)

// maxRedrained is how often reads are taken away again that somebody else has
// given back, before the zone is left to the user.
const maxRedrained = 3

// Reads is how the listed VMUsers lead to a zone.
type Reads struct {
	// Listed is true where there are VMUsers that are to be heeded.
	Listed bool
	// Open names the places through which they lead to it now.
	Open []string
	// Drained names the VMUsers that carry our record of having led to it.
	Drained []string
	// Kept says why no VMUser can be given the zone back while it stays drained of
	// another one; empty where one can.
	Kept string
	// Undrainable names ways to it that can't be taken out.
	Undrainable []string
	// Busy names what is drained through the same VMUsers and has to be over first:
	// of another VMDistributedCluster, of a zone that is no longer listed, or of one
	// beside which the zone can't be taken out.
	Busy string
	// Unknown says why the routes can't be told, if they can't.
	Unknown string
	// Unreadable says that a VMUser carries a drain record of ours that can't be read,
	// which may be of this zone; empty where there is none.
	Unreadable string
	// Loaded tells whether every replica of every VMAuth has loaded the VMUsers as
	// they are. Nil where nobody has looked.
	Loaded *Evidence
	// Idle tells whether no read is in flight in the zone. Nil where nobody has
	// looked.
	Idle *Evidence
}

// Evidence is what was found out about a gate.
type Evidence struct {
	// Met is true where the gate is open.
	Met bool
	// Text says what was seen, or what is missing.
	Text string
}

// Need is evidence that a decision lacks.
type Need int

const (
	// NeedLoaded asks for Reads.Loaded.
	NeedLoaded Need = 1 << iota
	// NeedIdle asks for Reads.Idle.
	NeedIdle
	// NeedQueues asks for Queues.Reading.
	NeedQueues
)

// await waits for evidence, and asks for it where nobody has looked.
func (s *ZoneState) await(evidence *Evidence, need Need) (met bool, text string) {
	s.Needs |= need
	if evidence == nil {
		return false, "evidence to be gathered"
	}
	return evidence.Met, evidence.Text
}

// Written is what NeedLoaded has to be proven of: when the way to the zone was last
// written, as intended, and whether that gave reads back. That they are to be given
// back changes nothing of what is still to be proven of their drain.
func (z *Zone) Written() (since time.Time, restores bool) {
	if z.Record.restoring() && len(z.Reads.Drained) == 0 && z.Reads.Unreadable == "" {
		return z.Record.Restored, true
	}
	return z.Record.Drained, false
}

// routed is true where reads lead to the zone, or did before we took them away.
func (z *Zone) routed() bool { return len(z.Reads.Open)+len(z.Reads.Drained) > 0 }

// enter sets a phase of its own deadline.
func (s *ZoneState) enter(o *Observed, phase Phase, reason, waitingFor string) {
	if s.was != phase || s.Record.Clock.IsZero() {
		s.Record.Clock = o.Now
	}
	s.set(phase, reason, waitingFor)
}

// patience lets a wait that is over its deadline call for the user. What it waits
// for may still come.
func (s *ZoneState) patience(o *Observed, d *Decision, limit time.Duration, reason, knob string) (over bool) {
	clock := s.Record.Clock
	if o.Now.Sub(clock) >= limit {
		s.set(s.Record.Phase, reason, fmt.Sprintf("%s; for longer than the %s that %s allows", s.WaitingFor, limit, knob))
		s.Hold = true
		return true
	}
	d.wakeAt(o.Now, clock.Add(limit))
	return false
}

// drain takes the reads from a zone that is about to be written, and tells
// whether they are gone.
func drain(o *Observed, d *Decision, zone *Zone, state *ZoneState) (gone bool) {
	record := &state.Record
	if !zone.routed() && !record.drained() {
		return true
	}
	if len(zone.Reads.Open) > 0 {
		return takeAway(o, d, zone, state)
	}
	record.Restored = time.Time{}
	record.DrainDone = true // that it has landed may not have been noted
	// Proven once is not proven for ever: who gave the reads back and took them
	// away again has done so unseen.
	met, text := state.await(zone.Reads.Loaded, NeedLoaded)
	if !met {
		record.Loaded = time.Time{}
		if ailing(zone) && record.Updating == zone.Revision && record.Generation == 0 {
			return true // it has been waited for before the write was decided on
		}
		state.enter(o, Draining, ReasonWaitingForVMAuth, "every VMAuth to have taken the zone out: "+text)
		over := state.patience(o, d, o.Strategy.DrainTimeout, ReasonDrainTimeout, "drain.timeout")
		// A zone that is not healthy anyway receives what may repair it.
		return over && !zone.Cluster.Healthy()
	}
	if record.Loaded.IsZero() {
		record.Loaded = o.Now
	}
	return idle(o, d, zone, state)
}

// takeAway asks for the drain to be written, for the first time or again.
func takeAway(o *Observed, d *Decision, zone *Zone, state *ZoneState) (gone bool) {
	record := &state.Record
	if !mayRedrain(zone, record) {
		return !zone.Cluster.Healthy()
	}
	record.Loaded, record.Restored = time.Time{}, time.Time{}
	state.enter(o, Draining, ReasonWriting, fmt.Sprintf("reads to be taken from the zone: %s", strings.Join(zone.Reads.Open, ", ")))
	state.patience(o, d, o.Strategy.DrainTimeout, ReasonDrainTimeout, "drain.timeout")
	proposeDrain(o, d, zone, record)
	return false
}

// mayRedrain counts the drains that somebody else has undone.
func mayRedrain(zone *Zone, record *Record) bool {
	if !record.DrainDone {
		return true
	}
	if record.Redrained >= maxRedrained {
		record.Contended = zone.Revision
		return false
	}
	record.Redrained++
	record.Drained, record.DrainDone = time.Time{}, false // another drain
	return true
}

// retryNoted is how often it is noted that a write of VMUsers is tried again. Were
// each try noted, each would wake the controller for the next one.
const retryNoted = 5 * time.Second

// proposeDrain asks for the write. No VMAuth can have loaded what is still to be
// written: its proof counts from about the last attempt.
func proposeDrain(o *Observed, d *Decision, zone *Zone, record *Record) {
	record.Loaded = time.Time{}
	d.propose(DrainReads, zone.Name)
	if d.Action == (Action{DrainReads, zone.Name}) && o.Now.Sub(record.Drained) >= retryNoted || !record.drained() {
		record.Drained = o.Now
	}
}

// idle waits for the last read in flight, as long as the grace period allows.
func idle(o *Observed, d *Decision, zone *Zone, state *ZoneState) bool {
	over := state.Record.Loaded.Add(o.Strategy.GracePeriod)
	if !o.Now.Before(over) {
		return true
	}
	met, text := state.await(zone.Reads.Idle, NeedIdle)
	if met {
		return true
	}
	state.enter(o, Draining, ReasonReadsInFlight, fmt.Sprintf("reads in flight to end, or %s to pass: %s", o.Strategy.GracePeriod, text))
	d.wakeAt(o.Now, over)
	return false
}

// giveBack asks for the reads to be restored.
func giveBack(o *Observed, d *Decision, zone *Zone, state *ZoneState) {
	record := &state.Record
	if len(zone.Reads.Drained) > 0 && zone.Reads.Kept == "" {
		// No VMAuth can have loaded what is still to be written: its proof counts
		// from the last attempt.
		if d.propose(RestoreReads, zone.Name); d.Action == (Action{RestoreReads, zone.Name}) && o.Now.Sub(record.Restored) >= retryNoted || !record.restoring() {
			record.Restored = o.Now
		}
		record.DrainDone = false
	}
	record.Loaded = time.Time{}
}

// restored is true once every VMAuth has loaded that reads go to the zone again.
func restored(o *Observed, d *Decision, zone *Zone, state *ZoneState) bool {
	if zone.Reads.Unknown != "" {
		state.enter(o, Restoring, ReasonReadsUnknown, zone.Reads.Unknown)
		state.patience(o, d, o.Strategy.DrainTimeout, ReasonRestoreTimeout, "drain.timeout")
		return false
	}
	if zone.Reads.Kept != "" {
		state.enter(o, Restoring, ReasonVMUserBusy, zone.Reads.Kept)
		state.patience(o, d, o.Strategy.DrainTimeout, ReasonVMUserBusy, "drain.timeout")
		return false
	}
	if len(zone.Reads.Drained) > 0 {
		state.enter(o, Restoring, ReasonWriting, "reads to be given back to the zone: "+strings.Join(zone.Reads.Drained, ", "))
		state.patience(o, d, o.Strategy.DrainTimeout, ReasonRestoreTimeout, "drain.timeout")
		return false
	}
	met, text := state.await(zone.Reads.Loaded, NeedLoaded)
	if met || len(zone.Reads.Open) == 0 {
		return true
	}
	state.enter(o, Restoring, ReasonWaitingForVMAuth, "every VMAuth to have taken the zone in again: "+text)
	state.patience(o, d, o.Strategy.DrainTimeout, ReasonRestoreTimeout, "drain.timeout")
	return false
}
