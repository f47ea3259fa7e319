// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// PlanRollout reads everything anew and tells what would be done about an object, be it
// stored like that or not. It writes nothing: what a write would meet, a dry run tells.
//
// The plan holds values of the specs of VMClusters. Whose they are to see is for the
// caller to decide.
func (c *Controller) PlanRollout(ctx context.Context, object *vmdistributed.VMDistributedCluster) (*vmdistributed.VMDistributedClusterPlan, error) {
	for range reportAttempts - 1 {
		plan, err := c.planRollout(ctx, object)
		if !isRace(err) {
			return plan, err
		}
	}
	return c.planRollout(ctx, object)
}

// planRollout makes one plan, of one look at everything.
func (c *Controller) planRollout(ctx context.Context, object *vmdistributed.VMDistributedCluster) (*vmdistributed.VMDistributedClusterPlan, error) {
	look := c.live.look(ctx, object)
	defer look.ahead(len(object.Spec.VMUsers) > 0)()
	// What is only observed is foretold with all its guards.
	foreseen := object.DeepCopy()
	foreseen.Spec.ManagementPolicy = vmdistributed.ManagementPolicyObserve
	view, err := (&observer{source: look, trial: c.dry.try}).observe(ctx, foreseen, c.clock.Now())
	if err != nil {
		return nil, err
	}
	p := &pass{object: foreseen, view: view, decision: rollout.Decide(view.Observed), evidence: c.reports.Look()}
	for p.gather(ctx) {
		p.decision = rollout.Decide(view.Observed)
	}
	held := view.Observed
	held.Observing = object.Spec.ManagementPolicy == vmdistributed.ManagementPolicyObserve
	plan := &vmdistributed.VMDistributedClusterPlan{Revision: view.revision(), HeldBy: held.HeldBy()}
	for i := range view.Zones {
		zone := &view.Zones[i]
		plan.Zones = append(plan.Zones, plannedZone(zone, &p.decision, i, view.zones[zone.Name]))
	}
	for i := range view.Strays {
		if stray := &view.Strays[i]; stray.Drained() {
			plan.Zones = append(plan.Zones, vmdistributed.PlannedZone{
				Name: stray.Name, Source: vmdistributed.ZoneUnlisted, Phase: vmdistributed.ZonePhase(p.decision.Strays[i].Record.Phase), WouldDo: vmdistributed.ZoneWouldFinish,
			})
		}
	}
	plan.Steps = plannedSteps(view.Observed, &p.decision)
	plan.EstimateSeconds = estimate(view.Observed, &p.decision)
	return plan, nil
}

const (
	// plannedChanges is how many places a plan names.
	plannedChanges = 1000
	// plannedValue is how many bytes of a value it shows.
	plannedValue = 4096
)

func plannedZone(zone *rollout.Zone, decision *rollout.Decision, i int, seen *zoneView) vmdistributed.PlannedZone {
	state, look := &decision.Zones[i], &decision.Outlook[i]
	planned := vmdistributed.PlannedZone{
		Name:              zone.Name,
		Source:            vmdistributed.ZoneReferenced,
		Phase:             vmdistributed.ZonePhase(state.Record.Phase),
		WouldDo:           vmdistributed.ZoneAction(look.Would),
		Turn:              int32(look.Turn),
		RevisionWanted:    zone.Revision,
		RevisionApplied:   seen.applied,
		LastUpdateSeconds: int64(zone.Record.Took.Round(time.Second) / time.Second),
	}
	if zone.Inline {
		planned.Source = vmdistributed.ZoneInline
	}
	for _, refusal := range look.Refusals {
		planned.RefusedBy = append(planned.RefusedBy, refusal.String())
	}
	planned.Changes, planned.MoreChanges = changesOf(seen, plannedChanges, plannedValue)
	if reading := zone.Queues.Reading; reading != nil && reading.Missing == "" && reading.Room >= 0 && len(reading.Replicas) > 0 {
		planned.QueuesLastSeconds = ptr.To(int64(reading.Room / time.Second))
	}
	return planned
}

