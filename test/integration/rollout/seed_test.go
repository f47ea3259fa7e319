// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/examples"
)

func TestExampleInlineCreatesAllZonesAtOnceInListOrder(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	example, err := examples.Inline()
	must(t, err)
	r.hold()
	r.applyYAML(example.Name, example.Body)
	// The first zone never gets healthy, and the second one is there.
	r.untilZone(example.Name, example.Zones[1], "Creating", "WaitingForOperator")
	r.expectCreated(example.Zones...)
	r.letGo()
	ready := r.untilReady(example.Name)
	expect(t, "updateStatus", ready.Status.UpdateStatus, "operational")
	expect(t, "currentRevision", ready.Status.CurrentRevision, ready.Status.UpdateRevision)
	r.expectApplyingAgainChangesNothing(example)
}

func TestExampleReferencesAdoptsAndUpdatesInListOrder(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	example := r.referredTo()
	r.applyYAML(example.Name, example.Body)
	r.patch(example.Name, fields{"spec": fields{"strategy": fields{"updatePause": "0s"}}})
	r.untilReady(example.Name)
	r.expectOverridden(example)
	r.expectApplyingAgainChangesNothing(example)
}

// TestExampleReferencesUnchanged takes over a minute, the default updatePause.
func TestExampleReferencesUnchanged(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	example := r.referredTo()
	first, second := example.Zones[0], example.Zones[1]
	applied := r.applyYAML(example.Name, example.Body)
	pause, err := time.ParseDuration(applied.Spec.Strategy.UpdatePause)
	must(t, err)
	baking := r.untilZone(example.Name, first, "Baking", "Baking")
	r.untilZone(example.Name, second, "Pending", "Baking")
	r.expectUpdates(first + "@2")
	ready := r.untilReady(example.Name)
	r.expectOverridden(example)
	if between := zoneOf(ready, second).UpdateFinished.Sub(baking.UpdateFinished.Time); between < pause {
		t.Errorf("the second zone was done %s after the first, want an updatePause of at least %s", between, pause)
	}
	r.expectApplyingAgainChangesNothing(example)
}

// referredTo makes the clusters that the example refers to.
func (r *room) referredTo() examples.Example {
	r.t.Helper()
	example, err := examples.References()
	must(r.t, err)
	for _, name := range example.Zones {
		r.existing(name, withStorage(small("v1"), "10Gi"))
	}
	return example
}

func withStorage(spec fields, size string) fields {
	return with(spec, "vmstorage.storage.volumeClaimTemplate.spec.resources.requests.storage", size)
}

func (r *room) expectOverridden(example examples.Example) {
	r.t.Helper()
	r.expectUpdates(example.Zones[0]+"@2", example.Zones[1]+"@2")
	one, two := r.cluster(example.Zones[0]), r.cluster(example.Zones[1])
	const request = "spec." + storageRequest
	expect(r.t, "storage of the first zone", at(one, request), any("20Gi"))
	expect(r.t, "storage of the second zone", at(two, request), any("10Gi"))
	expect(r.t, "replicas of the first zone", at(one, "spec.vmstorage.replicaCount"), any(int64(1)))
	expect(r.t, "replicas of the second zone", at(two, "spec.vmstorage.replicaCount"), any(int64(2)))
	expect(r.t, "owner references", len(one.GetOwnerReferences())+len(two.GetOwnerReferences()), 0)
}

// expectApplyingAgainChangesNothing applies an example again, when all is Ready.
func (r *room) expectApplyingAgainChangesNothing(example examples.Example) {
	r.t.Helper()
	before, versions := r.get(example.Name), r.versions()
	after := r.applyYAML(example.Name, example.Body)
	expect(r.t, "generation after applying again", after.Generation, before.Generation)
	expect(r.t, "resourceVersion after applying again", after.ResourceVersion, before.ResourceVersion)
	r.settle(example.Name)
	r.expectVersions(versions)
	r.expectCondition(r.get(example.Name), "Ready", metav1.ConditionTrue, "AllZonesReady")
}
