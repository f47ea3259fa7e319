// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// stuckWithoutReads has zone-a of three zones drained, written and not getting
// healthy.
func stuckWithoutReads(t *testing.T) *room {
	t.Helper()
	t.Parallel()
	r := newRoom(t)
	r.reader("zone-a", "zone-b", "zone-c")
	r.apply(readBy(threeZones("v1")))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(readBy(threeZones("v2")))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	return r
}

// offTheList is the same object without zone-a.
func offTheList() fields {
	return readBy(manifest("demo", versions("v2", "zone-b", "zone-c")...))
}

func TestDrainedZoneTakenOffTheListIsGivenBackOnceItIsHealthy(t *testing.T) {
	r := stuckWithoutReads(t)
	r.apply(offTheList())
	object := r.until("demo", "letting go of zone-a", func(object *own) string {
		if zone := zoneOf(object, "zone-a"); zone.Phase != "Leaving" || zone.Reason != "NotHealthy" || zone.Work == nil {
			return string(zone.Phase) + "/" + zone.Reason
		}
		return ""
	})
	r.expectCondition(object, "Degraded", metav1.ConditionTrue, "LeftDrained")
	expect(t, "a record of the drain", drainsOf(r.object(userResource, "reader")), 1)

	r.behave("zone-a")
	r.untilCluster("zone-a", "released", unmarked)
	r.untilReady("demo")
	user := r.object(userResource, "reader")
	expect(t, "records of drains", drainsOf(user), 0)
	if targets := targetsOf(t, user); strings.Count(targets, `"zone-a"`) != 1 {
		t.Errorf("the VMUser leads to %s, want zone-a again", targets)
	}
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestDrainOfAZoneThatIsGoneKeepsNoVMUserBusy(t *testing.T) {
	r := stuckWithoutReads(t)
	r.apply(offTheList())
	r.untilZone("demo", "zone-a", "Leaving", "NotHealthy")
	must(t, shared.objects.Resource(clusterResource).Namespace(r.namespace).Delete(t.Context(), "zone-a", metav1.DeleteOptions{}))
	r.untilClusterGone("zone-a")
	r.untilTold("DrainForgotten", "VMUser reader", "zone-a")
	r.untilReady("demo")
	user := r.object(userResource, "reader")
	expect(t, "records of drains", drainsOf(user), 0)
	if targets := targetsOf(t, user); strings.Contains(targets, `"zone-a"`) {
		t.Errorf("the VMUser leads to %s, which does not exist", targets)
	}
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func drainsOf(user *unstructured.Unstructured) (records int) {
	for key := range user.GetAnnotations() {
		if strings.HasPrefix(key, drainMark) {
			records++
		}
	}
	return records
}

func targetsOf(t *testing.T, user *unstructured.Unstructured) string {
	t.Helper()
	text, err := json.Marshal(at(user, "spec.targetRefs"))
	must(t, err)
	return string(text)
}
