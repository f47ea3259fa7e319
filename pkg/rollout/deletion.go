// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
)

// decideDeletion returns the next step on the way out. Neither paused nor a policy
// that only observes holds it up; what halts the controller for all does, but for
// letting an object go that nothing is left to be written for.
func decideDeletion(o Observed) Decision {
	d := Decision{Action: Action{Type: Nothing}, Zones: make([]ZoneState, len(o.Zones))}
	o.Paused, o.Observing = false, false
	before := o
	catchUp(&o)
	d.Strays = assessStrays(&o)
	remaining := leaveStrays(&o, &d)
	for i := range o.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		*state = ZoneState{Name: zone.Name, Record: zone.Record, was: zone.Record.Phase}
		state.Ready = state.isReady(zone)
		state.set(Leaving, ReasonReleasing, "")
		switch {
		case zone.Reads.Unreadable != "":
			remaining++
			state.set(Leaving, ReasonReadsUnknown, zone.Reads.Unreadable)
		case len(zone.Reads.Drained) > 0:
			remaining++
			giveBackLeaving(&o, &d, zone, state)
		case zone.Cluster != nil && zone.Cluster.Ownership == Ours:
			remaining++
			leave(&d, zone, state, o.Deletion.Retain)
		}
	}
	if o.ScrapePending {
		remaining++
		d.propose(ConfigureScrape, "")
	}
	if remaining == 0 || o.Deletion.NamespaceTerminating {
		d.Action = Action{Type: Finalize}
	}
	d.First = d.Action
	if o.held() && d.Action.Type != Finalize {
		haltDeletion(&o, &d)
	}
	d.compare(&before)
	if !o.held() {
		d.setDeadlines(&o)
	}
	return d
}

// haltDeletion takes the step back, and says so of all that could go on.
func haltDeletion(o *Observed, d *Decision) {
	d.Action = Action{Type: Nothing}
	for _, states := range [][]ZoneState{d.Zones, d.Strays} {
		for i := range states {
			if state := &states[i]; state.Reason == ReasonReleasing || state.Reason == ReasonWriting || state.Reason == ReasonClusterMissing {
				state.set(Leaving, o.heldBy().reason, o.release())
			}
		}
	}
}

// giveBackLeaving restores the reads of a zone before it is let go: once it is
// healthy, and holds all samples if it was written. What can't be done is said.
func giveBackLeaving(o *Observed, d *Decision, zone *Zone, state *ZoneState) {
	record := &state.Record
	switch {
	case zone.Cluster == nil && zone.Reads.Kept != "":
		state.set(Leaving, ReasonVMUserBusy, zone.Reads.Kept)
	case zone.Cluster == nil:
		// A reference to nothing would invalidate all of a VMUser.
		d.propose(ForgetDrain, zone.Name)
		state.set(Leaving, ReasonClusterMissing, fmt.Sprintf("the record of the drain to be taken off %s: VMCluster %q does not exist, so that no reads can be given back to it",
			strings.Join(zone.Reads.Drained, ", "), zone.Name))
	case !zone.Cluster.Healthy():
		state.set(Leaving, ReasonNotHealthy, fmt.Sprintf("VMCluster %q to be healthy before its reads are given back: %s", zone.Name, ailment(zone.Cluster)))
	case record.inFlight() && !flushed(o, d, zone, state):
	case record.Emptied && !zone.Approved:
		state.set(Leaving, ReasonEmptied, approvalFor(zone, emptiedText))
		state.Hold = true
	case zone.Reads.Kept != "":
		state.set(Leaving, ReasonVMUserBusy, zone.Reads.Kept)
	default:
		d.propose(RestoreReads, zone.Name)
		state.set(Leaving, ReasonWriting, "reads to be given back to the zone")
	}
}

// leave deletes or releases the cluster of one zone.
func leave(d *Decision, zone *Zone, state *ZoneState, retain bool) {
	cluster := zone.Cluster
	switch {
	case !zone.Inline || retain:
		state.WaitingFor = "its VMCluster to be released"
		d.propose(ReleaseCluster, zone.Name)
	case cluster.Deleting:
		state.set(Leaving, ReasonClusterDeleting, fmt.Sprintf("VMCluster %q to be gone", zone.Name))
	case len(cluster.ReferredBy) > 0:
		state.set(Leaving, ReasonReferenced, fmt.Sprintf("%s to stop referring to VMCluster %q: deleting it now would invalidate all that they route",
			strings.Join(cluster.ReferredBy, ", "), zone.Name))
	default:
		state.WaitingFor = "its VMCluster to be deleted"
		d.propose(DeleteCluster, zone.Name)
	}
}
