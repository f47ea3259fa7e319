// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxReapplied is how often somebody else's change is overwritten before the
	// zone is left to the user.
	maxReapplied = 3
	// reappliedWindow is how long such an overwriting counts.
	reappliedWindow = 24 * time.Hour
)

// Decide returns the next step.
func Decide(o Observed) Decision {
	if o.Deletion != nil {
		return decideDeletion(o)
	}
	d := Decision{Action: Action{Type: Nothing}, Zones: make([]ZoneState, len(o.Zones))}
	if !o.Paused {
		o.Zones = restartClocks(o.Zones, o.Now)
	}
	for i := range o.Zones {
		d.Zones[i] = assess(&o, &o.Zones[i])
		if state := &d.Zones[i]; state.Record.inFlight() && state.Record.Phase != Failed && !state.Record.Started.IsZero() {
			d.wakeAt(state.Record.Started.Add(o.Strategy.ReadyTimeout))
		}
	}
	if o.Paused {
		hold(&d)
	} else {
		act(&o, &d)
	}
	for i := range d.Zones {
		stamp(&d.Zones[i].Record, o.Zones[i].Record, o.Now)
	}
	return d
}

// act chooses the step.
func act(o *Observed, d *Decision) {
	if len(o.Strays) > 0 {
		d.Action = Action{ReleaseCluster, o.Strays[0]}
	}
	for i := range o.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		switch {
		case zone.Cluster == nil && zone.Inline && state.Record.Phase == Pending:
			begin(o, zone, state, Creating)
			d.propose(CreateCluster, zone.Name)
		case zone.Cluster != nil && zone.Cluster.Difference == Metadata && state.Record.Phase != Refused && !zone.Cluster.Deleting:
			d.propose(MarkCluster, zone.Name)
		}
	}
	if o.ScrapePending {
		d.propose(ConfigureScrape, "")
	}
	update(o, d)
}

// propose sets the action unless there is one already.
func (d *Decision) propose(what ActionType, cluster string) {
	if d.Action.Type == Nothing {
		d.Action = Action{what, cluster}
	}
}

// assess tells where a zone stands by itself, before any step is chosen. A zone
// that has to be written is left Pending.
func assess(o *Observed, zone *Zone) ZoneState {
	state := ZoneState{Name: zone.Name, Record: zone.Record}
	cluster := zone.Cluster
	switch {
	case zone.Problem != "":
		state.refuse(ReasonInvalid, zone.Problem)
	case cluster == nil && zone.Inline:
		state.Record.Revision, state.Record.Generation = "", 0
		state.set(Pending, ReasonWriting, "to be created")
	case cluster == nil:
		state.Record = Record{Phase: zone.Record.Phase, Since: zone.Record.Since}
		state.set(Missing, ReasonClusterMissing, fmt.Sprintf("VMCluster %q to exist", zone.Name))
	case cluster.Ownership == Foreign:
		state.refuse(ReasonClaimed, fmt.Sprintf("VMCluster %q belongs to the VMDistributedCluster %s; take it out of there, or out of here", zone.Name, cluster.Owner))
	case cluster.Ownership == Unmarked && zone.Inline:
		state.refuse(ReasonNotOurs, fmt.Sprintf("VMCluster %q exists and was not made by this object; refer to it with ref, or choose another name", zone.Name))
	case cluster.Deleting:
		state.set(Unhealthy, ReasonClusterDeleting, fmt.Sprintf("VMCluster %q to be gone: somebody has deleted it", zone.Name))
	case cluster.Difference == Spec:
		assessOutdated(o, zone, &state)
	default:
		assessUpdated(o, zone, &state)
	}
	return state
}

// assessOutdated is about a cluster that is not what is wanted.
func assessOutdated(o *Observed, zone *Zone, state *ZoneState) {
	cluster := zone.Cluster
	if zone.Record.Updating != zone.Revision && zone.Record.Revision != zone.Revision {
		state.Record.Reapplied = 0
	}
	if !zone.Record.Finished.IsZero() && o.Now.Sub(zone.Record.Finished) > reappliedWindow {
		state.Record.Reapplied = 0
	}
	switch {
	case len(cluster.Shrinks) > 0:
		state.refuse(ReasonStorageWouldShrink, fmt.Sprintf("permission to take away storage: %s", strings.Join(cluster.Shrinks, ", ")))
	case cluster.Drift != nil && state.Record.Reapplied >= maxReapplied && !pendingReapply(zone):
		state.refuse(ReasonContended, fmt.Sprintf("%s to leave %s alone; overwritten %d times",
			strings.Join(orUnknown(cluster.Drift.Managers), ", "), strings.Join(cluster.Drift.Paths, ", "), maxReapplied))
	case zone.Record.inFlight() && zone.Record.Updating == zone.Revision:
		state.set(Updating, ReasonWriting, "the change to be written")
		failIfOverdue(o, zone, state)
	default:
		state.set(Pending, ReasonWaitingForOtherZone, "")
	}
}

