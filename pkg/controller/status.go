// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// scrapedCondition says whether the VMAgent scrapes the zones.
const scrapedCondition = "Scraped"

// recordsOf reads what status remembers, by zone.
func recordsOf(zones []vmdistributed.ZoneStatus) map[string]rollout.Record {
	records := make(map[string]rollout.Record, len(zones))
	for i := range zones {
		zone := &zones[i]
		record := rollout.Record{
			Phase:      rollout.Phase(zone.Phase),
			Since:      zone.Since.Time,
			Revision:   zone.Revision,
			Updating:   zone.UpdateRevision,
			Started:    timeOf(zone.UpdateStarted),
			Finished:   timeOf(zone.UpdateFinished),
			Generation: zone.Generation,
			Reapplied:  int(zone.Reapplied),
			UID:        zone.ClusterUID,
			Emptied:    zone.Emptied,
			Took:       time.Duration(zone.LastUpdateSeconds) * time.Second,
			Contended:  zone.ContendedRevision,
		}
		if zone.Work != nil {
			readWork(zone.Work, &record)
		}
		records[zone.Name] = record
	}
	return records
}

// statusOf writes a decision down.
func statusOf(object *vmdistributed.VMDistributedCluster, view *observation, decision *rollout.Decision) vmdistributed.VMDistributedClusterStatus {
	summary := rollout.Summarise(view.Observed, *decision)
	status := vmdistributed.VMDistributedClusterStatus{
		ObservedGeneration: object.Generation,
		Conditions:         slices.Clone(object.Status.Conditions),
		UpdateStatus:       summary.UpdateStatus,
		Reason:             summary.Reason,
		CurrentRevision:    object.Status.CurrentRevision,
		UpdateRevision:     view.revision(),
		UpdatedZones:       int32(summary.Updated),
		ReadyZones:         int32(summary.Ready),
		// Another one counts only where there is something to write.
		Controller: object.Status.Controller,
		Words:      wordsThatCount(object.Status.Words, view, decision),
		Undo:       undoRecord(view.Undone),
		// The server's to say.
		ZonesChanged: object.Status.ZonesChanged,
	}
	if summary.Complete() {
		status.CurrentRevision = status.UpdateRevision
	}
	status.Rollout = rolloutRecord(object.Status.Rollout, view, &status, summary.Finished())
	for i := range decision.Zones {
		status.Zones = append(status.Zones, zoneStatus(&decision.Zones[i], &view.Zones[i]))
	}
	for i := range decision.Strays {
		if view.Strays[i].Drained() {
			status.Zones = append(status.Zones, zoneStatus(&decision.Strays[i], &view.Strays[i].Zone))
		}
	}
	// It is left out of an object that is only observed and is not what is wanted.
	if !slices.ContainsFunc(summary.Conditions, func(c rollout.Condition) bool { return c.Type == rollout.ConditionReady }) {
		meta.RemoveStatusCondition(&status.Conditions, rollout.ConditionReady)
	}
	for _, condition := range slices.Concat(summary.Conditions, scrapedConditions(view.scrape), gateConditions(object, view), undoneConditions(view.Undone)) {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type:               condition.Type,
			Status:             conditionStatus(condition.True),
			Reason:             condition.Reason,
			Message:            condition.Message,
			ObservedGeneration: object.Generation,
			LastTransitionTime: metav1.NewTime(view.Now),
		})
	}
	if view.Undone == nil {
		meta.RemoveStatusCondition(&status.Conditions, undoneCondition)
	}
	if object.Spec.VMAgent == nil {
		meta.RemoveStatusCondition(&status.Conditions, scrapedCondition)
	}
	return status
}

// wordsThatCount forgets what users have said of what is not wanted any more, and that a
// zone was skipped which has come to what is wanted all the same.
func wordsThatCount(words []vmdistributed.Word, view *observation, decision *rollout.Decision) []vmdistributed.Word {
	zones, arrived := map[string]string{}, map[string]bool{}
	for zone := range view.all() {
		zones[zone.Name] = zone.Revision
	}
	for i := range decision.Zones {
		arrived[decision.Zones[i].Name] = !decision.Zones[i].Skipped && view.Deletion == nil
	}
	all := view.revision()
	return slices.DeleteFunc(slices.Clone(words), func(w vmdistributed.Word) bool {
		return !w.Counts(all, zones) || w.Verb == vmdistributed.WordSkip && arrived[w.Zone]
	})
}

// rolloutRecord notes when the rollout of a revision begins and ends. Of an object that
// was complete before there were such records there is none, and what is only observed
// or on its way out is not rolled out.
func rolloutRecord(known *vmdistributed.RolloutRecord, view *observation, status *vmdistributed.VMDistributedClusterStatus, finished bool) *vmdistributed.RolloutRecord {
	now := metav1.NewTime(view.Now.Truncate(time.Second))
	begun := known != nil && isOf(known, status.UpdateRevision, view.restartedAt)
	is := vmdistributed.RolloutRecord{Revision: status.UpdateRevision, RestartedAt: view.restarted()}
	switch {
	case view.Observing || view.Deletion != nil:
		return known
	case begun && !finished && known.Finished != nil && status.CurrentRevision != status.UpdateRevision:
		is.Started = known.Started // a zone is no longer skipped
	case begun && finished && known.Finished == nil:
		is.Started, is.Finished = known.Started, &now
	case begun || finished && known == nil:
		return known
	case finished: // such as after a change of what is no zone's
		is.Started, is.Finished = now, &now
	default:
		is.Started = now
	}
	return &is
}

