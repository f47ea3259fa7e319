// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
)

// decideDeletion returns the next step on the way out. paused does not hold it
// up.
func decideDeletion(o Observed) Decision {
	d := Decision{Action: Action{Type: Nothing}, Zones: make([]ZoneState, len(o.Zones))}
	remaining := leaveStrays(&o, &d)
	for i := range o.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		*state = ZoneState{Name: zone.Name, Record: zone.Record}
		state.set(Leaving, ReasonReleasing, "")
		if len(zone.Reads.Drained) > 0 {
			remaining++
			if !giveBackLeaving(&d, zone, state) {
				state.compare(zone.Record, o.Now)
				continue
			}
		}
		if zone.Cluster != nil && zone.Cluster.Ownership == Ours {
			remaining++
			leave(&d, zone, state, o.Deletion.Retain)
		}
		state.compare(zone.Record, o.Now)
	}
	if o.ScrapePending {
		remaining++
		d.propose(ConfigureScrape, "")
	}
	if remaining == 0 || o.Deletion.NamespaceTerminating {
		d.Action = Action{Type: Finalize}
	}
	return d
}

// giveBackLeaving restores the reads of a healthy zone before it is let go, and
// tells whether that is no longer in the way.
func giveBackLeaving(d *Decision, zone *Zone, state *ZoneState) bool {
	switch {
	case zone.Cluster == nil:
		state.set(Leaving, ReasonClusterMissing, fmt.Sprintf("reads to be taken off %s by hand: VMCluster %q does not exist, so they can't be given back; see the docs on undoing a drain",
			strings.Join(zone.Reads.Drained, ", "), zone.Name))
	case !zone.Cluster.Healthy():
		state.set(Leaving, ReasonNotHealthy, fmt.Sprintf("VMCluster %q to be healthy before its reads are given back: %s", zone.Name, ailment(zone.Cluster)))
	default:
		d.propose(RestoreReads, zone.Name)
		state.set(Leaving, ReasonWriting, "reads to be given back to the zone")
	}
	return false
}

// leave deletes or releases the cluster of one zone.
func leave(d *Decision, zone *Zone, state *ZoneState, retain bool) {
	cluster := zone.Cluster
	switch {
	case !zone.Inline || retain:
		d.propose(ReleaseCluster, zone.Name)
	case cluster.Deleting:
		state.set(Leaving, ReasonClusterDeleting, fmt.Sprintf("VMCluster %q to be gone", zone.Name))
	case len(cluster.ReferredBy) > 0:
		state.set(Leaving, ReasonReferenced, fmt.Sprintf("%s to stop referring to VMCluster %q: deleting it now would invalidate all that they route",
			strings.Join(cluster.ReferredBy, ", "), zone.Name))
	default:
		d.propose(DeleteCluster, zone.Name)
	}
}
