// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// ReportZones reads every cluster anew and tells where its zone stands. It
// writes nothing: what a write would meet, a dry run tells. It asks no pod either,
// but for an object that is only observed: what a zone waits for of them is told by
// status, where the controller writes it down every second for as long as it waits.
//
// The reports hold values of the specs of VMClusters. Whose they are to see is for
// the caller to decide.
func (c *Controller) ReportZones(ctx context.Context, object *vmdistributed.VMDistributedCluster) ([]vmdistributed.ZoneReport, error) {
	for range reportAttempts - 1 {
		reports, err := c.reportZones(ctx, object)
		if !isRace(err) {
			return reports, err
		}
	}
	return c.reportZones(ctx, object)
}

// reportAttempts is how often a report is begun when somebody writes a VMCluster
// between the look at it and its dry run, as the operator does all the while in a
// rollout.
const reportAttempts = 5

// reportZones makes one report, of one look at everything.
func (c *Controller) reportZones(ctx context.Context, object *vmdistributed.VMDistributedCluster) ([]vmdistributed.ZoneReport, error) {
	look := c.live.look(ctx, object)
	defer look.ahead(len(object.Spec.VMUsers) > 0)()
	watching := observer{source: look}
	if !object.Spec.Paused {
		watching.trial = c.dry.try // as a pass of the controller would
	}
	view, err := watching.observe(ctx, object, c.clock.Now())
	if err != nil {
		return nil, err
	}
	p := &pass{object: object, view: view, decision: rollout.Decide(view.Observed), evidence: c.reports.Look()}
	for view.Observing && p.gather(ctx) {
		p.decision = rollout.Decide(view.Observed)
	}
	decision := &p.decision
	var reports []vmdistributed.ZoneReport
	for i := range view.Zones {
		seen := view.zones[view.Zones[i].Name]
		report := zoneReport(&view.Zones[i], &decision.Zones[i], seen)
		if decision.Outlook != nil {
			foretell(&report, &decision.Outlook[i], seen)
		}
		reports = append(reports, report)
	}
	states := decision.Zones
	for i := range view.Strays {
		if stray := &view.Strays[i]; stray.Drained() {
			reports = append(reports, strayReport(&stray.Zone, &decision.Strays[i], view.strays[stray.Name]))
			states = append(states, decision.Strays[i])
		}
	}
	quoteEvidence(reports, states, object.Status.Zones)
	return reports, nil
}

const (
	// maxChanges is how many places a report names.
	maxChanges = 50
	// maxValue is how many bytes of a value it shows.
	maxValue = 256
)

// foretell says what is still to be done about a zone. A guard that lacks what pods
// tell, and nobody has asked them, is left out: waitingFor tells of that.
func foretell(report *vmdistributed.ZoneReport, look *rollout.Outlook, seen *zoneView) {
	report.WouldDo, report.Turn = vmdistributed.ZoneAction(look.Would), int32(look.Turn)
	for _, refusal := range look.Refusals {
		if !refusal.Unasked {
			report.RefusedBy = append(report.RefusedBy, refusal.String())
		}
	}
	report.Changes, report.MoreChanges = changesOf(seen, maxChanges, maxValue)
}

// changesOf is what a write would change in the spec of a VMCluster: so many places,
// and of values so many bytes.
func changesOf(seen *zoneView, places, bytes int) (told []vmdistributed.ZoneChange, more int32) {
	if seen.after == nil {
		return nil, 0
	}
	changes := override.Changes(seen.before, seen.after)
	for _, change := range changes[:min(len(changes), places)] {
		told = append(told, vmdistributed.ZoneChange{Path: change.Path, From: valueText(change.From, bytes), To: valueText(change.To, bytes)})
	}
	return told, int32(len(changes) - len(told))
}

// valueText is a value as JSON, cut off; empty for none.
func valueText(value any, most int) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "" // what was decoded can be encoded
	}
	if len(text) <= most {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:most]), "") + "..."
}

// strayReport is about a zone that the list no longer names: nothing is wanted of
// it.
func strayReport(zone *rollout.Zone, state *rollout.ZoneState, seen *zoneView) vmdistributed.ZoneReport {
	report := zoneReport(zone, state, seen)
	report.Source, report.RevisionWanted = vmdistributed.ZoneUnlisted, ""
	return report
}

// quoteEvidence says what status does of zones that wait for what only pods tell,
// where the reports lack it, and status is about the same wait.
func quoteEvidence(reports []vmdistributed.ZoneReport, states []rollout.ZoneState, known []vmdistributed.ZoneStatus) {
	for i := range reports {
		report := &reports[i]
		j := slices.IndexFunc(known, func(zone vmdistributed.ZoneStatus) bool {
			return zone.Name == report.Name && zone.Phase == report.Phase && aboutPods(zone.Reason)
		})
		if j < 0 || states[i].Needs == 0 || !aboutPods(report.Reason) {
			continue
		}
		lacking, told := report.WaitingFor, known[j].WaitingFor
		report.Reason, report.WaitingFor = known[j].Reason, told
		report.Deadline, report.QueueBytes = known[j].Deadline, known[j].QueueBytes
		for k := range reports {
			// Who waits for this zone says what it waits for.
			if other := &reports[k]; states[k].Needs == 0 && strings.Contains(other.WaitingFor, "zone "+report.Name+",") {
				other.WaitingFor = strings.Replace(other.WaitingFor, lacking, told, 1)
			}
		}
	}
}

// aboutPods is true for reasons that rest on what pods tell, or on nobody's having
// asked them.
func aboutPods(reason string) bool {
	switch reason {
	case rollout.ReasonWaitingForVMAuth, rollout.ReasonReadsInFlight, rollout.ReasonDrainTimeout, rollout.ReasonRestoreTimeout,
		rollout.ReasonWaitingForQueues, rollout.ReasonFlushTimeout, rollout.ReasonDataDropped,
		rollout.ReasonQueuesUnknown, rollout.ReasonQueueRoom, rollout.ReasonProgressDeadline:
		return true
	}
	return false
}

func zoneReport(zone *rollout.Zone, state *rollout.ZoneState, seen *zoneView) vmdistributed.ZoneReport {
	report := vmdistributed.ZoneReport{
		Name: zone.Name,
		Cluster: vmdistributed.ZoneCluster{
			Kind:               victoriametrics.VMClusterKind.Kind,
			Name:               zone.Name,
			Exists:             seen.exists,
			Generation:         seen.cluster.Generation,
			ObservedGeneration: seen.cluster.ObservedGeneration,
			UpdateStatus:       seen.cluster.UpdateStatus,
			Reason:             seen.cluster.Reason,
		},
		Source:          vmdistributed.ZoneReferenced,
		Phase:           vmdistributed.ZonePhase(state.Record.Phase),
		Since:           metav1.Time{Time: state.Record.Since.Truncate(time.Second)},
		Reason:          state.Reason,
		WaitingFor:      state.WaitingFor,
		Deadline:        timeOrNil(rollout.WholeSeconds(state.Deadline)),
		RevisionWanted:  zone.Revision,
		RevisionApplied: seen.applied,
		Ready:           state.Ready,
	}
	if zone.Inline {
		report.Source = vmdistributed.ZoneInline
	}
	return report
}
