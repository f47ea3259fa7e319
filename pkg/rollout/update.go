// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// update chooses the existing cluster that may be changed, and says of all others
// that have to be changed what they wait for.
func update(o *Observed, d *Decision) {
	next := candidate(o, d)
	for i := range d.Zones {
		if i != next && outdated(&o.Zones[i], &d.Zones[i]) && d.Zones[i].Record.Phase == Pending {
			d.Zones[i].set(Pending, ReasonWaitingForOtherZone, fmt.Sprintf("its turn, after zone %s", o.Zones[next].Name))
		}
	}
	if next < 0 {
		return
	}
	zone, state := &o.Zones[next], &d.Zones[next]
	if blocked := guard(o, d, next); blocked != nil {
		blocked.apply(d, state)
		return
	}
	if d.Action.Type != Nothing {
		// One step at a time: what is proposed comes first.
		if !zone.Record.inFlight() {
			state.set(Pending, ReasonWaitingForOtherZone, "its turn")
		}
		return
	}
	begin(o, zone, state, Updating)
	d.Action = Action{UpdateCluster, zone.Name}
	d.wakeAt(state.Record.Started.Add(o.Strategy.ReadyTimeout))
}

// outdated zones are those that have to be changed and may be.
func outdated(zone *Zone, state *ZoneState) bool {
	return zone.Cluster != nil && zone.Cluster.Difference == Spec && !zone.Cluster.Deleting && state.Record.Phase != Refused
}

// candidate is the zone that is next: one left unfinished, else one that is not
// healthy, else the first. -1 if none is outdated.
func candidate(o *Observed, d *Decision) int {
	first, ailing := -1, -1
	for i := range o.Zones {
		zone := &o.Zones[i]
		if !outdated(zone, &d.Zones[i]) {
			continue
		}
		if zone.Record.inFlight() {
			return i
		}
		if ailing < 0 && !zone.Cluster.Healthy() {
			ailing = i
		}
		if first < 0 {
			first = i
		}
	}
	if ailing >= 0 {
		return ailing
	}
	return first
}

// obstacle is why a zone may not be touched now.
type obstacle struct {
	reason     string
	waitingFor string
	until      time.Time // zero where no moment is known
	hold       bool
}

func (b *obstacle) apply(d *Decision, state *ZoneState) {
	state.set(Pending, b.reason, b.waitingFor)
	state.Hold = b.hold
	if !b.until.IsZero() {
		d.wakeAt(b.until)
	}
}

// guard returns what stands in the way of changing a zone, or nil.
func guard(o *Observed, d *Decision, next int) *obstacle {
	if busy := inProgress(o, d, next); busy != "" {
		return &obstacle{reason: ReasonWaitingForOtherZone, waitingFor: busy}
	}
	if !o.Zones[next].Cluster.Healthy() {
		return nil
	}
	healthy := 0
	for i := range o.Zones {
		if i == next || o.Zones[i].Cluster == nil {
			continue
		}
		if cluster := o.Zones[i].Cluster; !cluster.Healthy() {
			return &obstacle{reason: ReasonBlocked, waitingFor: fmt.Sprintf("zone %s to be healthy: %s", o.Zones[i].Name, ailment(cluster))}
		}
		healthy++
	}
	if healthy < o.Strategy.MinAvailableZones {
		return &obstacle{reason: ReasonMinAvailableZones, hold: true, waitingFor: fmt.Sprintf(
			"%d other healthy zones, of which there are %d; spec.strategy.minAvailableZones can lower that", o.Strategy.MinAvailableZones, healthy)}
	}
	if refused := refusedBefore(o, d, next); refused != "" {
		return &obstacle{reason: ReasonBlocked, waitingFor: refused, hold: true}
	}
	return baking(o, d, next)
}

// inProgress names another zone that is being created or changed.
func inProgress(o *Observed, d *Decision, next int) string {
	for i := range d.Zones {
		state := &d.Zones[i]
		if i == next || o.Zones[i].Cluster == nil {
			continue
		}
		if phase := state.Record.Phase; phase == Creating || phase == Updating {
			return fmt.Sprintf("zone %s, which is in work: %s", state.Name, state.WaitingFor)
		}
	}
	return ""
}

// refusedBefore names a zone earlier in the list that has to be changed and is
// refused: list order is rollout order, so what it was to try out has not been.
func refusedBefore(o *Observed, d *Decision, next int) string {
	for i := range next {
		cluster := o.Zones[i].Cluster
		if d.Zones[i].Record.Phase == Refused && cluster != nil && cluster.Difference == Spec {
			return fmt.Sprintf("zone %s, which comes before and is refused: %s", d.Zones[i].Name, d.Zones[i].Reason)
		}
	}
	return ""
}

// baking holds a zone back until the last one updated has been so long enough.
func baking(o *Observed, d *Decision, next int) *obstacle {
	latest := -1
	for i := range d.Zones {
		if i == next || d.Zones[i].Record.Finished.IsZero() {
			continue
		}
		if latest < 0 || d.Zones[i].Record.Finished.After(d.Zones[latest].Record.Finished) {
			latest = i
		}
	}
	if latest < 0 {
		return nil
	}
	until := d.Zones[latest].Record.Finished.Add(o.Strategy.UpdatePause)
	if !o.Now.Before(until) {
		return nil
	}
	if d.Zones[latest].Record.Phase == Ready {
		d.Zones[latest].set(Baking, ReasonBaking, fmt.Sprintf("%s to pass since the update", o.Strategy.UpdatePause))
	}
	return &obstacle{reason: ReasonBaking, waitingFor: fmt.Sprintf("zone %s to have been updated for %s", d.Zones[latest].Name, o.Strategy.UpdatePause), until: until}
}

func ailment(cluster *Cluster) string {
	if cluster.Deleting {
		return "somebody has deleted it"
	}
	return cluster.Unhealthy
}
