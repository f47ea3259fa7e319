// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// readyZones makes three zones at version v1 and waits until they are Ready.
func readyZones(t *testing.T) *room {
	t.Helper()
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	return r
}

func TestChangeOfOneFieldRollsZoneAfterZone(t *testing.T) {
	r := readyZones(t)
	r.apply(threeZones("v2"))
	ready := r.untilReady("demo")
	r.expectCreated("zone-a", "zone-b", "zone-c")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	expect(t, "currentRevision", ready.Status.CurrentRevision, ready.Status.UpdateRevision)
	expect(t, "updated zones", ready.Status.UpdatedZones, 3)
	expect(t, "ready zones", ready.Status.ReadyZones, 3)
	r.expectCondition(ready, "Progressing", metav1.ConditionTrue, "RolloutCompleted")
	r.expectCondition(ready, "Reconciling", metav1.ConditionFalse, "")
	r.expectCondition(ready, "Stalled", metav1.ConditionFalse, "")
	r.expectCondition(ready, "Degraded", metav1.ConditionFalse, "")
}

func TestOnlyZonesThatDifferAreTouched(t *testing.T) {
	r := readyZones(t)
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("zone-b", small("v2")), inline("zone-c", small("v1"))))
	r.untilReady("demo")
	r.expectUpdates("zone-b@2")
}

func TestReorderedListChangesNoZone(t *testing.T) {
	r := readyZones(t)
	before, versions := r.get("demo"), r.versions()
	r.apply(manifest("demo", inline("zone-c", small("v1")), inline("zone-a", small("v1")), inline("zone-b", small("v1"))))
	after := r.settle("demo")
	expect(t, "revision", after.Status.UpdateRevision, before.Status.UpdateRevision)
	r.expectVersions(versions)
	expect(t, "first zone in status", after.Status.Zones[0].Name, "zone-c")
	r.apply(manifest("demo", inline("zone-c", small("v2")), inline("zone-a", small("v2")), inline("zone-b", small("v2"))))
	r.untilReady("demo")
	r.expectUpdates("zone-c@2", "zone-a@2", "zone-b@2")
}

// TestNextZoneWaits lets the operator misbehave on the first zone.
func TestNextZoneWaits(t *testing.T) {
	for _, test := range []struct {
		name      string
		behaviour standin.Behaviour
		// phase and reason of the zone meanwhile, and what it must tell
		phase, reason, evidence string
	}{
		{"until the operator has observed the generation that was written", standin.Stale, "Updating", "WaitingForOperator", `"operational" for generation 1, wanted 2`},
		{"until the workloads have converged though the operator says operational", standin.FalseOperational, "Updating", "WaitingForOperator", "0 updated"},
		{"until every replica is ready though the operator says operational", standin.Unready, "Updating", "WaitingForOperator", "0 ready"},
		{"while the operator is expanding", standin.Stuck, "Updating", "WaitingForOperator", `"expanding" for generation 2`},
		{"while the operator reports a failure", standin.Fail, "Failed", "OperatorFailed", "out of luck"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readyZones(t)
			r.misbehave("zone-a", test.behaviour)
			r.annotate("zone-a", fields{standin.ReasonAnnotation: "out of luck"})
			if test.behaviour == standin.FalseOperational {
				// This one misbehaves as long as its lag lasts.
				r.annotate("zone-a", fields{standin.LagAnnotation: "1h"})
			}
			r.apply(threeZones("v2"))
			r.untilZone("demo", "zone-a", test.phase, test.reason, test.evidence)
			object := r.settle("demo")
			for _, waiting := range []string{"zone-b", "zone-c"} {
				expect(t, waiting, string(zoneOf(object, waiting).Phase), "Pending")
			}
			r.expectUpdates("zone-a@2")

			r.behave("zone-a")
			ready := r.untilReady("demo")
			r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
			r.expectCondition(ready, "Stalled", metav1.ConditionFalse, "")
		})
	}
}

