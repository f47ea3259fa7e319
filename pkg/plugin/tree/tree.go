// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tree draws a rollout as text: the object, its zones with how far each is,
// for how long and until when, what is waited for, and the last events. It is a
// function of what status says and of the time.
package tree

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// View is what is drawn.
type View struct {
	Object *v1alpha1.VMDistributedCluster
	// Events about the object, in any order.
	Events []corev1.Event
}

// Options say how.
type Options struct {
	// Colour is for terminals.
	Colour bool
	// Width is how many characters a line may have; 0 for any number.
	Width int
	// Wide adds revisions.
	Wide bool
	// Events is how many of the last events are shown.
	Events int
}

// Draw returns the lines of the tree.
func Draw(view View, now time.Time, options Options) string {
	lines := head(view.Object, now)
	lines = append(lines, row{})
	lines = append(lines, branches(view.Object, now, options)...)
	if told := story(view.Events, now, options.Events); len(told) > 0 {
		lines = append(lines, row{}, prose("Events:", plain))
		return layout(lines, options) + layout(told, options)
	}
	return layout(lines, options)
}

// head is what holds of the object as a whole.
func head(object *v1alpha1.VMDistributedCluster, now time.Time) []row {
	status := &object.Status
	lines := []row{
		prose(fmt.Sprintf("VMDistributedCluster %s/%s, revision %s", object.Namespace, object.Name, revisions(status)), bold),
		prose(fmt.Sprintf("%s; %d of %d zones updated, %d ready", state(object), status.UpdatedZones, len(status.Zones), status.ReadyZones), stateStyle(object)),
	}
	if object.Generation != status.ObservedGeneration {
		return append(lines, prose(fmt.Sprintf("generation %d of spec has not been looked at yet; this is about generation %d", object.Generation, status.ObservedGeneration), yellow))
	}
	for _, told := range []struct {
		condition string
		style     style
	}{{"Paused", yellow}, {"Observing", yellow}, {"Undone", red}, {"Stalled", red}, {"Degraded", red}} {
		found := meta.FindStatusCondition(status.Conditions, told.condition)
		again := found != nil && found.Type != "Undone" && found.Reason == rollout.ReasonUndone // with less to tell
		if found != nil && found.Status == "True" && !again {
			lines = append(lines, prose(fmt.Sprintf("%s: %s: %s%s", found.Type, found.Reason, found.Message, standing(found, now)), told.style))
		}
	}
	if len(lines) == 2 && status.Reason != "" {
		lines = append(lines, prose(status.Reason, plain))
	}
	return lines
}

// standing is for how long a condition has been as it is, where that is known.
func standing(condition *metav1.Condition, now time.Time) string {
	if condition.LastTransitionTime.IsZero() {
		return ""
	}
	return " (for " + elapsed(condition.LastTransitionTime.Time, now) + ")"
}

// state is the word for it all that the VictoriaMetrics operator uses too.
func state(object *v1alpha1.VMDistributedCluster) string {
	if object.DeletionTimestamp != nil {
		return "terminating"
	}
	return cmp.Or(object.Status.UpdateStatus, "not looked at yet")
}

func stateStyle(object *v1alpha1.VMDistributedCluster) style {
	switch state(object) {
	case "operational":
		return green
	case "failed":
		return red
	}
	return yellow
}

func revisions(status *v1alpha1.VMDistributedClusterStatus) string {
	is, wanted := status.CurrentRevision, status.UpdateRevision
	switch {
	case is == wanted || is == "":
		return orDash(wanted)
	case wanted == "":
		return is
	}
	return is + " → " + wanted
}

// branches are the object and its zones, a line each, and below a zone in work what
// is known of its reads and queues.
func branches(object *v1alpha1.VMDistributedCluster, now time.Time, options Options) []row {
	zones := object.Status.Zones
	lines := []row{titles(options), trunk(object, options)}
	for i := range zones {
		branch, below := "├── ", "│   "
		if i == len(zones)-1 {
			branch, below = "└── ", "    "
		}
		lines = append(lines, zoneRow(&zones[i], branch, now, options))
		for _, detail := range details(&zones[i], now) {
			lines = append(lines, prose(below+"  "+detail, faint))
		}
	}
	return lines
}

func titles(options Options) row {
	names := []string{"NAME", "PHASE", "PROGRESS", "FOR", "LEFT"}
	if options.Wide {
		names = append(names, "REVISION")
	}
	var line row
	for _, name := range append(names, "WAITING FOR") {
		line.cells = append(line.cells, cell{text: name, style: faint})
	}
	return line
}

