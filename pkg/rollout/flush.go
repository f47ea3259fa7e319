// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// Gate says whether there is a queue to wait for.
type Gate int

const (
	// NoGate: no VMAgent is listed, or it has no remote write to the zone.
	NoGate Gate = iota
	// Gated: the queue can be told.
	Gated
	// Unclear: samples reach the zone by a way on which no queue can be told.
	Unclear
)

// Queues is the write path to a zone.
type Queues struct {
	Gate Gate
	// Why explains a gate that is not Gated.
	Why string
	// RetryPause is for how long a replica may keep a block to itself, counted
	// nowhere, before it tries to send it again.
	RetryPause time.Duration
	// Reading is what the replicas say. Nil where nobody has looked.
	Reading *Reading
}

// Reading is what the replicas of the VMAgent say of the queue of a zone.
type Reading struct {
	// Missing says why it is not known of every replica; empty if it is.
	Missing string
	// Replicas are sorted by name.
	Replicas []Queue
	// Room says how long the fullest queue lasts while the zone takes nothing;
	// negative where that can't be told.
	Room time.Duration
}

// Queue is the queue of a zone in one replica. Counters count from the start of
// the process.
type Queue struct {
	// Replica is the name of the pod.
	Replica string
	// Started is when the process started, in seconds since 1970.
	Started int64
	// Pending is what waits, in bytes.
	Pending int64
	// Failures are attempts to send that have failed.
	Failures int64
	// Dropped is what was lost.
	Dropped int64
	// Sent are requests that the zone has taken.
	Sent int64
	// Inflow is what came in for any zone.
	Inflow int64
}

// flush tells whether all that was written while the zone was away has reached
// it. It fails closed: what is not known is not flushed.
func flush(o *Observed, d *Decision, zone *Zone, state *ZoneState) (done bool) {
	record := &state.Record
	if zone.Queues.Gate == NoGate || zone.Approved {
		return true
	}
	state.enter(o, Flushing, ReasonWaitingForQueues, "")
	if zone.Queues.Gate == Unclear {
		state.WaitingFor = approvalFor(zone, zone.Queues.Why)
		state.Reason, state.Hold = ReasonQueuesUnclear, true
		return false
	}
	state.Needs |= NeedQueues
	reading := zone.Queues.Reading
	if reading == nil {
		state.WaitingFor = "the queues of the VMAgent to be read"
		return false
	}
	baseline, verdict := record.Baseline.compare(reading, o.Strategy.MaxPendingBytes)
	record.Baseline = baseline
	if verdict.dropped != "" {
		state.set(Flushing, ReasonDataDropped, approvalFor(zone, verdict.dropped))
		state.Hold = true
		return false
	}
	if verdict.waiting != "" {
		record.Quiet = time.Time{}
		state.WaitingFor = "queues to be empty: " + verdict.waiting
		state.patience(o, d, o.Strategy.FlushTimeout, ReasonFlushTimeout, "flush.timeout")
		return false
	}
	if record.Quiet.IsZero() {
		record.Quiet = o.Now
	}
	stable := stableFor(o, zone, record)
	if until := record.Quiet.Add(stable); o.Now.Before(until) {
		state.WaitingFor = fmt.Sprintf("queues to have been empty for %s", stable)
		state.patience(o, d, o.Strategy.FlushTimeout, ReasonFlushTimeout, "flush.timeout")
		d.wakeAt(o.Now, until)
		return false
	}
	return true
}

// stableFor is what the strategy says, or how long a replica may sit on a block
// without a trace: none does where nothing has failed since the drain.
func stableFor(o *Observed, zone *Zone, record *Record) time.Duration {
	switch {
	case o.Strategy.StableFor > 0:
		return o.Strategy.StableFor
	case record.Baseline.troubled():
		return zone.Queues.RetryPause
	}
	return time.Second
}

func approvalFor(zone *Zone, why string) string {
	return fmt.Sprintf("the user's word for zone %s at revision %s: %s", zone.Name, zone.Revision, why)
}

// room is why a drain would outlast the queues; empty where it would not.
func room(o *Observed, reading *Reading) string {
	var longest time.Duration
	for i := range o.Zones {
		longest = max(longest, o.Zones[i].Record.Took)
	}
	if reading.Room < 0 || longest == 0 || reading.Room > longest {
		return ""
	}
	return fmt.Sprintf("room in the queues: they last %s at the present inflow, and the last update took %s", reading.Room.Round(time.Second), longest.Round(time.Second))
}
