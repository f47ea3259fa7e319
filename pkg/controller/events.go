// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/validation"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// event is one sentence of the story that kubectl describe tells.
type event struct {
	kind    string
	reason  string
	message string
}

// storyOptions lets the whole story of a rollout through, which is a handful of
// events for each zone. By default a recorder drops what comes after 25 events
// about one object, and combines what comes after 10 for the same reason.
func storyOptions() record.CorrelatorOptions {
	return record.CorrelatorOptions{
		MaxEvents: validation.MaxZones,
		BurstSize: 8 * validation.MaxZones,
		QPS:       1. / 30,
	}
}

// story tells what has happened between two statuses. Nothing that was true
// before is told again, so that a status written twice makes no event.
func story(before, after *vmdistributed.VMDistributedClusterStatus) []event {
	var events []event
	if begins(before, after) {
		events = append(events, event{corev1.EventTypeNormal, "RolloutStarted",
			fmt.Sprintf("Rolling revision %s out over %s", after.UpdateRevision, zones(len(after.Zones)))})
	}
	if word, said := after.Restarted(); said && before.Rollout != nil && after.Rollout != nil && !after.Rollout.RestartedAt.Equal(before.Rollout.RestartedAt) {
		events = append(events, event{corev1.EventTypeNormal, "RolloutRestarted", fmt.Sprintf("Rolling revision %s out once more over %s: %s", after.UpdateRevision, zones(len(after.Zones)), wordText("restarted", word))})
	}
	if undo := after.Undo; undo != nil && (before.Undo == nil || before.Undo.Revision != undo.Revision || before.Undo.ToRevision != undo.ToRevision) {
		is := meta.FindStatusCondition(after.Conditions, undoneCondition)
		events = append(events, event{corev1.EventTypeWarning, rollout.ReasonUndone, is.Message})
	}
	events = append(events, scrapeEvents(before, after)...)
	known := make(map[string]vmdistributed.ZoneStatus, len(before.Zones))
	for _, zone := range before.Zones {
		known[zone.Name] = zone
	}
	for i := range after.Zones {
		events = append(events, zoneEvents(known[after.Zones[i].Name], &after.Zones[i])...)
	}
	if before.UpdateStatus != after.UpdateStatus && !resumesNothing(before, after) {
		events = append(events, objectEvents(after)...)
	}
	return events
}

// resumesNothing is true where a pause has ended in which there was nothing to do.
func resumesNothing(before, after *vmdistributed.VMDistributedClusterStatus) bool {
	was, is := before.Rollout, after.Rollout
	return before.UpdateStatus == rollout.StatusPaused && after.UpdateStatus == rollout.StatusOperational &&
		was != nil && is != nil && was.Finished != nil && was.Revision == is.Revision && was.Finished.Equal(is.Finished)
}

// begins is true where another revision is to be rolled out, or one that was only
// looked at so far.
func begins(before, after *vmdistributed.VMDistributedClusterStatus) bool {
	if meta.IsStatusConditionTrue(after.Conditions, rollout.ConditionObserving) {
		return false
	}
	released := meta.IsStatusConditionTrue(before.Conditions, rollout.ConditionObserving) && after.UpdateStatus != rollout.StatusOperational
	return released || before.UpdateRevision != after.UpdateRevision
}

// scrapeEvents warns of a VMAgent that does not scrape the zones.
func scrapeEvents(before, after *vmdistributed.VMDistributedClusterStatus) []event {
	is := meta.FindStatusCondition(after.Conditions, scrapedCondition)
	if is == nil || is.Status == metav1.ConditionTrue || is.Reason == victoriametrics.ScrapeSelectorPending {
		return nil
	}
	if was := meta.FindStatusCondition(before.Conditions, scrapedCondition); was != nil && was.Reason == is.Reason {
		return nil
	}
	return []event{{corev1.EventTypeWarning, is.Reason, is.Message}}
}

func zones(count int) string {
	if count == 1 {
		return "1 zone"
	}
	return fmt.Sprintf("%d zones", count)
}

// zoneEvents tells of the end of an update and of what has become of the zone, both of
// which one look at it may find.
func zoneEvents(before vmdistributed.ZoneStatus, after *vmdistributed.ZoneStatus) []event {
	if before.Phase == after.Phase && before.Reason == after.Reason && before.UpdateRevision == after.UpdateRevision {
		return nil
	}
	var events []event
	ended := finished(before, after)
	if ended != nil {
		events = append(events, *ended)
	}
	if ended != nil && after.Phase == vmdistributed.ZoneReady {
		return events // that it has recovered goes without saying
	}
	if turned := zoneEvent(before, after); turned != nil {
		events = append(events, *turned)
	}
	return events
}