func trunk(object *v1alpha1.VMDistributedCluster, options Options) row {
	cells := []cell{{object.Name, bold}, {state(object), stateStyle(object)}, progressCell(overall(object.Status.Zones)), {}, {}}
	if options.Wide {
		cells = append(cells, cell{text: revisions(&object.Status)})
	}
	return row{cells: append(cells, cell{})}
}

func progressCell(percent int) cell {
	return cell{text: fmt.Sprintf("%s %3d%%", bar(percent), percent)}
}

func zoneRow(zone *v1alpha1.ZoneStatus, branch string, now time.Time, options Options) row {
	sign, how := look(zone.Phase)
	cells := []cell{
		{branch + sign + " " + zone.Name, plain},
		{string(zone.Phase), how},
		progressCell(Progress(zone.Phase)),
		{elapsed(zone.Since.Time, now), plain},
		left(zone, now),
	}
	if options.Wide {
		cells = append(cells, cell{text: zoneRevision(zone)})
	}
	waiting := zone.WaitingFor
	if zone.Reason != "" && waiting != "" {
		waiting = zone.Reason + ": " + waiting
	}
	return row{cells: append(cells, cell{text: waiting})}
}

func look(phase v1alpha1.ZonePhase) (string, style) {
	switch phase {
	case v1alpha1.ZoneReady, v1alpha1.ZoneBaking:
		return "✔", green
	case v1alpha1.ZoneFailed, v1alpha1.ZoneRefused, v1alpha1.ZoneUnhealthy:
		return "✖", red
	case v1alpha1.ZoneMissing:
		return "?", red
	case v1alpha1.ZonePending:
		return "○", plain
	case v1alpha1.ZoneLeaving:
		return "←", yellow
	}
	return "●", blue
}

func elapsed(since, now time.Time) string {
	if since.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(now.Sub(since), 0))
}

// left is how long the wait of a zone may still last.
func left(zone *v1alpha1.ZoneStatus, now time.Time) cell {
	if zone.Deadline == nil {
		return cell{text: "-"}
	}
	if over := now.Sub(zone.Deadline.Time); over >= time.Second {
		return cell{text: duration.HumanDuration(over) + " over", style: red}
	}
	return cell{text: duration.HumanDuration(max(zone.Deadline.Sub(now), 0))}
}

func zoneRevision(zone *v1alpha1.ZoneStatus) string {
	if zone.UpdateRevision == "" || zone.UpdateRevision == zone.Revision {
		return orDash(zone.Revision)
	}
	return orDash(zone.Revision) + " → " + zone.UpdateRevision
}

// details are about a zone in work.
func details(zone *v1alpha1.ZoneStatus, now time.Time) []string {
	var told []string
	if work := zone.Work; work != nil {
		switch {
		case work.Restored != nil:
			told = append(told, "reads: on their way back for "+elapsed(work.Restored.Time, now))
		case work.Drained != nil && work.Loaded != nil:
			told = append(told, "reads: taken away for "+elapsed(work.Drained.Time, now)+", as every VMAuth has loaded")
		case work.Drained != nil:
			told = append(told, "reads: being taken away for "+elapsed(work.Drained.Time, now))
		}
	}
	if zone.QueueBytes != nil {
		told = append(told, "queue: "+bytes(*zone.QueueBytes))
	}
	return told
}

// bytes is a size for people, in binary units.
func bytes(n int64) string {
	const kibi = 1 << 10
	if n < kibi {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/kibi, 0
	for ; size >= kibi && unit < 4; unit++ {
		size /= kibi
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTP"[unit])
}

func orDash(text string) string { return cmp.Or(text, "-") }

// story are the last events, the latest of them last.
func story(events []corev1.Event, now time.Time, count int) []row {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b corev1.Event) int { return eventTime(&a).Compare(eventTime(&b)) })
	var lines []row
	for i := max(0, len(sorted)-count); i < len(sorted); i++ {
		event := &sorted[i]
		how := plain
		if event.Type == corev1.EventTypeWarning {
			how = yellow
		}
		lines = append(lines, row{cells: []cell{
			{"  " + elapsed(eventTime(event), now) + repeated(event), faint}, {event.Reason, how}, {event.Message, plain},
		}})
	}
	return lines
}

func repeated(event *corev1.Event) string {
	if event.Count > 1 {
		return fmt.Sprintf(" (x%d)", event.Count)
	}
	return ""
}

// eventTime is when an event happened last, in whichever form its recorder tells it.
func eventTime(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	case !event.EventTime.IsZero():
		return event.EventTime.Time
	}
	return event.CreationTimestamp.Time
}
