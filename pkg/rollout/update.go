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
		state.set(Pending, blocked.reason, blocked.waitingFor)
		state.Hold = blocked.hold
		d.wakeAt(o.Now, blocked.until)
		return
	}
	if d.Action.Type != Nothing {
		// One step at a time: what is proposed comes first.
		state.set(Pending, ReasonWaitingForOtherZone, "its turn")
		return
	}
	begin(o, zone, state, Updating)
	d.Action = Action{UpdateCluster, zone.Name}
}

// outdated zones are those that have to be changed and may be.
func outdated(zone *Zone, state *ZoneState) bool {
	return zone.Cluster != nil && zone.Cluster.Difference == Spec && !zone.Cluster.Deleting && state.Record.Phase != Refused
}

// candidate is the most urgent zone, the first in the list among equals. -1 if
// none is outdated.
func candidate(o *Observed, d *Decision) int {
	next := -1
	for i := range o.Zones {
		if !outdated(&o.Zones[i], &d.Zones[i]) {
			continue
		}
		if next < 0 || urgency(&o.Zones[i]) > urgency(&o.Zones[next]) {
			next = i
		}
	}
	return next
}

// urgency ranks zones: what is unfinished comes first. But one that is healthy
// has not been disturbed, and must not stand before others that are not: they
// hold it back, and the change may be what repairs them.
func urgency(zone *Zone) int {
	switch healthy, unfinished := zone.Cluster.Healthy(), zone.Record.inFlight(); {
	case !healthy && unfinished:
		return 3
	case !healthy:
		return 2
	case unfinished:
		return 1
	}
	return 0
}

// obstacle is why a zone may not be touched now.
type obstacle struct {
	reason     string
	waitingFor string
	until      time.Time // zero where no moment is known
	hold       bool
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
		if !o.Zones[i].notOurs() {
			healthy++
		}
	}
	if healthy < o.Strategy.MinAvailableZones {
		return &obstacle{reason: ReasonMinAvailableZones, hold: true, waitingFor: fmt.Sprintf(
			"%d other healthy zones, of which there are %d; spec.strategy.minAvailableZones can lower that", o.Strategy.MinAvailableZones, healthy)}
	}
	if refused := refusedBefore(d, next); refused != "" {
		return &obstacle{reason: ReasonBlocked, waitingFor: refused, hold: true}
	}
	return baking(o, d, next)
}

// inProgress names another zone that has been created or changed and has neither
// come to health nor failed, be it refused by now.
func inProgress(o *Observed, d *Decision, next int) string {
	for i := range d.Zones {
		state, cluster := &d.Zones[i], o.Zones[i].Cluster
		if i == next || cluster == nil || cluster.Healthy() || cluster.Deleting {
			continue
		}
		if state.Record.inFlight() && state.Record.Phase != Failed && !overdue(o, &state.Record) {
			return fmt.Sprintf("zone %s, which is in work: %s", state.Name, state.WaitingFor)
		}
	}
	return ""
}

// refusedBefore names a zone earlier in the list that is refused: list order is
// rollout order, so what it was to try out has not been.
func refusedBefore(d *Decision, next int) string {
	for i := range next {
		if state := &d.Zones[i]; state.Record.Phase == Refused {
			return fmt.Sprintf("zone %s, which comes before and is refused: %s", state.Name, state.Reason)
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
