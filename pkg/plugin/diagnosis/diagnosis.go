// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package diagnosis tells why a rollout does not go on: everything that stands in its
// way, with the evidence, since when, until when, and what can be done about it. It
// is a function of what the API says of an object and of its zones.
package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// Severity says whom a finding calls for.
type Severity string

const (
	// Blocking is for the user to end.
	Blocking Severity = "Blocking"
	// Waiting ends by itself, or by its deadline calls for the user.
	Waiting Severity = "Waiting"
	// Note stands in nobody's way.
	Note Severity = "Note"
)

// Finding is one thing that stands in the way of a rollout.
type Finding struct {
	// Severity is Blocking, Waiting or Note.
	Severity Severity `json:"severity"`
	// Zone that it is about; empty for the object.
	Zone string `json:"zone,omitempty"`
	// Reason in one CamelCase word, as conditions and zones have it.
	Reason string `json:"reason"`
	// Evidence is what was seen.
	Evidence string `json:"evidence"`
	// Since when it is so, where that is known.
	Since *metav1.Time `json:"since,omitempty"`
	// Until when it may last, where there is a limit; see status.zones[].deadline.
	Until *metav1.Time `json:"until,omitempty"`
	// Remedy is what can be done about it.
	Remedy string `json:"remedy,omitempty"`
}

// Of returns what stands in the way of an object whose zones were reported so, what
// weighs most first. There is none where all is well and nothing is to come.
func Of(object *v1alpha1.VMDistributedCluster, zones []v1alpha1.ZoneReport) []Finding {
	findings := slices.Concat(ofObject(object), ofZones(zones, takingTurns(object, zones)))
	if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity != Note }) {
		findings = append(findings, ofStanding(object.Status.Conditions)...)
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return weight(a) - weight(b) })
	return findings
}

func weight(f Finding) int { return slices.Index([]Severity{Blocking, Waiting, Note}, f.Severity) }

// Blocks is true where a finding is for the user to end.
func Blocks(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Blocking })
}

// lookRemedy is for an object that the controller has not looked at.
const lookRemedy = "wait a moment; if it lasts, see whether a replica of vmdistributed-apiserver leads (its Lease, and its log)"

// ofObject is what holds of all zones.
func ofObject(object *v1alpha1.VMDistributedCluster) []Finding {
	var findings []Finding
	if object.DeletionTimestamp != nil {
		findings = append(findings, Finding{Severity: Waiting, Reason: "Deleting", Since: object.DeletionTimestamp,
			Evidence: "the object is being deleted; its zones are let go one by one"})
	}
	if object.Generation != object.Status.ObservedGeneration {
		findings = append(findings, Finding{Severity: Waiting, Reason: rollout.NotObserved,
			Evidence: fmt.Sprintf("the controller has not looked at generation %d of spec yet; it has at generation %d", object.Generation, object.Status.ObservedGeneration),
			Remedy:   lookRemedy})
	}
	if found := meta.FindStatusCondition(object.Status.Conditions, rollout.ConditionReconciling); found != nil && found.Reason == rollout.NotObserved && len(findings) == 0 {
		findings = append(findings, Finding{Severity: Waiting, Reason: rollout.NotObserved, Evidence: found.Message, Since: sinceOf(found), Remedy: lookRemedy})
	}
	return append(findings, ofConditions(object.Status.Conditions)...)
}

