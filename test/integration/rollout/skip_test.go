// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// skip leaves a zone out.
func (r *room) skip(zone string) *v1alpha1.VMDistributedClusterSkip {
	r.t.Helper()
	r.chronicle.LeftOut(r.cluster(zone))
	said, err := r.own.Skip(r.t.Context(), "demo", &v1alpha1.VMDistributedClusterSkip{Zone: zone, Reason: "its disks"}, metav1.CreateOptions{})
	must(r.t, err)
	return said
}

func (r *room) retryZone(zone string) {
	r.t.Helper()
	_, err := r.own.Retry(r.t.Context(), "demo", &v1alpha1.VMDistributedClusterRetry{Zones: []v1alpha1.ZoneRevision{{Name: zone}}}, metav1.CreateOptions{})
	must(r.t, err)
}

// untilCompleteWithout waits until a rollout is complete but for one zone.
func (r *room) untilCompleteWithout(zone string) *own {
	r.t.Helper()
	object := r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllOthersReady")
	r.expectCondition(object, "Reconciling", metav1.ConditionFalse, "RolloutCompleted")
	r.expectCondition(object, "Stalled", metav1.ConditionFalse, "NotStalled")
	expect(r.t, "updateStatus", object.Status.UpdateStatus, "operational")
	expect(r.t, "updatedZones", object.Status.UpdatedZones, 2)
	expectContains(r.t, "reason", object.Status.Reason, "zone "+zone+" was skipped by ", `"its disks"`)
	expectContains(r.t, "waitingFor of the zone", zoneOf(object, zone).WaitingFor, "the verb retry for this zone, or another revision of it", `"its disks"`)
	if object.Status.CurrentRevision == object.Status.UpdateRevision {
		r.t.Errorf("status.currentRevision is %s, which not all zones run", object.Status.CurrentRevision)
	}
	if object.Status.Rollout.Finished == nil {
		r.t.Error("status.rollout has no end")
	}
	return object
}

func (r *room) hasSkipped() bool {
	return slices.ContainsFunc(r.get("demo").Status.Words, func(w v1alpha1.Word) bool { return w.Verb == v1alpha1.WordSkip })
}

func TestOthersGoOnWithoutAZoneThatIsStuckAndItMayStillCome(t *testing.T) {
	r := stuckInTheMiddle(t)
	said := r.skip("zone-a")
	expect(t, "revision in the answer", said.Revision, r.cluster("zone-a").GetAnnotations()[victoriametrics.RevisionAnnotation])
	object := r.untilCompleteWithout("zone-a")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	expect(t, "phase of zone-a", string(zoneOf(object, "zone-a").Phase), "Updating")
	r.expectCondition(object, "Degraded", metav1.ConditionTrue, "NotHealthy")
	r.untilTold("ZoneSkipped", "zone-a", "its disks")
	r.untilHistory("2 Partial current=false wanted=true byUndo=false", "1 Completed current=true wanted=false byUndo=false")

	r.behave("zone-a")
	ready := r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllZonesReady")
	expect(t, "currentRevision", ready.Status.CurrentRevision, ready.Status.UpdateRevision)
	expect(t, "whether a skip is left", r.hasSkipped(), false)
	r.untilHistory("2 Completed current=true wanted=true byUndo=false", "1 Completed current=false wanted=false byUndo=false")
}

// TestOthersAreTakenOutOfTheVMUserThatASkippedZoneIsKeptAwayFrom: they share it, and
// it is as it was in the end.
func TestOthersAreTakenOutOfTheVMUserThatASkippedZoneIsKeptAwayFrom(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.readFrom()
	before, _ := r.routes()
	r.misbehave("zone-a", standin.Stuck)
	r.apply(readZones("v2", "v2", "v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	r.skip("zone-a")
	r.untilCompleteWithout("zone-a")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	r.expectDrained("zone-a")

	r.behave("zone-a")
	r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllZonesReady")
	after, _ := r.routes()
	expect(t, "routes after the rollout", after, before)
}

func TestSeveralSkippedZonesAreKeptAwayFromOneVMUserAndComeBackAsTheyGetWell(t *testing.T) {
	t.Parallel()
	r, zones := newRoom(t), []string{"zone-a", "zone-b", "zone-c", "zone-d"}
	r.reader(zones...)
	r.apply(readBy(manifest("demo", versions("v1", zones...)...)))
	r.untilReady("demo")
	before, _ := r.routes()
	for _, zone := range zones[:2] {
		r.misbehave(zone, standin.Stuck)
	}
	r.apply(readBy(manifest("demo", versions("v2", zones...)...)))
	for _, zone := range zones[:2] {
		r.untilZone("demo", zone, "Updating", "WaitingForOperator")
		r.skip(zone)
	}
	r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllOthersReady")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-d@2")
	r.expectDrained("zone-a", "zone-b")

	r.behave("zone-b")
	r.untilZone("demo", "zone-b", "Ready", "UpToDate")
	r.expectDrained("zone-a")
	r.behave("zone-a")
	r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllZonesReady")
	after, _ := r.routes()
	expect(t, "routes after the rollout", after, before)
}

// expectDrained compares the zones of which the VMUser carries a record.
func (r *room) expectDrained(zones ...string) {
	r.t.Helper()
	records, err := victoriametrics.DrainRecords(r.object(userResource, "reader"))
	must(r.t, err)
	var have []string
	for _, record := range records {
		have = append(have, record.Zones...)
	}
	if !slices.Equal(have, zones) {
		r.t.Errorf("VMUser reader is drained of %v, want %v", have, zones)
	}
}

func TestAZoneThatWasSkippedStaysAsItIsUntilRetryOrAnotherRevision(t *testing.T) {
	r := stuckInTheMiddle(t)
	r.skip("zone-b")
	r.behave("zone-a")
	r.untilCompleteWithout("zone-b")
	r.expectUpdates("zone-a@2", "zone-c@2")
	for range 2 {
		r.apply(threeZones("v2"))
		r.settle("demo")
	}
	r.expectUpdates("zone-a@2", "zone-c@2")
	_, err := r.own.Retry(t.Context(), "demo", &v1alpha1.VMDistributedClusterRetry{}, metav1.CreateOptions{})
	expectRefused(t, "a retry of nothing", err, "zone-b was skipped, which a retry takes back that names the zone")

	r.retryZone("zone-b")
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-c@2", "zone-b@2")
	_, err = r.own.Skip(t.Context(), "demo", &v1alpha1.VMDistributedClusterSkip{Zone: "zone-b", Reason: "too late"}, metav1.CreateOptions{})
	expectRefused(t, "a skip of what is done", err, "there is nothing to be changed")

	// Another revision was not meant.
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v3"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	r.skip("zone-b")
	r.apply(threeZones("v4"))
	r.behave("zone-a")
	r.untilReady("demo")
	expect(t, "whether a skip is left", r.hasSkipped(), false)
}

func TestAnAbortHoldsTheZonesThatASkipLetGoOn(t *testing.T) {
	r := stuckInTheMiddle(t)
	r.abort("errors in zone-a")
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted")
	r.skip("zone-a")
	r.untilZone("demo", "zone-a", "Updating", "Skipped")
	r.settle("demo")
	r.expectUpdates("zone-a@2")
	r.retry()
	r.untilCompleteWithout("zone-a")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}
