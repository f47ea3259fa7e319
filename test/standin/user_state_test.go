// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	typeOfA = "a.ns.vmauth.victoriametrics.com/Applied"
	typeOfB = "b.ns.vmauth.victoriametrics.com/Applied"
)

func TestDecideUserFollowsTheOperator(t *testing.T) {
	const lag = 2 * time.Second
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	stamp := metav1.NewTime(now.Truncate(time.Second))
	long := metav1.NewTime(now.Add(-time.Hour).Truncate(time.Second))

	applied := func(conditionType string, generation int64, at metav1.Time) condition {
		return condition{Type: conditionType, Status: metav1.ConditionTrue, ObservedGeneration: generation, LastTransitionTime: at, LastUpdateTime: at, Reason: appliedReason}
	}
	refused := func(conditionType string, generation int64, at metav1.Time, message string) condition {
		c := applied(conditionType, generation, at)
		c.Status, c.Message = metav1.ConditionFalse, message
		return c
	}
	says := func(updateStatus, reason string, generation int64, conditions ...condition) userStatus {
		return userStatus{status: status{UpdateStatus: updateStatus, Reason: reason, ObservedGeneration: generation}, Conditions: conditions}
	}
	auth := func(name string, change func(*servingAuth)) servingAuth {
		result := servingAuth{orders: orders{lag: lag}, namespace: "ns", name: name, selects: true}
		if change != nil {
			change(&result)
		}
		return result
	}
	renewed := applied(typeOfA, 2, long)
	renewed.LastUpdateTime = stamp
	before := says(operational, "", 1, applied(typeOfA, 1, long))

	for name, c := range map[string]struct {
		status userStatus
		age    time.Duration
		orders orders
		auths  []servingAuth
		want   userStatus
		again  time.Duration
	}{
		"a user that nobody selects has no status": {auths: []servingAuth{auth("a", func(a *servingAuth) { a.selects = false })}},
		"the lag leaves the conditions as they were": {
			status: before, age: time.Second, auths: []servingAuth{auth("a", nil)}, want: before, again: time.Second,
		},
		"after the lag the condition is current": {
			status: before, age: lag, auths: []servingAuth{auth("a", nil)}, want: says(operational, "", 2, renewed),
		},
		"a slow VMAuth comes later than another one": {
			age: lag, auths: []servingAuth{auth("a", nil), auth("b", func(a *servingAuth) { a.lag, a.ownLag = time.Minute, true })},
			want: says(operational, "", 2, applied(typeOfA, 2, stamp)), again: time.Minute - lag,
		},
		"the lag of the user goes before that of the VMAuth": {
			age: lag, orders: orders{lag: time.Second, ownLag: true}, auths: []servingAuth{auth("b", func(a *servingAuth) { a.lag, a.ownLag = time.Minute, true })},
			want: says(operational, "", 2, applied(typeOfB, 2, stamp)),
		},
		"an invalid user fails": {
			age: lag, auths: []servingAuth{auth("a", func(a *servingAuth) { a.problem = "no" })},
			want: says(failed, "no", 2, refused(typeOfA, 2, stamp, "no")),
		},
		"a user that one VMAuth applied is operational": {
			age: lag, auths: []servingAuth{auth("a", nil), auth("b", func(a *servingAuth) { a.problem = "no" })},
			want: says(operational, "1 VMAuth applied it, 1 did not: no", 2, applied(typeOfA, 2, stamp), refused(typeOfB, 2, stamp, "no")),
		},
		"a target that is gone shows without lag": {
			status: says(operational, "", 2, applied(typeOfA, 2, long)), age: 0, auths: []servingAuth{auth("a", func(a *servingAuth) { a.problem = "gone" })},
			want: says(failed, "gone", 2, refused(typeOfA, 2, stamp, "gone")),
		},
		"a VMAuth that does not select it any more releases it": {
			status: before, age: lag, auths: []servingAuth{auth("a", func(a *servingAuth) { a.selects = false })},
			want: userStatus{status: status{UpdateStatus: ignored, ObservedGeneration: 2}, Conditions: []condition{}},
		},
		"the condition of a VMAuth that is gone stays": {
			status: says(operational, "", 1, applied(typeOfB, 1, long)), age: lag, auths: []servingAuth{auth("a", nil)},
			want: says(operational, "", 2, applied(typeOfB, 1, long), applied(typeOfA, 2, stamp)),
		},
		"fail refuses": {
			status: before, age: lag, orders: orders{behaviour: Fail, reason: "told to"}, auths: []servingAuth{auth("a", nil)},
			want: says(failed, "told to", 2, refused(typeOfA, 2, stamp, "told to")),
		},
		"stuck leaves the conditions": {status: before, age: lag, orders: orders{behaviour: Stuck}, auths: []servingAuth{auth("a", nil)}, want: before},
		"stale leaves the conditions": {status: before, age: lag, orders: orders{behaviour: Stale}, auths: []servingAuth{auth("a", nil)}, want: before},
		"deaf leaves the conditions":  {status: before, age: lag, orders: orders{behaviour: Deaf}, auths: []servingAuth{auth("a", nil)}, want: before},
		"a VMAuth that is stuck leaves its condition": {
			status: before, age: lag, auths: []servingAuth{auth("a", func(a *servingAuth) { a.behaviour = Stuck })}, want: before,
		},
		"false-operational claims a generation that no VMAuth has applied": {
			status: before, age: time.Second, orders: orders{behaviour: FalseOperational, lag: lag}, auths: []servingAuth{auth("a", nil)},
			want: says(operational, "", 2, applied(typeOfA, 1, long)), again: time.Second,
		},
		"false-operational comes true after the lag": {
			status: before, age: lag, orders: orders{behaviour: FalseOperational, lag: lag}, auths: []servingAuth{auth("a", nil)}, want: says(operational, "", 2, renewed),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.orders.lag == 0 {
				c.orders.lag = lag
			}
			u := observedUser{orders: c.orders, generation: 2, status: c.status, since: now.Add(-c.age), auths: c.auths}
			got, again := decideUser(u, now)
			expect(t, got, c.want)
			expect(t, again, c.again)

			u.status = got
			once, _ := decideUser(u, now)
			expect(t, once, got)
		})
	}
}
