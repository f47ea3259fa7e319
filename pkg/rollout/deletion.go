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
	remaining := len(o.Strays)
	if remaining > 0 {
		d.propose(ReleaseCluster, o.Strays[0])
	}
	for i := range o.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		*state = ZoneState{Name: zone.Name, Record: zone.Record}
		state.set(Leaving, ReasonReleasing, "")
		if zone.Cluster != nil && zone.Cluster.Ownership == Ours {
			remaining++
			leave(&d, zone, state, o.Deletion.Retain)
		}
		state.conclude(zone.Record, o.Now)
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
