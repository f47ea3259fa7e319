// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"
	"time"
)

// Gate says whether there is a queue to wait for.
type Gate int

const (
	// NoGate is for a VMAgent that is not listed, or has no remote write to the
	// zone.
	NoGate Gate = iota
	// Gated is for a queue that can be told.
	Gated
	// Unclear is for samples that reach the zone by a way on which no queue can be
	// told.
	Unclear
)

// Queues is the write path to a zone.
type Queues struct {
	Gate Gate
	// Why explains a gate that is not Gated.
	Why string
	// RetryPause is for how long a replica may be at sending a block, which is
	// counted nowhere meanwhile, before that counts as failed.
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
	// PerSecond is how much usually comes in for the zone in a second, in bytes; 0 where
	// that can't be told.
	PerSecond int64
	// Failures are attempts to send that have failed.
	Failures int64
	// Retrying is how many blocks a replica keeps to itself until it tries again
	// to send them. They are not Pending.
	Retrying int64
	// Dropped is what was lost.
	Dropped int64
	// Sent are requests that the zone has taken.
	Sent int64
	// Inflow is what came in for any zone.
	Inflow int64
}

// flushed is flush for a zone in good health, which is when it begins.
func flushed(o *Observed, d *Decision, zone *Zone, state *ZoneState) bool {
	record := &state.Record
	if record.Healthy.IsZero() {
		record.Healthy, record.Baseline = o.Now, record.Baseline.forget()
	}
	return flush(o, d, zone, state)
}

// flush tells whether all that was written while the zone was away has reached
// it. It fails closed: what is not known is not flushed.
func flush(o *Observed, d *Decision, zone *Zone, state *ZoneState) (done bool) {
	record := &state.Record
	if zone.Queues.Gate == NoGate || zone.Approved {
		return true
	}
	if zone.Queues.Gate == Unclear {
		state.enter(o, Flushing, ReasonQueuesUnclear, approvalFor(zone, zone.Queues.Why))
		state.Hold = true
		return false
	}
	state.Needs |= NeedQueues
	reading := zone.Queues.Reading
	if reading == nil {
		return state.awaitQueues(o, d, "the queues of the VMAgent to be read")
	}
	var found verdict
	record.Baseline, found = record.Baseline.compare(reading, o.Strategy.MaxPendingBytes)
	switch {
	case found.dropped != "":
		state.enter(o, Flushing, ReasonDataDropped, approvalFor(zone, found.dropped))
		state.Hold = true
		return false
	case found.waiting != "":
		record.Quiet = time.Time{}
		return state.awaitQueues(o, d, "queues to be empty: "+found.waiting)
	case record.Quiet.IsZero() || found.failed:
		record.Quiet = o.Now
	}
	stable := stableFor(o, zone, record)
	until := record.Quiet.Add(stable)
	if held := record.Begun.Add(zone.Queues.RetryPause); held.After(until) {
		until = held // what was held when the drain began has been tried again by then
	}
	if o.Now.Before(until) {
		d.wakeAt(o.Now, until)
		return state.awaitQueues(o, d, fmt.Sprintf("queues to have been empty for %s, without a failed attempt to send", stable))
	}
	return true
}

// awaitQueues waits for them as long as the strategy allows.
func (s *ZoneState) awaitQueues(o *Observed, d *Decision, what string) (done bool) {
	s.enter(o, Flushing, ReasonWaitingForQueues, what)
	s.patience(o, d, o.Strategy.FlushTimeout, ReasonFlushTimeout, "flush.timeout")
	return false
}

// shown is how long after a vminsert has taken samples queries find them: storage shows new
// rows every two seconds (pendingRowsFlushInterval, lib/storage/partition.go of VictoriaMetrics),
// and a vminsert sends to it several times a second.
const shown = 3 * time.Second

// stableFor is what the strategy says, and at least as long as a replica may sit
// on a block without a trace: none does where nothing has failed since the drain.
func stableFor(o *Observed, zone *Zone, record *Record) time.Duration {
	stable := max(cmp.Or(o.Strategy.StableFor, shown), time.Second)
	if record.Baseline.troubled() {
		stable = max(stable, zone.Queues.RetryPause)
	}
	return stable
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
