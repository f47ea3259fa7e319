// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const storageRequest = "vmstorage.storage.volumeClaimTemplate.spec.resources.requests.storage"

// large has storage to lose.
func large() fields {
	return with(withStorage(small("v1"), "20Gi"), "vmstorage.replicaCount", int64(3))
}

func TestStorageDoesNotShrinkWithoutPermission(t *testing.T) {
	for _, test := range []struct {
		name string
		// small is what takes storage away, permission what allows exactly that.
		small                       fields
		path, permission, otherwise string
	}{
		{
			"fewer nodes", with(large(), "vmstorage.replicaCount", int64(2)),
			"vmstorage.replicaCount", "zone-a:vmstorage.replicaCount=2", "zone-a:vmstorage.replicaCount=1",
		},
		{
			"a smaller volume", withStorage(large(), "10Gi"),
			storageRequest, "zone-a:" + storageRequest + "=10Gi", "zone-b:" + storageRequest + "=10Gi",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			zones := func(spec fields) fields { return manifest("demo", inline("zone-a", spec), inline("zone-b", large())) }
			permit := func(permission string) fields {
				return with(zones(test.small), "metadata.annotations", fields{permitShrink: permission})
			}
			r.apply(zones(large()))
			r.untilReady("demo")
			versions := r.versions()
			r.apply(zones(test.small))
			r.untilZone("demo", "zone-a", "Refused", "StorageWouldShrink", test.path, test.permission)
			r.apply(permit(test.otherwise))
			object := r.settle("demo")
			r.expectCondition(object, "Stalled", metav1.ConditionTrue, "StorageWouldShrink")
			r.expectVersions(versions)

			r.apply(permit(test.permission))
			r.untilReady("demo")
			r.expectUpdates("zone-a@2")
		})
	}
}

func TestOverrideDoesNotShrinkStorage(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", large())
	r.existing("zone-b", small("v1"))
	r.override(nil)
	r.untilReady("demo")
	r.settle("demo")
	versions := r.versions()
	r.override(fields{"vmstorage": fields{"replicaCount": int64(2)}})
	r.untilZone("demo", "zone-a", "Refused", "StorageWouldShrink", "vmstorage.replicaCount to 2")
	r.settle("demo")
	r.expectVersions(versions)
	r.patch("demo", fields{"metadata": fields{"annotations": fields{permitShrink: "zone-a:vmstorage.replicaCount=2"}}})
	r.untilReady("demo")
	r.expectUpdates("zone-a@2")
}

func TestTakingAnOverrideAwayDoesNotShrinkStorage(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", withStorage(small("v1"), "10Gi"))
	r.existing("zone-b", small("v1"))
	r.override(fields{"vmstorage": fields{"replicaCount": int64(2)}})
	r.untilReady("demo")
	r.settle("demo")
	versions := r.versions()
	r.override(nil)
	r.untilZone("demo", "zone-a", "Refused", "StorageWouldShrink", "vmstorage.replicaCount to 1")
	r.settle("demo")
	r.expectVersions(versions)
	r.patch("demo", fields{"metadata": fields{"annotations": fields{permitShrink: "zone-a:vmstorage.replicaCount=1"}}})
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-a@3")
}

func TestUnreadablePermissionIsRefusedAtTheWrite(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(manifest("demo", inline("zone-a", large()), inline("zone-b", large())))
	r.untilReady("demo")
	body, err := json.Marshal(fields{"metadata": fields{"annotations": fields{permitShrink: "everything"}}})
	must(t, err)
	_, err = r.own.Patch(t.Context(), "demo", types.MergePatchType, body, metav1.PatchOptions{})
	if !apierrors.IsInvalid(err) {
		t.Fatalf("got %v, want it to be refused as invalid", err)
	}
	expectContains(t, "the error", err.Error(), "metadata.annotations["+permitShrink+"]", "everything")
}