// ofConditions finds those that hold everything, and those that say that a gate is
// missing. What Stalled and Degraded say is said of the zones.
func ofConditions(conditions []metav1.Condition) []Finding {
	var findings []Finding
	for _, look := range []struct {
		condition string
		bad       metav1.ConditionStatus
		severity  Severity
	}{
		{rollout.ConditionPaused, metav1.ConditionTrue, Blocking},
		{rollout.ConditionObserving, metav1.ConditionTrue, Blocking},
		{rollout.ConditionDegraded, metav1.ConditionTrue, Blocking}, // of no zone that is reported
		{"Undone", metav1.ConditionTrue, undoing(conditions)},
		{"Scraped", metav1.ConditionFalse, Note},
		{"ReadsGated", metav1.ConditionFalse, Note},
		{"WritesGated", metav1.ConditionFalse, Note},
	} {
		found := meta.FindStatusCondition(conditions, look.condition)
		if found == nil || found.Status != look.bad || look.condition == rollout.ConditionDegraded && found.Reason != rollout.ReasonStranded {
			continue
		}
		findings = append(findings, Finding{Severity: look.severity, Reason: found.Reason, Evidence: found.Message, Since: sinceOf(found), Remedy: remedyOf(found)})
	}
	return findings
}

// ofStanding is what the object is at where nothing else says it: what is to be written
// beside the zones' own changes, such as to the VMAgent.
func ofStanding(conditions []metav1.Condition) []Finding {
	for _, look := range []struct {
		condition string
		severity  Severity
	}{{rollout.ConditionStalled, Blocking}, {rollout.ConditionReconciling, Waiting}} {
		found := meta.FindStatusCondition(conditions, look.condition)
		if found == nil || found.Status != metav1.ConditionTrue {
			continue
		}
		return []Finding{{Severity: look.severity, Reason: found.Reason, Evidence: found.Message, Since: sinceOf(found), Remedy: rollout.Remedy(found.Reason)}}
	}
	return nil
}

// sinceOf is since when a condition is as it is, where that is known.
func sinceOf(condition *metav1.Condition) *metav1.Time {
	if condition.LastTransitionTime.IsZero() {
		return nil
	}
	return &condition.LastTransitionTime
}

// undoing calls for the user once all zones have gone back: spec still asks for what was
// undone.
func undoing(conditions []metav1.Condition) Severity {
	if stalled := meta.FindStatusCondition(conditions, rollout.ConditionStalled); stalled != nil && stalled.Reason == rollout.ReasonUndone {
		return Blocking
	}
	return Note
}

// remedyOf a condition that holds everything: its reason is a sentence's, not a zone's.
func remedyOf(condition *metav1.Condition) string {
	if condition.Type == rollout.ConditionPaused && condition.Reason == "RolloutPaused" {
		return rollout.Remedy(rollout.ReasonPaused)
	}
	return rollout.Remedy(condition.Reason)
}

func ofZones(zones []v1alpha1.ZoneReport, inTurn string) []Finding {
	var findings []Finding
	for i := range zones {
		findings = append(findings, ofZone(&zones[i], inTurn)...)
	}
	return findings
}

// takingTurns names the zone that a healthy rollout has in work, while it is all that holds
// the others back; empty where there is none, or something else may be in the way too.
func takingTurns(object *v1alpha1.VMDistributedCluster, zones []v1alpha1.ZoneReport) string {
	// So many would have to serve beside a zone that no turn ever comes.
	if wanted := object.Spec.Strategy.MinAvailableZones; wanted != nil && int(*wanted) >= len(zones) {
		return ""
	}
	inWork := ""
	for i := range zones {
		switch zone := &zones[i]; zone.Phase {
		case v1alpha1.ZoneDraining, v1alpha1.ZoneUpdating, v1alpha1.ZoneFlushing, v1alpha1.ZoneRestoring:
			if severityOf(zone.Phase, zone.Reason) != Waiting {
				return ""
			}
			inWork = cmp.Or(inWork, zone.Name)
		case v1alpha1.ZonePending:
			if zone.Reason == rollout.ReasonSkipped || zone.Reason == rollout.ReasonEmptied {
				return "" // it does not come to serve by itself
			}
		case v1alpha1.ZoneReady, v1alpha1.ZoneBaking:
		default:
			return "" // of which there is something to repair, or to wait for longer
		}
	}
	return inWork
}

