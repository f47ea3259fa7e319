// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// advance brings on a zone that has been taken into work: it never leaves one
// half done for another.
func advance(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	switch {
	case record.restoring() && len(zone.Reads.Drained) == 0:
		// See takeIn; what is still to be written is decided anew.
	case zone.Cluster == nil || zone.Cluster.Deleting:
	case outdated(zone, state) && (ailing(zone) || record.Updating != UnknownRevision && !record.recalled()):
		rewrite(o, d, i)
	case !zone.Cluster.Healthy():
		keepAway(o, d, i)
	default:
		letGo(o, d, i)
	}
}

// takeIn ends the work on a zone whose reads have been given back, once every
// VMAuth has loaded that. An update is not over where the zone has fallen ill
// again by then.
func takeIn(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	switch {
	case !record.restoring() || len(zone.Reads.Drained) > 0:
	case record.inFlight() && ailing(zone):
		record.Restored = time.Time{}
	case restored(o, d, zone, state):
		finish(o, zone, state)
	}
}

// ailing is true for a zone that nobody should read from.
func ailing(zone *Zone) bool { return zone.Cluster == nil || !zone.Cluster.Healthy() }

// rewrite goes on with a zone that is not yet, or no longer, what is wanted. One
// that must not be touched any more is given back, if it is in good health.
func rewrite(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	if blocked := guard(o, d, i); blocked != nil {
		d.wakeAt(o.Now, blocked.until)
		if !blocked.until.IsZero() && !state.Record.inFlight() && !state.Record.restoring() {
			state.set(Draining, blocked.reason, blocked.waitingFor) // it is not worth giving back
			return
		}
		if zone.Cluster.Healthy() {
			letGo(o, d, i)
		} else {
			keepAway(o, d, i)
		}
		if !state.Record.restoring() && state.Record.Phase == Pending {
			state.block(o, d, blocked)
		}
		return
	}
	if !takesReads(o, d, i) {
		return
	}
	if d.Action.Type != Nothing {
		state.Needs = 0
		if state.set(Pending, ReasonWaitingForOtherZone, "its turn"); state.Record.drained() {
			state.Record.Phase = Draining
		}
		return // one step at a time: what is proposed comes first
	}
	begin(o, zone, state, Updating)
	d.Action = Action{UpdateCluster, zone.Name}
}

// takesReads drains a zone in work before it is written, and tells whether that
// is done. One that is broken is written though it can't be drained any more.
func takesReads(o *Observed, d *Decision, i int) bool {
	zone, state := &o.Zones[i], &d.Zones[i]
	if len(zone.Reads.Open) > 0 && !drainable(o, d, i) {
		return true // the guard lets only that pass which is broken, or allowed to leave none
	}
	if drain(o, d, zone, state) {
		return true
	}
	if state.Record.Contended == zone.Revision {
		contend(o, d, i)
	}
	return false
}

// contend gives up on a drain that somebody else undoes again and again.
func contend(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	if state.Record.inFlight() {
		letGo(o, d, i)
		return
	}
	giveBack(o, d, zone, state)
	if restored(o, d, zone, state) {
		finish(o, zone, state)
	}
}

// keepAway takes reads away once more from a zone that has been written and is
// not yet itself again.
func keepAway(o *Observed, d *Decision, i int) {
	d.Zones[i].Record.Restored = time.Time{}
	redrain(o, d, i)
}

// redrain repeats a drain that somebody else has undone, as often as is allowed
// and while there are others to read from; the phase stays.
func redrain(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	if !record.drained() {
		return
	}
	if len(zone.Reads.Open) == 0 {
		record.DrainDone = true
		return
	}
	if zone.Reads.Busy != "" || servingBeside(o, d, i) == 0 {
		return
	}
	if !mayRedrain(zone, record) {
		state.set(record.Phase, ReasonContended, contentionOfReads(zone))
		state.Hold = true
		return
	}
	proposeDrain(o, d, zone, record)
}

// letGo gives a healthy zone back: at once where it was not written, else once it
// holds all samples.
func letGo(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	if record.inFlight() {
		refusal := *state
		if !flushed(o, d, zone, state) {
			record.Restored = time.Time{}
			redrain(o, d, i)
			return
		}
		state.restoreRefusal(&refusal)
	}
	if record.drained() && record.Emptied && !zone.Approved {
		state.awaitWord(zone)
		redrain(o, d, i)
		return
	}
	if len(zone.Reads.Drained) == 0 && zone.Reads.Unknown == "" {
		finish(o, zone, state) // never taken, or given back by somebody else
		return
	}
	giveBack(o, d, zone, state)
	if restored(o, d, zone, state) {
		finish(o, zone, state)
	}
}

