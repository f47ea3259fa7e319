// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"testing"
	"time"
)

func TestDecideFollowsTheOperator(t *testing.T) {
	const lag = 2 * time.Second
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	before, after := now.Add(-time.Second), now.Add(-lag)
	said := func(updateStatus string, generation int64) *status {
		return &status{UpdateStatus: updateStatus, ObservedGeneration: generation}
	}
	with := func(b Behaviour) orders { return orders{behaviour: b, reason: "told to", lag: lag} }
	updating := status{UpdateStatus: expanding, ObservedGeneration: 2}
	settled := status{UpdateStatus: operational, ObservedGeneration: 1}
	broken := &status{UpdateStatus: failed, Reason: "told to", ObservedGeneration: 2}

	for name, c := range map[string]struct {
		in   observed
		want decision
	}{
		"a new object expands": {
			observed{orders: with(Normal), generation: 1, changed: true},
			decision{status: said(expanding, 1), takeUp: true, begin: true, stage: begun, requeueAfter: lag},
		},
		"a changed spec expands with its generation": {
			observed{orders: with(Normal), generation: 2, changed: true, status: settled, since: after},
			decision{status: said(expanding, 2), takeUp: true, begin: true, stage: begun, requeueAfter: lag},
		},
		"a generation with the same spec does not expand": {
			observed{orders: with(Normal), generation: 2, status: settled, since: after},
			decision{status: said(operational, 2), stage: converged},
		},
		"the lag leaves the status as it is": {
			observed{orders: with(Normal), generation: 2, status: updating, since: before},
			decision{stage: begun, requeueAfter: time.Second},
		},
		"after the lag the object is operational": {
			observed{orders: with(Normal), generation: 2, status: updating, since: after},
			decision{status: said(operational, 2), stage: converged},
		},
		"an update that is older than the stand-in has its lag again": {
			observed{orders: with(Normal), generation: 2, status: updating},
			decision{begin: true, stage: begun, requeueAfter: lag},
		},
		"an operational object that is older than the stand-in stays operational": {
			observed{orders: with(Normal), generation: 1, status: settled},
			decision{status: said(operational, 1), stage: converged},
		},
		"a failed object recovers without expanding": {
			observed{orders: with(Normal), generation: 2, status: *broken, since: after},
			decision{status: said(operational, 2), stage: converged},
		},
		"a paused object is reported with its generation and left alone": {
			observed{orders: with(Normal), generation: 3, changed: true, paused: true, status: *broken},
			decision{status: &status{UpdateStatus: paused, Reason: "told to", ObservedGeneration: 3}},
		},
		"paused goes before failing": {
			observed{orders: with(Fail), generation: 3, paused: true, status: settled},
			decision{status: said(paused, 3)},
		},
		"an unpaused object with the same spec is operational at once": {
			observed{orders: with(Normal), generation: 4, status: status{UpdateStatus: paused, ObservedGeneration: 3}, since: after},
			decision{status: said(operational, 4), stage: converged},
		},
		"fail lets a new spec expand": {
			observed{orders: with(Fail), generation: 2, changed: true, status: settled, since: after},
			decision{status: said(expanding, 2), takeUp: true, begin: true, stage: begun, requeueAfter: lag},
		},
		"fail fails after the lag": {
			observed{orders: with(Fail), generation: 2, status: updating, since: after},
			decision{status: broken, stage: begun},
		},
		"fail fails what was operational at once": {
			observed{orders: with(Fail), generation: 2, status: status{UpdateStatus: operational, ObservedGeneration: 2}},
			decision{status: broken, stage: begun},
		},
		"stuck expands whatever the time": {
			observed{orders: with(Stuck), generation: 2, status: status{UpdateStatus: operational, ObservedGeneration: 2}, since: after},
			decision{status: said(expanding, 2), stage: begun},
		},
		"false-operational claims a new generation at once": {
			observed{orders: with(FalseOperational), generation: 2, changed: true, status: settled, since: after},
			decision{status: said(operational, 2), takeUp: true, begin: true, stage: begun, requeueAfter: lag},
		},
		"false-operational keeps the workloads back until the lag is over": {
			observed{orders: with(FalseOperational), generation: 2, status: status{UpdateStatus: operational, ObservedGeneration: 2}, since: before},
			decision{status: said(operational, 2), stage: begun, requeueAfter: time.Second},
		},
		"false-operational comes true after the lag": {
			observed{orders: with(FalseOperational), generation: 2, status: status{UpdateStatus: operational, ObservedGeneration: 2}, since: after},
			decision{status: said(operational, 2), stage: converged},
		},
		"unready has the lag of any update": {
			observed{orders: with(Unready), generation: 2, status: updating, since: before},
			decision{stage: begun, requeueAfter: time.Second},
		},
		"unready is operational all the same": {
			observed{orders: with(Unready), generation: 2, status: updating, since: after},
			decision{status: said(operational, 2), stage: unready},
		},
		"stale does nothing about what was never observed": {
			observed{orders: with(Stale), generation: 1, changed: true},
			decision{},
		},
		"stale leaves a paused object paused": {
			observed{orders: with(Stale), generation: 3, status: status{UpdateStatus: paused, ObservedGeneration: 3}},
			decision{},
		},
		"stale completes the generation that was observed": {
			observed{orders: with(Stale), generation: 2, status: updating, since: after},
			decision{status: said(operational, 2), stage: converged},
		},
		"deaf does nothing": {
			observed{orders: with(Deaf), generation: 2, changed: true, paused: true, status: settled},
			decision{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := decide(c.in, now)
			expect(t, got, c.want)
		})
	}
}

// A decision that is carried out and decided again must come to the same, or
// the stand-in would run in circles.
func TestDecideComesToRest(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, behaviour := range Behaviours() {
		for _, lag := range []time.Duration{0, time.Second} {
			for _, isPaused := range []bool{false, true} {
				o := observed{orders: orders{behaviour: behaviour, reason: "r", lag: lag}, generation: 1, changed: true, paused: isPaused}
				for range 3 {
					o = o.after(decide(o, now), now)
				}
				settled := o.after(decide(o, now), now)
				expect(t, settled.status, o.status)
				if lag == 0 && decide(o, now).requeueAfter != 0 {
					t.Errorf("%q without lag, paused %v: wants to be looked at again though nothing is to come", behaviour, isPaused)
				}
			}
		}
	}
}

// after is what is observed when a decision was carried out.
func (o observed) after(d decision, now time.Time) observed {
	if d.status != nil {
		o.status = *d.status
	}
	if d.takeUp {
		o.changed = false
	}
	if d.begin {
		o.since = now
	}
	return o
}