// restarted is when all zones were last to be rolled out once more; nil for never.
func (v *observation) restarted() *metav1.Time {
	at, err := time.Parse(time.RFC3339, v.restartedAt)
	if err != nil {
		return nil
	}
	return &metav1.Time{Time: at}
}

// keepWording goes on saying what was said of an answer of the API server that
// differs in numbers only, such as a port or a time, and of what metrics say of an
// object that is only observed: each new status is an event
// that makes us ask again. What is said of another generation is no answer.
func keepWording(object *vmdistributed.VMDistributedCluster, view *observation, decision *rollout.Decision) {
	if object.Status.ObservedGeneration != object.Generation {
		return
	}
	said := map[string]*vmdistributed.ZoneStatus{}
	for i := range object.Status.Zones {
		said[object.Status.Zones[i].Name] = &object.Status.Zones[i]
	}
	for i := range decision.Zones {
		zone := &decision.Zones[i]
		unsteady := zone.Reason == rollout.ReasonInvalid || zone.Reason == rollout.ReasonDryRunFailed || view.Observing && zone.Needs != 0
		if before := said[zone.Name]; before != nil && before.Reason == zone.Reason && unsteady {
			keepWords(&zone.WaitingFor, before.WaitingFor)
		}
	}
	if view.scrape == nil || view.scrape.report == nil || view.scrape.retry == 0 {
		return
	}
	if before := meta.FindStatusCondition(object.Status.Conditions, scrapedCondition); before != nil && before.Reason == view.scrape.report.Reason {
		keepWords(&view.scrape.report.Message, before.Message)
	}
}

func keepWords(text *string, before string) {
	if slices.Equal(wordsOf(before), wordsOf(*text)) {
		*text = before
	}
}

// wordsOf are those that have no digit.
func wordsOf(text string) []string {
	return slices.DeleteFunc(strings.Fields(text), func(word string) bool { return strings.ContainsAny(word, "0123456789") })
}

func zoneStatus(zone *rollout.ZoneState, seen *rollout.Zone) vmdistributed.ZoneStatus {
	record := &zone.Record
	return vmdistributed.ZoneStatus{
		Name:           zone.Name,
		Phase:          vmdistributed.ZonePhase(record.Phase),
		Since:          metav1.NewTime(record.Since.Truncate(time.Second)),
		Revision:       record.Revision,
		UpdateRevision: record.Updating,
		UpdateStarted:  timeOrNil(record.Started.Truncate(time.Second)),
		UpdateFinished: timeOrNil(rollout.WholeSeconds(record.Finished)),
		Generation:     record.Generation,
		Reapplied:      int32(record.Reapplied),
		Reason:         zone.Reason,
		WaitingFor:     zone.WaitingFor,
		Deadline:       timeOrNil(rollout.WholeSeconds(zone.Deadline)),
		QueueBytes:     queueBytes(zone, seen),

		ClusterUID:        record.UID,
		Emptied:           record.Emptied,
		LastUpdateSeconds: int64(record.Took.Round(time.Second) / time.Second),
		Work:              workOf(record),
		ContendedRevision: record.Contended,
	}
}

// queueBytes is what is queued for a zone that waits for it; nil where that is not
// known.
func queueBytes(zone *rollout.ZoneState, seen *rollout.Zone) *int64 {
	reading := seen.Queues.Reading
	if zone.Record.Phase != rollout.Flushing || reading == nil || reading.Missing != "" {
		return nil
	}
	var total int64
	for _, queue := range reading.Replicas {
		total += queue.Pending
	}
	return &total
}

func scrapedConditions(scrape *scrapeView) []rollout.Condition {
	if scrape == nil || scrape.report == nil {
		return nil
	}
	return []rollout.Condition{{Type: scrapedCondition, True: scrape.report.Configured, Reason: scrape.report.Reason, Message: scrape.report.Message}}
}

// revision is the hash of the desired state of all zones.
func (v *observation) revision() string { return revision.OfZones(v.revisions) }

// isOf is true for the record of the rollout of a revision, begun by such a restart or
// after it; "" for none.
func isOf(record *vmdistributed.RolloutRecord, revision, restartedAt string) bool {
	at := ""
	if record.RestartedAt != nil {
		at = record.RestartedAt.UTC().Format(time.RFC3339)
	}
	return record.Revision == revision && at == restartedAt
}

func conditionStatus(is bool) metav1.ConditionStatus {
	if is {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

func timeOf(at *metav1.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.Time
}

func timeOrNil(at time.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return &metav1.Time{Time: at}
}
