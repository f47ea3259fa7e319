// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

var fourZones = []string{"zone-a", "zone-b", "zone-c", "zone-d"}

// twoAtOnce are four zones that one VMUser reads from, of which two may be out.
func twoAtOnce(version string) fields {
	object := readBy(manifest("demo", versions(version, fourZones...)...))
	object = with(object, "spec.strategy.maxUnavailable", int64(2))
	return with(object, "spec.strategy.minAvailableZones", int64(2))
}

// readyTogether makes them, with the first two stuck in what comes next.
func readyTogether(t *testing.T) *room {
	t.Helper()
	t.Parallel()
	r := newRoom(t)
	r.chronicle.AtOnce(2)
	r.reader(fourZones...)
	r.apply(twoAtOnce("v1"))
	r.untilReady("demo")
	for _, zone := range fourZones[:2] {
		r.misbehave(zone, standin.Stuck)
	}
	return r
}

// drained are the zones that a VMUser carries records of.
func drained(t *testing.T, user *unstructured.Unstructured) (zones []string) {
	t.Helper()
	records, err := victoriametrics.DrainRecords(user)
	must(t, err)
	for _, record := range records {
		zones = append(zones, record.Zones...)
	}
	return zones
}

func (r *room) untilDrained(zones ...string) {
	r.t.Helper()
	poll(r.t, fmt.Sprintf("the VMUser to be drained of %v", zones), func(context.Context) string {
		if have := drained(r.t, r.object(userResource, "reader")); !slices.Equal(have, zones) {
			return fmt.Sprintf("it is of %v", have)
		}
		return ""
	})
}

// readable are the zones that a VMUser leads to.
func readable(t *testing.T, user *unstructured.Unstructured) map[string]bool {
	t.Helper()
	var zones []victoriametrics.Cluster
	for _, zone := range fourZones {
		zones = append(zones, victoriametrics.Cluster{Namespace: user.GetNamespace(), Name: zone})
	}
	routes, err := victoriametrics.ReadRoutes(user, zones)
	must(t, err)
	led := map[string]bool{}
	for _, route := range routes {
		led[route.Zone] = true
	}
	return led
}

// expectShared goes through all that the VMUser has been up to a generation: it leads to
// two zones at least, and to none that it is drained of. It returns of which zones it was
// drained, one state after the other.
func (h *readerHistory) expectShared(r *room, generation int64) (states []string) {
	r.t.Helper()
	for user := range h.until(r, generation) {
		away, led := drained(r.t, user), readable(r.t, user)
		if len(led) < 2 {
			r.t.Errorf("drained of %v, the VMUser leads to %v alone", away, led)
		}
		for _, zone := range away {
			if led[zone] {
				r.t.Errorf("drained of %v, the VMUser leads to %s", away, zone)
			}
		}
		if state := fmt.Sprint(away); !slices.Contains(states[max(0, len(states)-1):], state) {
			states = append(states, state)
		}
	}
	return states
}

// TestTwoZonesAreTakenOutOfOneVMUserAtOnceAndItIsAsItWasInTheEnd: the second one comes
// back first, and another one goes out beside the first.
func TestTwoZonesAreTakenOutOfOneVMUserAtOnceAndItIsAsItWasInTheEnd(t *testing.T) {
	r := readyTogether(t)
	before, _ := r.routes()
	history := r.watchReader()
	r.apply(twoAtOnce("v2"))
	r.untilDrained("zone-a", "zone-b")
	r.untilCluster("zone-a", "written", generation(2))
	r.untilCluster("zone-b", "written", generation(2))
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2")

	r.misbehave("zone-c", standin.Stuck)
	r.behave("zone-b")
	r.untilDrained("zone-a", "zone-c")
	r.behave("zone-a")
	r.behave("zone-c")
	r.untilReady("demo")
	after, generation := r.routes()
	expect(t, "the VMUser after the rollout", after, before)
	states := history.expectShared(r, generation)
	expect(t, "its first states", fmt.Sprint(states[:min(4, len(states))]),
		"[[zone-a] [zone-a zone-b] [zone-a] [zone-a zone-c]]")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-d@2")
}