// begun is true for a zone that a change was begun of, and is not at its end: it has no
// turn any more.
func begun(decision *rollout.Decision, i int) bool {
	look, record := &decision.Outlook[i], &decision.Zones[i].Record
	if look.Would != rollout.WouldChange || look.Turn > 0 {
		return false
	}
	switch record.Phase {
	case rollout.Draining, rollout.Updating, rollout.Flushing, rollout.Restoring:
		return true
	}
	return !record.Drained.IsZero()
}

// inOrder are the zones about which something would be done: those in work first, then
// by their turns. Those whose turn can't come as things stand are left out.
func inOrder(decision *rollout.Decision) []int {
	var order []int
	for i := range decision.Outlook {
		if look := &decision.Outlook[i]; look.Turn > 0 || look.Would == rollout.WouldFinish || begun(decision, i) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(decision.Outlook[a].Turn, decision.Outlook[b].Turn) })
	return order
}

// plannedSteps are all steps in their order.
func plannedSteps(seen rollout.Observed, decision *rollout.Decision) []vmdistributed.PlannedStep {
	var steps []vmdistributed.PlannedStep
	order := inOrder(decision)
	approvals := seen.Approvals(decision, order)
	for position, i := range order {
		zone := &seen.Zones[i]
		add := func(action vmdistributed.PlannedAction, about ...string) {
			steps = append(steps, vmdistributed.PlannedStep{Zone: zone.Name, Action: action, About: about})
		}
		if approvals[i] {
			add(vmdistributed.PlanApprove)
		}
		switch decision.Outlook[i].Would {
		case rollout.WouldCreate:
			add(vmdistributed.PlanCreate)
		case rollout.WouldMark:
			add(vmdistributed.PlanMark)
		case rollout.WouldChange, rollout.WouldFinish:
			changeSteps(zone, decision.Outlook[i].Would, add)
			if later := order[position+1:]; seen.Strategy.UpdatePause > 0 && slices.ContainsFunc(later, func(j int) bool { return decision.Outlook[j].Would == rollout.WouldChange }) {
				add(vmdistributed.PlanBake, seen.Strategy.UpdatePause.String())
			}
		}
	}
	return steps
}

// changeSteps are those of one existing zone, as far as they are not behind it.
func changeSteps(zone *rollout.Zone, would rollout.Would, add func(vmdistributed.PlannedAction, ...string)) {
	changes := would == rollout.WouldChange
	if changes && len(zone.Reads.Open) > 0 {
		add(vmdistributed.PlanDrain, zone.Reads.Open...)
	}
	if changes {
		add(vmdistributed.PlanUpdate)
	}
	if zone.Queues.Gate == rollout.Gated {
		add(vmdistributed.PlanFlush)
	}
	if away := slices.Concat(zone.Reads.Open, zone.Reads.Drained); len(away) > 0 && (changes || len(zone.Reads.Drained) > 0) {
		add(vmdistributed.PlanRestore, away...)
	}
}

// estimate is how long the steps would take together, by the last updates: of a zone
// that has had none, as long as that of the others which took longest. Nil where there
// has been none at all.
func estimate(seen rollout.Observed, decision *rollout.Decision) *int64 {
	var longest, total time.Duration
	for i := range seen.Zones {
		longest = max(longest, seen.Zones[i].Record.Took)
	}
	if longest == 0 {
		return nil
	}
	changed := 0
	for _, i := range inOrder(decision) {
		if would := decision.Outlook[i].Would; would != rollout.WouldChange && would != rollout.WouldFinish {
			continue
		}
		if changed++; changed > 1 {
			total += seen.Strategy.UpdatePause
		}
		total += cmp.Or(seen.Zones[i].Record.Took, longest)
	}
	return ptr.To(int64(total.Round(time.Second) / time.Second))
}
