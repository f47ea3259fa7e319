// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"maps"
	"testing"
	"time"
)

// TestADecisionToGiveReadsBackThatIsNotWrittenProvesNoDrain: after a drain that no
// VMAuth has loaded, the change is called off, and the write that gives the reads back
// is refused for longer than it takes until silence counts as proof of one. A change
// that comes then must not take the drain for loaded.
func TestADecisionToGiveReadsBackThatIsNotWrittenProvesNoDrain(t *testing.T) {
	w := sweepWorld()
	w.object.strategy.GracePeriod = 0 // which would hide it
	wanted := func(aborted bool) {
		w.replace(func(o *modelObject) {
			o.aborted = aborted
			o.zones[0].want = w.newContent(good)
		})
	}
	step := func() Action {
		before := maps.Clone(w.actions)
		w.flow()
		w.pass(false)
		w.now = w.now.Add(time.Second)
		for what, n := range w.actions {
			if n != before[what] {
				return Action{Type: what}
			}
		}
		return Action{Type: Nothing}
	}
	for range 30 {
		if step().Type == DrainReads {
			break
		}
	}
	for name, user := range w.users {
		user.applied, user.appliedAt = user.generation, w.now // which no replica loads
		w.users[name] = user
	}
	drained := maps.Clone(w.users)
	wanted(true)
	for range int(silence/time.Second) + 10 {
		step()
		w.users = maps.Clone(drained)
	}
	if w.object.records["a"].Restored.IsZero() || len(w.drained("a")) == 0 {
		t.Fatalf("no decision to give back what is drained: %+v", w.object.records["a"])
	}
	wanted(false)
	for range 300 {
		if step().Type == UpdateCluster || w.complaint != "" {
			t.Fatalf("a drain is taken for loaded that no VMAuth has loaded; %s", w.complaint)
		}
	}
}