// pendingReapply is true while the last overwriting has not been seen to land.
func pendingReapply(zone *Zone) bool {
	return zone.Record.Updating == zone.Revision && zone.Record.Generation == 0
}

// assessUpdated is about a cluster that is what is wanted.
func assessUpdated(o *Observed, zone *Zone, state *ZoneState) {
	cluster, record := zone.Cluster, &state.Record
	state.Updated = true
	if record.inFlight() {
		record.Updating = zone.Revision
		record.Generation = cluster.Generation
	}
	if cluster.Healthy() {
		state.Ready = true
		if record.inFlight() {
			state.Finished = true
			if record.Phase != Creating {
				record.Finished = o.Now
			}
			record.Updating, record.Started = "", time.Time{}
		}
		record.Revision = zone.Revision
		state.set(Ready, ReasonUpToDate, "")
		return
	}
	if !record.inFlight() {
		state.set(Unhealthy, ReasonNotHealthy, cluster.Unhealthy)
		return
	}
	if record.Phase != Creating {
		record.Phase = Updating
	}
	state.set(record.Phase, ReasonWaitingForOperator, cluster.Unhealthy)
	if cluster.Failed {
		state.set(Failed, ReasonOperatorFailed, cluster.Unhealthy)
		return
	}
	failIfOverdue(o, zone, state)
}

func failIfOverdue(o *Observed, zone *Zone, state *ZoneState) {
	started := zone.Record.Started
	if !started.IsZero() && o.Now.Sub(started) >= o.Strategy.ReadyTimeout {
		state.set(Failed, ReasonReadyTimeout, fmt.Sprintf("not finished %s after it was begun: %s", o.Strategy.ReadyTimeout, state.WaitingFor))
	}
}

// begin records the intent to write a zone.
func begin(o *Observed, zone *Zone, state *ZoneState, phase Phase) {
	record := &state.Record
	again := record.Updating == zone.Revision
	if drift := zone.Cluster != nil && zone.Cluster.Drift != nil; drift && !pendingReapply(zone) {
		record.Reapplied++
		again = false
	}
	if !again {
		record.Updating, record.Started, record.Generation = zone.Revision, o.Now, 0
	}
	state.set(phase, ReasonWriting, "the change to be written")
	if again {
		failIfOverdue(o, zone, state)
	}
}

func (s *ZoneState) set(phase Phase, reason, waitingFor string) {
	s.Record.Phase, s.Reason, s.WaitingFor = phase, reason, waitingFor
}

func (s *ZoneState) refuse(reason, waitingFor string) {
	s.set(Refused, reason, waitingFor)
	s.Hold = true
}

// stamp sets when the phase began.
func stamp(record *Record, before Record, now time.Time) {
	if record.Phase != before.Phase || before.Since.IsZero() {
		record.Since = now
	}
}

// restartClocks lets the deadlines that a pause has stopped run anew.
func restartClocks(zones []Zone, now time.Time) []Zone {
	zones = slices.Clone(zones)
	for i := range zones {
		if record := &zones[i].Record; record.inFlight() && record.Started.IsZero() {
			record.Started = now
		}
	}
	return zones
}

// hold is for a paused object: what is not right stays so, and deadlines stand
// still.
func hold(d *Decision) {
	d.Wake = time.Time{}
	for i := range d.Zones {
		if record := &d.Zones[i].Record; record.inFlight() {
			record.Started = time.Time{}
		}
		if d.Zones[i].Record.Phase == Pending {
			d.Zones[i].set(Pending, ReasonPaused, "spec.paused to be taken back")
		}
	}
}

func orUnknown(managers []string) []string {
	if len(managers) == 0 {
		return []string{"another writer"}
	}
	return managers
}
