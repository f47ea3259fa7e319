// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

func TestPausedFromTheBeginningMakesNothing(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.agent(fields{})
	agent := r.untilObject(agentResource, "agent", "operational", operational).GetResourceVersion()
	paused := with(with(threeZones("v1"), "spec.paused", true), "spec.vmagent.name", "agent")
	r.apply(paused)
	object := r.untilCondition("demo", "Paused", metav1.ConditionTrue, "RolloutPaused")
	expect(t, "updateStatus", object.Status.UpdateStatus, "paused")
	r.expectCondition(object, "Reconciling", metav1.ConditionTrue, "")
	r.expectCondition(object, "Stalled", metav1.ConditionFalse, "")
	r.settle("demo")
	r.expectCreated()
	expect(t, "resourceVersion of the VMAgent", r.object(agentResource, "agent").GetResourceVersion(), agent)

	r.apply(with(paused, "spec.paused", false))
	ready := r.untilReady("demo")
	r.expectCreated("zone-a", "zone-b", "zone-c")
	r.expectCondition(ready, "Paused", metav1.ConditionFalse, "")
}

// TestPausedWritesNothing changes everything that could lead to a write.
func TestPausedWritesNothing(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for _, name := range []string{"existing", "overridden", "unmarked"} {
		r.existing(name, small("v1"))
	}
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("leaving", small("v1")), ref("existing", nil), ref("overridden", fields{"clusterVersion": "v2"})))
	r.untilReady("demo")
	r.settle("demo")
	versions := r.versions()
	r.apply(with(manifest("demo", inline("zone-a", small("v2")), inline("new", small("v1")), ref("existing", fields{"clusterVersion": "v2"}), ref("overridden", nil), ref("unmarked", nil)),
		"spec.paused", true))
	r.untilCondition("demo", "Paused", metav1.ConditionTrue, "RolloutPaused")
	object := r.settle("demo")
	r.expectVersions(versions)
	zone := zoneOf(object, "zone-a")
	expect(t, "phase of a zone that has to be changed", string(zone.Phase), "Pending")
	expect(t, "its reason", zone.Reason, "Paused")
	expect(t, "zones that are up to date", object.Status.UpdatedZones, 1)

	r.patch("demo", fields{"spec": fields{"paused": false}})
	r.untilReady("demo")
	r.expectCreated("zone-a", "leaving", "new")
	r.expectUpdates("overridden@2", "zone-a@2", "existing@2", "overridden@3")
}

func TestPauseInTheMiddleOfARolloutHoldsTheOtherZones(t *testing.T) {
	r := readyZones(t)
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilCluster("zone-a", "written", generation(2))
	r.patch("demo", fields{"spec": fields{"paused": true}})
	r.behave("zone-a")
	r.untilStatus("zone-a", "operational@2")
	// Status goes on reporting.
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	object := r.settle("demo")
	expect(t, "updateStatus", object.Status.UpdateStatus, "paused")
	r.expectUpdates("zone-a@2")
	r.patch("demo", fields{"spec": fields{"paused": false}})
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestDeadlineDoesNotRunWhilePaused(t *testing.T) {
	r := readyZones(t)
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilCluster("zone-a", "written", generation(2))
	r.patch("demo", fields{"spec": fields{"paused": true, "strategy": fields{"readyTimeout": "1ms"}}})
	object := r.untilCondition("demo", "Paused", metav1.ConditionTrue, "RolloutPaused")
	expect(t, "phase of a zone that is held in its update", string(zoneOf(object, "zone-a").Phase), "Updating")
	r.patch("demo", fields{"spec": fields{"paused": false}})
	r.untilZone("demo", "zone-a", "Failed", "ReadyTimeout")
	r.behave("zone-a")
	r.untilReady("demo")
}