func TestUpdateOverItsDeadlineIsReportedAndRecovers(t *testing.T) {
	r := readyZones(t)
	r.misbehave("zone-a", standin.Stuck)
	r.apply(with(threeZones("v2"), "spec.strategy.readyTimeout", "1s"))
	r.untilZone("demo", "zone-a", "Failed", "ReadyTimeout", "expanding")
	object := r.untilCondition("demo", "Stalled", metav1.ConditionTrue, "ReadyTimeout")
	r.expectCondition(object, "Degraded", metav1.ConditionTrue, "ReadyTimeout")
	r.expectCondition(object, "Ready", metav1.ConditionFalse, "ReadyTimeout")
	r.expectCondition(object, "Progressing", metav1.ConditionFalse, "ReadyTimeout")
	r.expectCondition(object, "Reconciling", metav1.ConditionFalse, "")
	expect(t, "updateStatus", object.Status.UpdateStatus, "failed")
	expectContains(t, "reason", object.Status.Reason, "zone-a", "expanding")
	r.expectUpdates("zone-a@2")

	r.behave("zone-a")
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestFixReachesABrokenZoneAtOnce(t *testing.T) {
	for _, behaviour := range []standin.Behaviour{standin.Fail, standin.Stuck, standin.Stale, standin.Unready} {
		t.Run(string(behaviour), func(t *testing.T) {
			r := readyZones(t)
			r.misbehave("zone-a", behaviour)
			r.apply(threeZones("v2"))
			r.untilCluster("zone-a", "written", generation(2))
			r.settle("demo")
			r.apply(threeZones("v3"))
			// The zone is broken all the while.
			r.untilCluster("zone-a", "written again", generation(3))
			r.expectUpdates("zone-a@2", "zone-a@3")
			r.behave("zone-a")
			r.untilReady("demo")
			// The revision that was broken reaches no other zone.
			r.expectUpdates("zone-a@2", "zone-a@3", "zone-b@2", "zone-c@2")
		})
	}
}

func TestUnhealthyZoneGoesFirst(t *testing.T) {
	r := readyZones(t)
	r.misbehaveNow("zone-b", standin.Unready)
	r.untilZone("demo", "zone-b", "Unhealthy", "NotHealthy")
	r.expectCondition(r.get("demo"), "Degraded", metav1.ConditionTrue, "NotHealthy")
	r.apply(threeZones("v2"))
	r.untilCluster("zone-b", "written", generation(2))
	r.settle("demo")
	r.expectUpdates("zone-b@2")
	r.behave("zone-b")
	r.untilReady("demo")
	r.expectUpdates("zone-b@2", "zone-a@2", "zone-c@2")
}

func TestHealthyZoneIsNotTouchedWhileAnotherOneIsPaused(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", small("v1"))
	r.existing("zone-b", small("v1"))
	r.apply(manifest("demo", ref("zone-a", nil), ref("zone-b", nil)))
	r.untilReady("demo")
	r.edit("zone-b", fields{"spec": fields{"paused": true}})
	r.untilZone("demo", "zone-b", "Unhealthy", "NotHealthy")
	r.apply(manifest("demo", ref("zone-a", fields{"clusterVersion": "v2"}), ref("zone-b", nil)))
	r.untilZone("demo", "zone-a", "Pending", "Blocked", "zone-b", "paused")
	r.settle("demo")
	r.expectUpdates()
	r.edit("zone-b", fields{"spec": fields{"paused": nil}})
	r.untilReady("demo")
	r.expectUpdates("zone-a@2")
}

func TestSingleZoneNeedsLeaveToBeTouched(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(manifest("demo", inline("only", small("v1"))))
	r.untilReady("demo")
	r.apply(manifest("demo", inline("only", small("v2"))))
	r.untilZone("demo", "only", "Pending", "MinAvailableZones", "spec.strategy.minAvailableZones")
	object := r.settle("demo")
	r.expectCondition(object, "Stalled", metav1.ConditionTrue, "MinAvailableZones")
	r.expectUpdates()
	r.apply(with(manifest("demo", inline("only", small("v2"))), "spec.strategy.minAvailableZones", int64(0)))
	r.untilReady("demo")
	r.expectUpdates("only@2")
}

func TestNewZoneIsCreatedBesideAnUnhealthyOne(t *testing.T) {
	r := readyZones(t)
	r.misbehaveNow("zone-a", standin.Unready)
	r.untilZone("demo", "zone-a", "Unhealthy", "NotHealthy")
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("zone-d", small("v1")), inline("zone-b", small("v1")), inline("zone-c", small("v1"))))
	r.untilZone("demo", "zone-d", "Ready", "UpToDate")
	r.expectCreated("zone-a", "zone-b", "zone-c", "zone-d")
	r.expectUpdates()
}
