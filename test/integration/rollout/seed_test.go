// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// example reads one of the two examples that came with the task, or our own
// sample of that shape where the folder is not there.
func example(t *testing.T, name string) []byte {
	t.Helper()
	root, err := controlplane.FindRoot()
	must(t, err)
	for _, dir := range []string{filepath.Join(root, "..", "shared", "seed"), filepath.Join(root, "artifacts", "samples")} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			return content
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("there is no file %s to test with", name)
	return nil
}

func TestExampleInlineCreatesAllZonesAtOnceInListOrder(t *testing.T) {
	t.Parallel()
	r, file := newRoom(t), example(t, "example-inline.yaml")
	const name = "my-distributed-cluster"
	r.hold()
	r.applyYAML(name, file)
	// The first zone never gets healthy, and the second one is there.
	r.untilZone(name, "zone-b", "Creating", "WaitingForOperator")
	r.expectCreated("zone-a", "zone-b")
	r.letGo()
	ready := r.untilReady(name)
	expect(t, "updateStatus", ready.Status.UpdateStatus, "operational")
	expect(t, "currentRevision", ready.Status.CurrentRevision, ready.Status.UpdateRevision)
	r.expectApplyingAgainChangesNothing(name, file)
}

func TestExampleRefsAdoptsAndUpdatesInListOrder(t *testing.T) {
	t.Parallel()
	r, file := newRoom(t), example(t, "example-refs.yaml")
	r.existingZones()
	const name = "referenced-distributed-cluster"
	r.applyYAML(name, file)
	r.patch(name, fields{"spec": fields{"strategy": fields{"updatePause": "0s"}}})
	r.untilReady(name)
	r.expectOverridden()
	r.expectApplyingAgainChangesNothing(name, file)
}

// TestExampleRefsUnchanged takes over a minute, which is the default updatePause.
func TestExampleRefsUnchanged(t *testing.T) {
	t.Parallel()
	r, file := newRoom(t), example(t, "example-refs.yaml")
	r.existingZones()
	const name = "referenced-distributed-cluster"
	r.applyYAML(name, file)
	baking := r.untilZone(name, "existing-cluster-zone-1", "Baking", "Baking")
	r.untilZone(name, "existing-cluster-zone-2", "Pending", "Baking")
	r.expectUpdates("existing-cluster-zone-1@2")
	ready := r.untilReady(name)
	r.expectOverridden()
	first, second := baking.UpdateFinished, zoneOf(ready, "existing-cluster-zone-2").UpdateStarted
	if second == nil {
		second = zoneOf(ready, "existing-cluster-zone-2").UpdateFinished
	}
	if pause := second.Sub(first.Time); pause.Minutes() < 1 {
		t.Errorf("the second zone followed after %s, want at least the default updatePause of 1m", pause)
	}
	r.expectApplyingAgainChangesNothing(name, file)
}

// existingZones are the clusters that the example refers to.
func (r *room) existingZones() {
	r.t.Helper()
	for _, name := range []string{"existing-cluster-zone-1", "existing-cluster-zone-2"} {
		r.existing(name, withStorage(small("v1"), "10Gi"))
	}
}

func withStorage(spec fields, size string) fields {
	return with(spec, "vmstorage.storage.volumeClaimTemplate.spec.resources.requests.storage", size)
}

func (r *room) expectOverridden() {
	r.t.Helper()
	r.expectUpdates("existing-cluster-zone-1@2", "existing-cluster-zone-2@2")
	one, two := r.cluster("existing-cluster-zone-1"), r.cluster("existing-cluster-zone-2")
	const request = "spec.vmstorage.storage.volumeClaimTemplate.spec.resources.requests.storage"
	expect(r.t, "storage of zone 1", at(one, request), any("20Gi"))
	expect(r.t, "storage of zone 2", at(two, request), any("10Gi"))
	expect(r.t, "replicas of zone 1", at(one, "spec.vmstorage.replicaCount"), any(int64(1)))
	expect(r.t, "replicas of zone 2", at(two, "spec.vmstorage.replicaCount"), any(int64(2)))
	expect(r.t, "owner references", len(one.GetOwnerReferences())+len(two.GetOwnerReferences()), 0)
}

// expectApplyingAgainChangesNothing applies a file again, when all is Ready.
func (r *room) expectApplyingAgainChangesNothing(name string, file []byte) {
	r.t.Helper()
	before, versions := r.get(name), r.versions()
	after := r.applyYAML(name, file)
	expect(r.t, "generation after applying again", after.Generation, before.Generation)
	expect(r.t, "resourceVersion after applying again", after.ResourceVersion, before.ResourceVersion)
	r.settle(name)
	r.expectVersions(versions)
	r.expectCondition(r.get(name), "Ready", metav1.ConditionTrue, "AllZonesReady")
}
