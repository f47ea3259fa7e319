// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
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
		if next < 0 || urgency(o, d, i) > urgency(o, d, next) {
			next = i
		}
	}
	return next
}

// urgency ranks zones: what is unfinished comes first. But one that is healthy
// has not been disturbed, and must not stand before others that are not: they
// hold it back, and the change may be what repairs them.
func urgency(o *Observed, d *Decision, i int) int {
	switch healthy, unfinished := o.Zones[i].Cluster.Healthy(), d.Zones[i].Record.inFlight(); {
	case inWork(o, d, i):
		return 4
	case !healthy && unfinished:
		return 3
	case !healthy:
		return 2
	case unfinished:
		return 1
	}
	return 0
}

// inWork is true for a zone that has been created or changed, has neither come
// to health nor failed, and still may; be it refused by now.
func inWork(o *Observed, d *Decision, i int) bool {
	cluster, record := o.Zones[i].Cluster, &d.Zones[i].Record
	return cluster != nil && record.inFlight() && !cluster.Healthy() &&
		!cluster.Deleting && !cluster.Failed && !overdue(o, record)
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
	for i := range o.Zones {
		if cluster := o.Zones[i].Cluster; i != next && cluster != nil && !cluster.Healthy() {
			return &obstacle{reason: ReasonBlocked, waitingFor: fmt.Sprintf("zone %s to be healthy: %s", o.Zones[i].Name, ailment(cluster))}
		}
	}
	if few := tooFew(o, next); few != nil {
		return few
	}
	if refused := refusedBefore(d, next); refused != "" {
		return &obstacle{reason: ReasonBlocked, waitingFor: refused, hold: true}
	}
	return baking(o, d, next)
}

// tooFew holds a zone back where not enough others would remain, all existing
// ones being healthy. Those that do not exist yet may still come.
func tooFew(o *Observed, next int) *obstacle {
	healthy, toCome := 0, 0
	for i := range o.Zones {
		switch zone := &o.Zones[i]; {
		case i == next:
		case zone.Cluster == nil:
			toCome++
		case !zone.notOurs():
			healthy++
		}
	}
	wanted := o.Strategy.MinAvailableZones
	if healthy >= wanted {
		return nil
	}
	return &obstacle{reason: ReasonMinAvailableZones, hold: healthy+toCome < wanted, waitingFor: fmt.Sprintf(
		"at least %d other zones in good health, there being %d; spec.strategy.minAvailableZones can lower that", wanted, healthy)}
}

// inProgress names another zone that is in work.
func inProgress(o *Observed, d *Decision, next int) string {
	for i := range d.Zones {
		if state := &d.Zones[i]; i != next && inWork(o, d, i) {
			return fmt.Sprintf("zone %s, which is in work: %s", state.Name, cmp.Or(state.WaitingFor, ailment(o.Zones[i].Cluster)))
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
	if o.Strategy.UpdatePause <= 0 {
		return nil // Finished, rounded up for status, may lie ahead of Now
	}
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
