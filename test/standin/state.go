// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"time"
)

// The values of status.updateStatus.
const (
	expanding   = "expanding"
	operational = "operational"
	failed      = "failed"
	paused      = "paused"
	ignored     = "ignored"
)

// status is the part of an object's status that all kinds share.
type status struct {
	UpdateStatus       string `json:"updateStatus,omitempty"`
	Reason             string `json:"reason,omitempty"`
	ObservedGeneration int64  `json:"observedGeneration,omitempty"`
}

// observed is all that a decision about a VMCluster, VMAgent or VMAuth rests on.
type observed struct {
	orders
	// generation is the one that is played: the object's own, or under Stale
	// the last one that was observed.
	generation int64
	// changed tells that the spec differs from the last one applied.
	changed bool
	paused  bool
	status  status
	// since is when the spec that is in force was noticed; zero if that was
	// before the stand-in started.
	since time.Time
}

// decision is what to do about an object. The zero decision does nothing.
type decision struct {
	// status is what to report; nil leaves it as it is.
	status *status
	// takeUp makes the spec that is played the last one applied.
	takeUp bool
	// begin makes now the moment since which the spec is in force.
	begin bool
	// stage is how far the workloads get.
	stage stage
	// requeueAfter is when to look again if nothing happens; zero is never.
	requeueAfter time.Duration
}

// decide is what the stand-in does about an object, without doing it.
func decide(o observed, now time.Time) decision {
	switch {
	case o.behaviour == Deaf:
		return decision{}
	case o.behaviour == Stale && (o.status.ObservedGeneration == 0 || o.status.UpdateStatus == paused):
		return decision{}
	case o.paused:
		return decision{status: o.report(paused, o.status.Reason)}
	case o.changed:
		return o.takeUp()
	}
	return o.carryOn(now)
}

// takeUp begins the update to a new spec.
func (o observed) takeUp() decision {
	d := decision{takeUp: true, begin: true, stage: begun, requeueAfter: o.lag}
	d.status = o.report(expanding, "")
	if o.behaviour == FalseOperational {
		d.status = o.report(operational, "")
	}
	return d
}

// carryOn goes on with a spec that was taken up before.
func (o observed) carryOn(now time.Time) decision {
	remaining, begin := o.remaining(now)
	switch {
	case o.behaviour == Stuck:
		return decision{status: o.report(expanding, ""), stage: begun}
	case o.behaviour == FalseOperational && remaining > 0:
		return decision{status: o.report(operational, ""), begin: begin, stage: begun, requeueAfter: remaining}
	case remaining > 0:
		return decision{begin: begin, stage: begun, requeueAfter: remaining}
	case o.behaviour == Fail:
		return decision{status: o.report(failed, o.reason), stage: begun}
	case o.behaviour == Unready:
		return decision{status: o.report(operational, ""), stage: unready}
	}
	return decision{status: o.report(operational, ""), stage: converged}
}

// remaining returns the rest of the lag, and whether it only begins to run: the
// object was expanding when the stand-in started.
func (o observed) remaining(now time.Time) (rest time.Duration, begin bool) {
	switch {
	case !o.since.IsZero():
		return o.since.Add(o.lag).Sub(now), false
	case o.status.UpdateStatus == expanding:
		return o.lag, true
	}
	return 0, false
}

func (o observed) report(updateStatus, reason string) *status {
	return &status{UpdateStatus: updateStatus, Reason: reason, ObservedGeneration: o.generation}
}
