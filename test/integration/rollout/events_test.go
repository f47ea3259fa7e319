// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// events are those about the object demo, in no order.
func (r *room) events() []corev1.Event {
	r.t.Helper()
	return r.eventsOf("demo")
}

func (r *room) eventsOf(name string) []corev1.Event {
	r.t.Helper()
	found, err := shared.kubernetes.CoreV1().Events(r.namespace).List(r.t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.kind=VMDistributedCluster,involvedObject.name=" + name,
	})
	must(r.t, err)
	return found.Items
}

// untilTold waits for an event with a reason and these words.
func (r *room) untilTold(reason string, words ...string) corev1.Event {
	r.t.Helper()
	var told corev1.Event
	poll(r.t, fmt.Sprintf("event %s %v", reason, words), func(context.Context) string {
		var all []string
		for _, event := range r.events() {
			if event.Reason == reason && containsAll(event.Message, words) {
				told = event
				return ""
			}
			all = append(all, event.Reason+": "+event.Message)
		}
		return strings.Join(all, "; ")
	})
	return told
}

func TestEventsTellTheStory(t *testing.T) {
	r := readyZones(t)
	for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
		r.untilTold("ZoneCreating", zone)
		r.untilTold("ZoneUpdated", zone, "runs revision")
	}
	r.untilTold("RolloutStarted", "3 zones")
	first := r.untilTold("RolloutCompleted", "3 zones")
	expect(t, "type", first.Type, corev1.EventTypeNormal)
	expect(t, "source", first.Source.Component, "vmdistributed-apiserver")
	expect(t, "uid of the object", first.InvolvedObject.UID, r.get("demo").UID)

	r.misbehave("zone-b", standin.Fail)
	r.annotate("zone-b", fields{standin.ReasonAnnotation: "out of luck"})
	r.apply(threeZones("v2"))
	failed := r.untilTold("ZoneFailed", "zone-b", "out of luck")
	expect(t, "type of a failure", failed.Type, corev1.EventTypeWarning)
	r.untilTold("RolloutStalled", "zone-b")
	r.behave("zone-b")
	revision := r.untilReady("demo").Status.UpdateRevision
	r.untilTold("RolloutCompleted", revision)
	for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
		expect(t, "times that the update of "+zone+" was told", r.untilTold("ZoneUpdating", zone).Count, 1)
	}
}

// TestStoryOfManyZonesIsComplete has more events than a client-go recorder lets
// through, or leaves apart, if it is not told otherwise.
func TestStoryOfManyZonesIsComplete(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	const many = 16
	zones := make([]any, many)
	for i := range zones {
		zones[i] = inline(fmt.Sprintf("zone-%02d", i), fields{"vminsert": fields{"replicaCount": int64(1)}})
	}
	r.apply(manifest("demo", zones...))
	r.untilReady("demo")
	for i := range zones {
		r.untilTold("ZoneCreating", fmt.Sprintf("Zone zone-%02d:", i))
		r.untilTold("ZoneUpdated", fmt.Sprintf("Zone zone-%02d:", i))
	}
	r.untilTold("RolloutCompleted", fmt.Sprintf("in %d zones", many))
}

// TestLongStandstillMakesNoStormOfEvents provokes many looks at a zone that is
// stuck.
func TestLongStandstillMakesNoStormOfEvents(t *testing.T) {
	r := readyZones(t)
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator", "expanding")
	r.settle("demo")
	before := r.countEvents()
	version := r.get("demo").ResourceVersion
	for i := range 40 {
		r.annotate("zone-a", fields{"example.com/poke": fmt.Sprint(i)})
		r.annotate("zone-b", fields{"example.com/poke": fmt.Sprint(i)})
	}
	expect(t, "resourceVersion of the object after looks that found nothing new", r.get("demo").ResourceVersion, version)
	r.settle("demo")
	if after := r.countEvents(); !maps.Equal(after, before) {
		t.Errorf("events while nothing happened: %v, want %v as before", after, before)
	}
	r.behave("zone-a")
	r.untilReady("demo")
}

func TestZoneThatComesAndGoesAggregatesItsEvents(t *testing.T) {
	r := readyZones(t)
	const times = 12
	for range times {
		r.misbehaveNow("zone-a", standin.Unready)
		r.untilZone("demo", "zone-a", "Unhealthy", "NotHealthy")
		r.behave("zone-a")
		r.untilReady("demo")
	}
	unhealthy := slices.DeleteFunc(r.events(), func(event corev1.Event) bool { return event.Reason != "ZoneUnhealthy" })
	if len(unhealthy) > 3 {
		t.Errorf("%d events say that the zone is unhealthy, want one that counts", len(unhealthy))
	}
}

// countEvents counts how often each sort was told.
func (r *room) countEvents() map[string]int32 {
	r.t.Helper()
	counts := map[string]int32{}
	for _, event := range r.events() {
		counts[event.Reason] += event.Count
	}
	return counts
}