// TestWhatIsEditedWhileTwoZonesAreOutOfAVMUserStays, and what GitOps puts back of them
// is taken out again as one.
func TestWhatIsEditedWhileTwoZonesAreOutOfAVMUserStays(t *testing.T) {
	r := readyTogether(t)
	original := at(r.object(userResource, "reader"), "spec.targetRefs")
	r.apply(twoAtOnce("v2"))
	r.untilDrained("zone-a", "zone-b")
	r.untilCluster("zone-b", "written", generation(2))
	r.editObject(userResource, "reader", fields{"spec": fields{"targetRefs": original}})
	poll(t, "both to be taken out again", func(context.Context) string {
		if led := readable(t, r.object(userResource, "reader")); led["zone-a"] || led["zone-b"] {
			return fmt.Sprintf("it leads to %v", led)
		}
		return ""
	})
	left := at(r.object(userResource, "reader"), "spec.targetRefs").(list)
	added := fields{"static": fields{"url": "http://elsewhere.example.com"}, "paths": list{"/more"}}
	r.editObject(userResource, "reader", fields{"spec": fields{"targetRefs": append(slices.Clone(left), added)}})
	r.behave("zone-b")
	r.behave("zone-a")
	r.untilReady("demo")
	expect(t, "targets after the rollout", fmt.Sprint(at(r.object(userResource, "reader"), "spec.targetRefs")), fmt.Sprint(append(slices.Clone(original.(list)), added)))
	expect(t, "records of drains", drainsOf(r.object(userResource, "reader")), 0)
}

// TestWhatIsCalledOffWhileTwoZonesAreOutComesBackAsItGetsWell, and no other is touched.
func TestWhatIsCalledOffWhileTwoZonesAreOutComesBackAsItGetsWell(t *testing.T) {
	r := readyTogether(t)
	before, _ := r.routes()
	r.apply(twoAtOnce("v2"))
	r.untilDrained("zone-a", "zone-b")
	r.untilCluster("zone-a", "written", generation(2))
	r.untilCluster("zone-b", "written", generation(2))
	r.abort("errors")
	r.behave("zone-b")
	r.untilDrained("zone-a")
	r.behave("zone-a")
	r.untilDrained()
	r.untilCondition("demo", "Ready", metav1.ConditionFalse, "RolloutAborted")
	after, _ := r.routes()
	expect(t, "the VMUser after the abort", after, before)
	r.expectUpdates("zone-a@2", "zone-b@2")
}

// TestAnObjectThatIsDeletedWhileTwoZonesAreOutGivesBackBoth, one of which left the list
// before.
func TestAnObjectThatIsDeletedWhileTwoZonesAreOutGivesBackBoth(t *testing.T) {
	r := readyTogether(t)
	before, _ := r.routes()
	r.apply(twoAtOnce("v2"))
	r.untilDrained("zone-a", "zone-b")
	r.untilCluster("zone-a", "written", generation(2))
	r.untilCluster("zone-b", "written", generation(2))
	remaining := readBy(manifest("demo", versions("v2", fourZones[1:]...)...))
	remaining = with(remaining, "spec.deletionPolicy", "Retain")
	r.apply(with(remaining, "spec.strategy.maxUnavailable", int64(2)))
	r.delete("demo")
	r.behave("zone-b")
	r.untilDrained("zone-a")
	r.behave("zone-a")
	r.untilGone("demo")
	after, _ := r.routes()
	expect(t, "the VMUser after the deletion", after, before)
}

// TestWhatIsUndoneWhileTwoZonesAreOutGoesBackInBoth, which are stuck, and the VMUser with
// them.
func TestWhatIsUndoneWhileTwoZonesAreOutGoesBackInBoth(t *testing.T) {
	r := readyTogether(t)
	before, _ := r.routes()
	revision := r.get("demo").Status.CurrentRevision
	r.apply(twoAtOnce("v2"))
	r.untilDrained("zone-a", "zone-b")
	r.untilCluster("zone-a", "written", generation(2))
	r.untilCluster("zone-b", "written", generation(2))
	r.undo("")
	r.untilCluster("zone-a", "written again", generation(3))
	r.untilCluster("zone-b", "written again", generation(3))
	r.behave("zone-b")
	r.behave("zone-a")
	r.untilWentBack(revision)
	after, _ := r.routes()
	expect(t, "the VMUser after the undo", after, before)
	if updates := slices.Sorted(slices.Values(r.verdict().Updates())); !slices.Equal(updates, []string{"zone-a@2", "zone-a@3", "zone-b@2", "zone-b@3"}) {
		t.Errorf("updates of zones: %v", updates)
	}
}