// zoneEvent tells what has become of a zone.
func zoneEvent(before vmdistributed.ZoneStatus, after *vmdistributed.ZoneStatus) *event {
	if after.Reason == rollout.ReasonSkipped && before.Reason != after.Reason {
		return &event{corev1.EventTypeWarning, "ZoneSkipped", fmt.Sprintf("Zone %s: left as it is, until %s", after.Name, after.WaitingFor)}
	}
	if after.Phase == vmdistributed.ZoneLeaving && after.Reason == rollout.ReasonReferenced {
		return &event{corev1.EventTypeWarning, after.Reason, fmt.Sprintf("Zone %s: not deleted, waiting for %s", after.Name, after.WaitingFor)}
	}
	if before.Phase == after.Phase && before.UpdateRevision == after.UpdateRevision && after.Phase != vmdistributed.ZoneRefused {
		return nil
	}
	switch after.Phase {
	case vmdistributed.ZoneCreating:
		return &event{corev1.EventTypeNormal, "ZoneCreating", fmt.Sprintf("Zone %s: creating its VMCluster", after.Name)}
	case vmdistributed.ZoneDraining:
		return &event{corev1.EventTypeNormal, "ZoneDraining", fmt.Sprintf("Zone %s: taking its reads away", after.Name)}
	case vmdistributed.ZoneFlushing:
		return &event{corev1.EventTypeNormal, "ZoneFlushing", fmt.Sprintf("Zone %s: healthy; waiting for the queues of the VMAgent", after.Name)}
	case vmdistributed.ZoneRestoring:
		return &event{corev1.EventTypeNormal, "ZoneRestoring", fmt.Sprintf("Zone %s: giving its reads back", after.Name)}
	case vmdistributed.ZoneUpdating:
		return &event{corev1.EventTypeNormal, "ZoneUpdating", fmt.Sprintf("Zone %s: updating to revision %s", after.Name, after.UpdateRevision)}
	case vmdistributed.ZoneFailed:
		return &event{corev1.EventTypeWarning, "ZoneFailed", fmt.Sprintf("Zone %s: %s", after.Name, after.WaitingFor)}
	case vmdistributed.ZoneRefused:
		return &event{corev1.EventTypeWarning, "ZoneRefused", fmt.Sprintf("Zone %s: not touched, waiting for %s", after.Name, after.WaitingFor)}
	case vmdistributed.ZoneUnhealthy:
		return &event{corev1.EventTypeWarning, "ZoneUnhealthy", fmt.Sprintf("Zone %s: %s", after.Name, after.WaitingFor)}
	case vmdistributed.ZoneMissing:
		return &event{corev1.EventTypeWarning, "ZoneMissing", fmt.Sprintf("Zone %s: waiting for %s", after.Name, after.WaitingFor)}
	case vmdistributed.ZoneLeaving:
		return &event{corev1.EventTypeNormal, "ZoneLeaving", fmt.Sprintf("Zone %s: letting go of its VMCluster", after.Name)}
	case vmdistributed.ZoneReady:
		return recovered(before, after)
	}
	return nil
}

// finished tells that an update or a creation came to its end.
func finished(before vmdistributed.ZoneStatus, after *vmdistributed.ZoneStatus) *event {
	if before.UpdateRevision == "" || after.UpdateRevision != "" || after.Revision == "" {
		return nil
	}
	message := fmt.Sprintf("Zone %s: runs revision %s", after.Name, after.Revision)
	if before.UpdateStarted != nil {
		message += fmt.Sprintf(" after %s", after.Since.Sub(before.UpdateStarted.Time).Round(1e9))
	}
	return &event{corev1.EventTypeNormal, "ZoneUpdated", message}
}

func recovered(before vmdistributed.ZoneStatus, after *vmdistributed.ZoneStatus) *event {
	switch before.Phase {
	case vmdistributed.ZoneUnhealthy, vmdistributed.ZoneFailed, vmdistributed.ZoneRefused, vmdistributed.ZoneMissing:
		return &event{corev1.EventTypeNormal, "ZoneReady", fmt.Sprintf("Zone %s: healthy", after.Name)}
	}
	return nil
}

// failure tells of a step that did not succeed, other than for being too slow.
func failure(action rollout.Action, err error) event {
	step := string(action.Type)
	if action.Cluster != "" {
		step += " of zone " + action.Cluster
	}
	return event{corev1.EventTypeWarning, "StepFailed", fmt.Sprintf("%s failed, and is tried again: %v", step, err)}
}

// held says why nothing is written.
func held(after *vmdistributed.VMDistributedClusterStatus) event {
	paused := meta.FindStatusCondition(after.Conditions, rollout.ConditionPaused)
	switch {
	case paused != nil && (paused.Reason == rollout.ReasonHalted || paused.Reason == rollout.ReasonHaltUnknown):
		return event{corev1.EventTypeWarning, "Rollout" + paused.Reason, paused.Message}
	case meta.IsStatusConditionTrue(after.Conditions, rollout.ConditionObserving):
		return event{corev1.EventTypeNormal, "RolloutObserved", "Observing only: no VMCluster, VMAgent or VMUser is written"}
	}
	return event{corev1.EventTypeNormal, "RolloutPaused", "Paused: no VMCluster, VMAgent or VMUser is written"}
}

func objectEvents(after *vmdistributed.VMDistributedClusterStatus) []event {
	switch after.UpdateStatus {
	case "operational":
		return []event{{corev1.EventTypeNormal, "RolloutCompleted", fmt.Sprintf("Revision %s runs in %s", after.UpdateRevision, reached(after.Zones))}}
	case "paused":
		return []event{held(after)}
	case "failed":
		return []event{{corev1.EventTypeWarning, "RolloutStalled", after.Reason}}
	}
	return nil
}

// reached says in how many zones a revision runs once its rollout is complete: in all but
// those that were skipped.
func reached(all []vmdistributed.ZoneStatus) string {
	skipped := 0
	for i := range all {
		if all[i].Reason == rollout.ReasonSkipped {
			skipped++
		}
	}
	if skipped == 0 {
		return zones(len(all))
	}
	return fmt.Sprintf("%d of %s", len(all)-skipped, zones(len(all)))
}
