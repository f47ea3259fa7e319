// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func TestInlineZoneNamedLikeSomebodyElsesClusterTouchesNothing(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	theirs := r.existing("zone-a", small("v1"))
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Refused", "NotOurs", "ref")
	object := r.untilCondition("demo", "Stalled", metav1.ConditionTrue, "NotOurs")
	expect(t, "updateStatus", object.Status.UpdateStatus, "failed")
	r.settle("demo")
	expect(t, "resourceVersion of their cluster", r.cluster("zone-a").GetResourceVersion(), theirs.GetResourceVersion())

	// Nor does deleting the object.
	r.delete("demo")
	r.untilGone("demo")
	expect(t, "resourceVersion of their cluster after deletion", r.cluster("zone-a").GetResourceVersion(), theirs.GetResourceVersion())
}

func TestReferringToAClusterThatWasNotOursAdoptsIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	theirs := r.existing("zone-a", small("v1"))
	r.apply(manifest("demo", inline("zone-a", small("v2")), inline("zone-b", small("v1"))))
	r.untilZone("demo", "zone-a", "Refused", "NotOurs")
	r.apply(manifest("demo", ref("zone-a", nil), inline("zone-b", small("v1"))))
	r.untilReady("demo")
	adopted := r.cluster("zone-a")
	expect(t, "owner", adopted.GetAnnotations()[ownerMark], r.namespace+"/demo")
	expect(t, "generation", adopted.GetGeneration(), theirs.GetGeneration())
	expectSameSpec(t, adopted, theirs)
	r.expectUpdates()
}

// TestFirstApplyCreatesAndNeverChanges is about the guard against a VMCluster of
// that name that somebody makes between our look and our write.
func TestFirstApplyCreatesAndNeverChanges(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(clusterResource, "VMCluster", "taken", small("v1"))
	taken := r.untilOperational("taken")
	first := func(name string) (*unstructured.Unstructured, error) {
		owner := types.NamespacedName{Namespace: r.namespace, Name: "demo"}
		body, err := json.Marshal(victoriametrics.InlineApply(r.namespace, name, owner, "uid", "revision", small("v2"), "1"))
		must(t, err)
		return shared.objects.Resource(clusterResource).Namespace(r.namespace).Patch(t.Context(), name, types.ApplyPatchType, body,
			metav1.PatchOptions{FieldManager: victoriametrics.FieldManager, Force: ptr.To(true)})
	}
	if _, err := first("taken"); !apierrors.IsConflict(err) {
		t.Errorf("applying to a cluster that exists: %v, want a conflict", err)
	}
	expect(t, "resourceVersion of a cluster that existed", r.cluster("taken").GetResourceVersion(), taken.GetResourceVersion())
	created, err := first("absent")
	must(t, err)
	expect(t, "generation of the one that did not", created.GetGeneration(), int64(1))
	if _, err := first("absent"); !apierrors.IsConflict(err) {
		t.Errorf("applying for the first time again: %v, want a conflict", err)
	}
	expect(t, "its generation", r.cluster("absent").GetGeneration(), int64(1))
}

func TestMarkOfAnotherObjectIsRespected(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", small("v1"))
	r.annotate("zone-a", fields{ownerMark: r.namespace + "/another"})
	theirs := r.cluster("zone-a")
	r.apply(manifest("demo", ref("zone-a", fields{"clusterVersion": "v2"}), inline("zone-b", small("v1"))))
	r.untilZone("demo", "zone-a", "Refused", "ClaimedByOther", r.namespace+"/another")
	r.settle("demo")
	expect(t, "resourceVersion of their cluster", r.cluster("zone-a").GetResourceVersion(), theirs.GetResourceVersion())
}

func expectSameSpec(t *testing.T, got, want *unstructured.Unstructured) {
	t.Helper()
	if !equality.Semantic.DeepEqual(got.Object["spec"], want.Object["spec"]) {
		t.Errorf("spec of %s is %v, want %v", got.GetName(), got.Object["spec"], want.Object["spec"])
	}
}
