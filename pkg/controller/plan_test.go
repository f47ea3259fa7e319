// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// amidRollout is an object whose first zone is in a phase of its change, with the second
// one still to come.
func amidRollout(phase rollout.Phase, would rollout.Would, first rollout.Reads) (rollout.Observed, *rollout.Decision) {
	var seen rollout.Observed
	seen.Zones = []rollout.Zone{{Name: "a", Reads: first}, {Name: "b", Reads: rollout.Reads{Open: []string{"read"}}}}
	decision := &rollout.Decision{Zones: make([]rollout.ZoneState, 2), Outlook: []rollout.Outlook{{Would: would}, {Would: rollout.WouldChange, Turn: 1}}}
	for i := range seen.Zones {
		seen.Zones[i].Queues.Gate = rollout.Gated
		seen.Zones[i].Record.Took = time.Minute
	}
	decision.Zones[0].Record.Phase, decision.Zones[1].Record.Phase = phase, rollout.Pending
	return seen, decision
}

func TestAPlanBeginsWithWhatIsLeftOfTheZoneInWork(t *testing.T) {
	const next = " b:DrainReads b:UpdateCluster b:FlushQueues b:RestoreReads"
	away, open := rollout.Reads{Drained: []string{"read"}}, rollout.Reads{Open: []string{"read"}}
	for name, test := range map[string]struct {
		phase rollout.Phase
		would rollout.Would
		reads rollout.Reads
		want  string
	}{
		"about to be drained":      {rollout.Draining, rollout.WouldChange, open, "a:DrainReads a:UpdateCluster a:FlushQueues a:RestoreReads"},
		"drained, and not written": {rollout.Draining, rollout.WouldChange, away, "a:UpdateCluster a:FlushQueues a:RestoreReads"},
		"being written":            {rollout.Updating, rollout.WouldChange, away, "a:UpdateCluster a:FlushQueues a:RestoreReads"},
		"written":                  {rollout.Flushing, rollout.WouldFinish, away, "a:FlushQueues a:RestoreReads"},
	} {
		t.Run(name, func(t *testing.T) {
			seen, decision := amidRollout(test.phase, test.would, test.reads)
			got := ""
			for _, step := range plannedSteps(seen, decision) {
				got += fmt.Sprintf(" %s:%s", step.Zone, step.Action)
			}
			if want := " " + test.want + next; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if took := estimate(seen, decision); took == nil || *took != 120 {
				t.Errorf("the estimate is %v, want that of both zones", took)
			}
		})
	}
}

func TestAPlanLeavesOutAZoneWhoseTurnCanNotCome(t *testing.T) {
	seen, decision := amidRollout(rollout.Pending, rollout.WouldChange, rollout.Reads{})
	for _, step := range plannedSteps(seen, decision) {
		if step.Zone == "a" {
			t.Errorf("%s of zone a is among the steps", step.Action)
		}
	}
}

func TestAPlanTellsBeforeWhichZonesTheUserWillBeAsked(t *testing.T) {
	const change = "DrainReads UpdateCluster FlushQueues RestoreReads"
	for approval, want := range map[rollout.Approval]string{
		"":                     "",
		rollout.AfterFirstZone: " b:WaitForApproval",
		rollout.EveryZone:      " b:WaitForApproval c:WaitForApproval",
	} {
		var seen rollout.Observed
		seen.Strategy.Approval = approval
		decision := &rollout.Decision{}
		for i, name := range []string{"a", "b", "c"} {
			seen.Zones = append(seen.Zones, rollout.Zone{Name: name, Cluster: &rollout.Cluster{}})
			decision.Zones = append(decision.Zones, rollout.ZoneState{})
			decision.Outlook = append(decision.Outlook, rollout.Outlook{Would: rollout.WouldChange, Turn: i + 1})
		}
		got := ""
		for _, step := range plannedSteps(seen, decision) {
			if !strings.Contains(change, string(step.Action)) {
				got += fmt.Sprintf(" %s:%s", step.Zone, step.Action)
			}
		}
		if got != want {
			t.Errorf("under %q got %q, want %q", approval, got, want)
		}
	}
}