// waitsItsTurn is true for a guard that a zone in work alone can make refuse.
func waitsItsTurn(zone *v1alpha1.ZoneReport, reason, evidence, inTurn string) bool {
	if inTurn == "" || zone.Phase != v1alpha1.ZonePending {
		return false
	}
	return reason == rollout.ReasonMinAvailableZones || reason == rollout.ReasonBlocked && strings.Contains(evidence, "zone "+inTurn+" ")
}

// ofZone is what a zone waits for, and which other guards would refuse if that came.
func ofZone(zone *v1alpha1.ZoneReport, inTurn string) []Finding {
	var findings []Finding
	add := func(reason, evidence string) *Finding {
		remedy := rollout.Remedy(reason)
		if waitsItsTurn(zone, reason, evidence, inTurn) {
			evidence, remedy = fmt.Sprintf("waits its turn, after zone %s, which this rollout has in work (%s)", inTurn, evidence), ""
		}
		findings = append(findings, Finding{Severity: severityOf(zone.Phase, reason), Zone: zone.Name, Reason: reason, Evidence: evidence, Remedy: remedy})
		return &findings[len(findings)-1]
	}
	if zone.WaitingFor != "" {
		finding := add(zone.Reason, fmt.Sprintf("%s, waits for %s", zone.Phase, zone.WaitingFor))
		if finding.Until = zone.Deadline; !zone.Since.IsZero() {
			finding.Since = &zone.Since
		}
	}
	for _, refusal := range zone.RefusedBy {
		reason, waitsFor, _ := strings.Cut(refusal, ": ")
		if reason == zone.Reason {
			continue
		}
		if finding := add(reason, "this guard would refuse now: it "+waitsFor); reason == rollout.ReasonWaitingForApproval {
			finding.Severity, finding.Remedy = Waiting, "wait until that is all it waits for, and promote then" // before, nobody can
		}
	}
	return findings
}

// severityOf what a zone waits for. A deadline that is over calls for the user.
func severityOf(phase v1alpha1.ZonePhase, reason string) Severity {
	switch reason {
	case rollout.ReasonSkipped:
		return Note
	case rollout.ReasonBaking, rollout.ReasonWaitingForOtherZone, rollout.ReasonWaitingForOperator, rollout.ReasonWaitingForQueues,
		rollout.ReasonWaitingForVMAuth, rollout.ReasonReadsInFlight, rollout.ReasonWriting, rollout.ReasonReleasing, rollout.ReasonVMUserBusy,
		rollout.ReasonDryRunFailed, rollout.ReasonClusterDeleting:
		return Waiting
	case rollout.ReasonBlocked, rollout.ReasonMinAvailableZones:
		if phase == v1alpha1.ZonePending {
			return Waiting // for another zone, of which there is more to say
		}
	}
	return Blocking
}

// Lines are findings in words, a few lines each.
func Lines(findings []Finding, now time.Time) []string {
	var lines []string
	for _, finding := range findings {
		about := "object"
		if finding.Zone != "" {
			about = "zone " + finding.Zone
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s", finding.Severity, about, finding.Reason), "  "+finding.Evidence)
		if told := times(&finding, now); told != "" {
			lines = append(lines, "  "+told)
		}
		if finding.Remedy != "" {
			lines = append(lines, "  To do: "+finding.Remedy)
		}
	}
	return lines
}

// times says since when a finding is so, and until when it may last.
func times(finding *Finding, now time.Time) string {
	var told []string
	if finding.Since != nil {
		told = append(told, fmt.Sprintf("since %s, %s ago", finding.Since.UTC().Format(time.RFC3339), duration.HumanDuration(max(now.Sub(finding.Since.Time), 0))))
	}
	switch {
	case finding.Until == nil:
	case now.Before(finding.Until.Time):
		told = append(told, fmt.Sprintf("until %s at the latest, in %s", finding.Until.UTC().Format(time.RFC3339), duration.HumanDuration(finding.Until.Sub(now))))
	default:
		told = append(told, fmt.Sprintf("longer than it should, which was until %s", finding.Until.UTC().Format(time.RFC3339)))
	}
	return strings.Join(told, "; ")
}