// awaitWord is for a zone that came back empty, and has no reads.
func (s *ZoneState) awaitWord(zone *Zone) {
	if s.refused {
		return // which says more
	}
	s.set(Flushing, ReasonEmptied, approvalFor(zone, emptiedText))
	s.Hold = true
}

const emptiedText = "its VMCluster was made anew, and lacks what the old one stored"

// restoreRefusal brings back what was said of a zone before its queues were
// looked at.
func (s *ZoneState) restoreRefusal(before *ZoneState) {
	if before.refused {
		s.set(before.Record.Phase, before.Reason, before.WaitingFor)
	}
}

// finish ends the work on a zone.
func finish(o *Observed, zone *Zone, state *ZoneState) {
	record := &state.Record
	if record.inFlight() {
		conclusion(o, zone, state)
	}
	record.Begun, record.Clock = time.Time{}, time.Time{}
	record.Drained, record.DrainDone, record.Redrained = time.Time{}, false, 0
	record.Loaded, record.Restored = time.Time{}, time.Time{}
	record.Healthy, record.Quiet, record.Baseline = time.Time{}, time.Time{}, ""
	record.Emptied = record.Emptied && !zone.accepted()
	state.Needs, state.Hold = 0, state.refused
	switch {
	case state.refused:
	case state.Updated && zone.Cluster != nil && zone.Cluster.Healthy():
		record.Revision, state.Skipped = zone.Revision, false
		state.settle(zone)
	case state.Skipped:
		state.leave(zone)
	case outdated(zone, state):
		state.set(Pending, ReasonWaitingForOtherZone, "its turn")
	case zone.Cluster != nil && !zone.Cluster.Deleting:
		state.set(Unhealthy, ReasonNotHealthy, "health: "+ailment(zone.Cluster))
	}
}

// conclusion ends an update, or one that was cut short by another edit, a refusal
// or a guard.
func conclusion(o *Observed, zone *Zone, state *ZoneState) {
	record := &state.Record
	switch {
	case state.Updated:
		record.Revision = zone.Revision
	case record.Updating != UnknownRevision && (record.Generation != 0 || record.Reapplied > 0): // it has been in place
		record.Revision = record.Updating
	default:
		record.Updating, record.Started = "", time.Time{}
		return
	}
	record.Updating, record.Started, record.Finished = "", time.Time{}, o.Now
	if !record.Begun.IsZero() {
		record.Took = o.Now.Sub(record.Begun)
	}
}

// rescue takes reads from a cluster that is gone, or going: what comes in its
// place lacks what it stored.
func rescue(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	if !record.Emptied || len(zone.Reads.Open) == 0 || record.restoring() || zone.Approved || zone.Reads.Busy != "" || servingBeside(o, d, i) == 0 {
		return
	}
	if !record.drained() {
		if d.Action.Type != Nothing || !ailing(zone) && !spared(o, d, i) {
			return
		}
		if record.Begun.IsZero() || !record.inWork() {
			record.Begun = o.Now
		}
		proposeDrain(o, d, zone, record)
		if !ailing(zone) && (state.Updated || state.Skipped) && !record.inFlight() {
			state.awaitWord(zone)
		}
		return
	}
	redrain(o, d, i)
}

// vacated is true once the reads of a cluster that is gone lead elsewhere, or
// can't be led there: the one that comes in its place lacks what it stored.
func vacated(o *Observed, d *Decision, i int) bool {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	if !record.Emptied || !record.drained() || zone.Approved || state.was == Creating || state.was == Failed {
		return true
	}
	if len(zone.Reads.Open) > 0 {
		if d.Action != (Action{DrainReads, zone.Name}) {
			return true
		}
		state.enter(o, Draining, ReasonWriting, "reads to be taken from the zone, whose VMCluster is gone")
		return false
	}
	met, text := state.await(zone.Reads.Loaded, NeedLoaded)
	if met {
		return true
	}
	state.enter(o, Draining, ReasonWaitingForVMAuth, "every VMAuth to have taken the zone out, whose VMCluster is gone: "+text)
	return state.patience(o, d, o.Strategy.DrainTimeout, ReasonDrainTimeout, "drain.timeout")
}
