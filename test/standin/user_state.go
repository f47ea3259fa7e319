// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	appliedSuffix = ".victoriametrics.com/Applied"
	appliedReason = "ConfigParsedAndApplied"
)

// condition is one of the operator's own, which is not quite metav1.Condition.
type condition struct {
	Type               string                 `json:"type"`
	Status             metav1.ConditionStatus `json:"status"`
	ObservedGeneration int64                  `json:"observedGeneration,omitempty"`
	LastTransitionTime metav1.Time            `json:"lastTransitionTime"`
	LastUpdateTime     metav1.Time            `json:"lastUpdateTime"`
	Reason             string                 `json:"reason"`
	Message            string                 `json:"message,omitempty"`
}

// userStatus is the status of a VMUser.
type userStatus struct {
	status     `json:",inline"`
	Conditions []condition `json:"conditions,omitempty"`
}

// observedUser is all that a decision about a VMUser rests on.
type observedUser struct {
	orders
	generation int64
	status     userStatus
	// since is when the generation was noticed.
	since time.Time
	auths []servingAuth
}

// servingAuth is a VMAuth, in respect of one VMUser.
type servingAuth struct {
	orders
	namespace, name string
	selects         bool
	// problem is why it cannot serve the VMUser.
	problem string
	// pending tells that it has not got as far as to say so.
	pending bool
}

func (a servingAuth) conditionType() string {
	return fmt.Sprintf("%s.%s.vmauth%s", a.name, a.namespace, appliedSuffix)
}

// silent tells that nothing comes from this VMAuth.
func (a servingAuth) silent() bool {
	return a.behaviour != Normal && a.behaviour != Unready && a.behaviour != FalseOperational
}

// decideUser returns the status to report for a VMUser, and when to look again
// if nothing happens.
func decideUser(u observedUser, now time.Time) (userStatus, time.Duration) {
	next := u.status
	next.Conditions = slices.Clone(u.status.Conditions)
	if u.held() {
		return next, 0
	}
	var again time.Duration
	touched := false
	for _, auth := range u.auths {
		if auth.silent() {
			continue
		}
		if !auth.selects {
			touched = next.release(auth.conditionType()) || touched
			continue
		}
		if rest := u.remaining(auth, now); rest > 0 {
			again = sooner(again, rest)
			continue
		}
		if auth.pending {
			continue
		}
		next.set(u.verdict(auth, now))
		touched = true
	}
	if touched {
		next.ObservedGeneration = u.generation
		next.aggregate()
	}
	if u.behaviour == FalseOperational && again > 0 {
		next.status = status{UpdateStatus: operational, ObservedGeneration: u.generation}
	}
	return next, again
}

// held tells that nothing becomes of the VMUser.
func (u observedUser) held() bool {
	return u.behaviour == Deaf || u.behaviour == Stuck || u.behaviour == Stale
}

// problemAt is why the VMUser cannot be in force at a VMAuth, "" if it can.
func (u observedUser) problemAt(auth servingAuth) string {
	if u.behaviour == Fail {
		return u.reason
	}
	return auth.problem
}

// remaining returns how long a VMAuth still takes to apply the generation. What
// it applied once, it goes on judging without lag.
func (u observedUser) remaining(auth servingAuth, now time.Time) time.Duration {
	applied := func(c condition) bool {
		return c.Type == auth.conditionType() && c.ObservedGeneration == u.generation
	}
	if slices.ContainsFunc(u.status.Conditions, applied) {
		return 0
	}
	lag := u.lag
	if !u.ownLag && auth.ownLag {
		lag = auth.lag
	}
	return u.since.Add(lag).Sub(now)
}

// verdict is the condition that a VMAuth sets.
func (u observedUser) verdict(auth servingAuth, now time.Time) condition {
	at := metav1.NewTime(now.Truncate(time.Second))
	c := condition{
		Type: auth.conditionType(), Status: metav1.ConditionTrue, ObservedGeneration: u.generation,
		LastTransitionTime: at, LastUpdateTime: at, Reason: appliedReason,
	}
	if problem := u.problemAt(auth); problem != "" {
		c.Status, c.Message = metav1.ConditionFalse, problem
	}
	return c
}

// set puts a condition in the place of the one of its type. One that says the
// same as before stays untouched, times included.
func (s *userStatus) set(c condition) {
	i := slices.IndexFunc(s.Conditions, func(old condition) bool { return old.Type == c.Type })
	if i < 0 {
		s.Conditions = append(s.Conditions, c)
		return
	}
	old := s.Conditions[i]
	if old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
		if old.ObservedGeneration == c.ObservedGeneration {
			c.LastUpdateTime = old.LastUpdateTime
		}
	}
	s.Conditions[i] = c
}

// release removes the condition of a VMAuth that no longer selects the VMUser.
func (s *userStatus) release(conditionType string) bool {
	before := len(s.Conditions)
	s.Conditions = slices.DeleteFunc(s.Conditions, func(c condition) bool { return c.Type == conditionType })
	return len(s.Conditions) != before
}

// aggregate derives updateStatus and reason from the conditions: failed only if
// no VMAuth has applied the VMUser, ignored if none is there to apply it.
func (s *userStatus) aggregate() {
	var problems []string
	applied := 0
	for _, c := range s.Conditions {
		switch {
		case !strings.HasSuffix(c.Type, appliedSuffix):
		case c.Status == metav1.ConditionFalse:
			problems = append(problems, c.Message)
		default:
			applied++
		}
	}
	slices.Sort(problems)
	s.Reason = ""
	switch {
	case applied > 0 && len(problems) > 0:
		s.UpdateStatus = operational
		s.Reason = fmt.Sprintf("%d VMAuth applied it, %d did not: %s", applied, len(problems), problems[0])
	case applied > 0:
		s.UpdateStatus = operational
	case len(problems) > 0:
		s.UpdateStatus, s.Reason = failed, problems[0]
	default:
		s.UpdateStatus = ignored
	}
}

// sooner returns the smaller of two delays, where zero is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
