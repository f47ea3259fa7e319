// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// setDeadlines says of every zone until when its present wait may last.
func (d *Decision) setDeadlines(o *Observed) {
	for i := range d.Zones {
		d.Zones[i].Deadline = d.deadline(o, &d.Zones[i])
	}
	for i := range d.Strays {
		d.Strays[i].Deadline = d.deadline(o, &d.Strays[i])
	}
}

// deadline is when the wait of a zone is over at the latest: a bake or a grace period
// ends then, anything else counts as too long from then on. Zero for what may last as
// long as it takes. It comes out the same of a record that status has kept in whole
// seconds.
func (d *Decision) deadline(o *Observed, state *ZoneState) time.Time {
	record := &state.Record
	changed := after(record.Started.Truncate(time.Second), o.Strategy.ReadyTimeout)
	reloaded := after(record.Clock, o.Strategy.DrainTimeout)
	switch state.Reason {
	case ReasonBaking:
		return d.bakesUntil(o, state)
	case ReasonReadsInFlight:
		return after(record.Loaded, o.Strategy.GracePeriod)
	case ReasonWaitingForQueues, ReasonFlushTimeout:
		return after(record.Clock, o.Strategy.FlushTimeout)
	case ReasonDrainTimeout, ReasonRestoreTimeout:
		return reloaded
	case ReasonWaitingForOperator, ReasonReadyTimeout:
		return changed
	case ReasonWriting, ReasonWaitingForVMAuth, ReasonReadsUnknown:
		switch record.Phase {
		case Creating, Updating:
			return changed
		case Draining, Restoring:
			return reloaded
		}
	}
	return state.Deadline
}

// bakesUntil is when the zone that was updated last has been so for long enough: this
// one, or the one that this one waits for.
func (d *Decision) bakesUntil(o *Observed, state *ZoneState) time.Time {
	var latest time.Time
	for i := range d.Zones {
		finished := d.Zones[i].Record.Finished
		if own := d.Zones[i].Name == state.Name; own == (state.Record.Phase == Baking) && !d.Zones[i].Skipped && finished.After(latest) {
			latest = finished
		}
	}
	return after(WholeSeconds(latest), o.Strategy.UpdatePause)
}

func after(clock time.Time, limit time.Duration) time.Time {
	if clock.IsZero() {
		return time.Time{}
	}
	return clock.Add(limit)
}
