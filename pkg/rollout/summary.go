// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
)

// The operator's words for the state of an object.
const (
	StatusExpanding   = "expanding"
	StatusOperational = "operational"
	StatusFailed      = "failed"
	StatusPaused      = "paused"
)

// Condition is a condition of the object, less its times.
type Condition struct {
	Type    string
	True    bool
	Reason  string
	Message string
}

// Summary is the state of the object as a whole.
type Summary struct {
	// UpdateStatus is one of the operator's words.
	UpdateStatus string
	// Reason explains it where it is expanding or failed.
	Reason string
	// Updated and Ready count zones.
	Updated, Ready int
	// Conditions are Ready, Progressing, Reconciling, Stalled, Paused, Degraded.
	Conditions []Condition
}

// Complete is true where every zone is what is wanted, in good health.
func (s *Summary) Complete() bool { return s.UpdateStatus == StatusOperational }

// Summarise draws the zones together.
func Summarise(o Observed, d Decision) Summary {
	v := view(o, d)
	s := Summary{Updated: v.updated, Ready: v.ready}
	s.UpdateStatus, s.Reason = v.updateStatus()
	s.Conditions = []Condition{
		v.readyCondition(),
		v.progressing(),
		v.reconciling(),
		v.stalledCondition(),
		v.pausedCondition(),
		v.degradedCondition(),
	}
	return s
}

// overview is what the conditions are drawn from.
type overview struct {
	paused, leaving       bool
	total, updated, ready int
	busy                  *ZoneState // in work
	baking                *ZoneState
	waiting               *ZoneState
	stalled               *ZoneState // only the user can bring it on
	degraded              *ZoneState // exists, is not healthy and not in work
}

func view(o Observed, d Decision) overview {
	v := overview{paused: o.Paused, leaving: o.Deletion != nil, total: len(d.Zones)}
	for i := range d.Zones {
		zone := &d.Zones[i]
		if zone.Updated {
			v.updated++
		}
		if zone.Ready {
			v.ready++
		}
		v.place(zone)
	}
	return v
}

// place notes the first zone of each sort.
func (v *overview) place(zone *ZoneState) {
	first := func(slot **ZoneState) {
		if *slot == nil {
			*slot = zone
		}
	}
	if zone.Hold {
		first(&v.stalled)
	}
	switch zone.Record.Phase {
	case Creating, Updating:
		first(&v.busy)
	case Baking:
		first(&v.baking)
	case Pending, Missing, Leaving:
		first(&v.waiting)
	case Failed:
		first(&v.stalled)
		first(&v.degraded)
	case Unhealthy:
		first(&v.degraded)
	}
}

func (v *overview) complete() bool { return v.ready == v.total && !v.leaving }

func (v *overview) updateStatus() (status, reason string) {
	switch {
	case v.paused && !v.leaving:
		return StatusPaused, ""
	case v.complete():
		return StatusOperational, ""
	case v.stalled != nil:
		return StatusFailed, about(v.stalled)
	}
	return StatusExpanding, v.message()
}

// message says what happens, or is waited for, in one sentence.
func (v *overview) message() string {
	for _, zone := range []*ZoneState{v.stalled, v.busy, v.degraded, v.baking, v.waiting} {
		if zone != nil {
			return about(zone)
		}
	}
	return fmt.Sprintf("%d of %d zones are updated and healthy", v.ready, v.total)
}

func about(zone *ZoneState) string {
	if zone.WaitingFor == "" {
		return fmt.Sprintf("zone %s is %s", zone.Name, strings.ToLower(string(zone.Record.Phase)))
	}
	return fmt.Sprintf("zone %s is %s, waiting for %s", zone.Name, strings.ToLower(string(zone.Record.Phase)), zone.WaitingFor)
}

func (v *overview) readyCondition() Condition {
	if v.complete() {
		return Condition{"Ready", true, "AllZonesReady", fmt.Sprintf("%d of %d zones are updated and healthy", v.ready, v.total)}
	}
	return Condition{"Ready", false, v.reason(), v.message()}
}

// reason is why the object is not ready.
func (v *overview) reason() string {
	switch {
	case v.leaving:
		return "Deleting"
	case v.stalled != nil:
		return v.stalled.Reason
	case v.paused:
		return "RolloutPaused"
	case v.busy != nil && v.busy.Record.Phase == Creating:
		return "ZoneCreating"
	case v.busy != nil:
		return "ZoneUpdating"
	case v.degraded != nil:
		return v.degraded.Reason
	case v.baking != nil:
		return ReasonBaking
	case v.waiting != nil:
		return v.waiting.Reason
	}
	return "RolloutCompleted"
}

func (v *overview) progressing() Condition {
	switch {
	case v.complete():
		return Condition{"Progressing", true, "RolloutCompleted", fmt.Sprintf("%d of %d zones are updated and healthy", v.ready, v.total)}
	case v.stalled != nil, v.paused && !v.leaving:
		return Condition{"Progressing", false, v.reason(), v.message()}
	}
	return Condition{"Progressing", true, v.reason(), v.message()}
}

// reconciling is for kstatus: true while there is more to come. A paused object
// that is not complete is in progress, never failed.
func (v *overview) reconciling() Condition {
	switch {
	case v.complete():
		return Condition{"Reconciling", false, "RolloutCompleted", "nothing is left to do"}
	case v.stalled != nil && !v.paused:
		return Condition{"Reconciling", false, v.reason(), "the rollout stands still; see Stalled"}
	}
	return Condition{"Reconciling", true, v.reason(), v.message()}
}

func (v *overview) stalledCondition() Condition {
	if v.stalled != nil && !v.paused {
		return Condition{"Stalled", true, v.stalled.Reason, about(v.stalled)}
	}
	return Condition{"Stalled", false, "NotStalled", "nothing waits for the user"}
}

func (v *overview) pausedCondition() Condition {
	if v.paused {
		return Condition{"Paused", true, "RolloutPaused", "spec.paused is set: no VMCluster, VMAgent or VMUser is written"}
	}
	return Condition{"Paused", false, "NotPaused", "spec.paused is not set"}
}

func (v *overview) degradedCondition() Condition {
	if v.degraded != nil {
		return Condition{"Degraded", true, v.degraded.Reason, about(v.degraded)}
	}
	return Condition{"Degraded", false, "ZonesHealthy", "no zone is unhealthy other than by an update under way"}
}
