// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// restore puts an object back to what it was, as a restoration from a backup does.
func (r *room) restore(resource schema.GroupVersionResource, backup *unstructured.Unstructured) {
	r.t.Helper()
	old, now := backup.DeepCopy(), r.object(resource, backup.GetName())
	old.SetResourceVersion(now.GetResourceVersion())
	_, err := r.site.objects.Resource(resource).Namespace(r.namespace).Update(r.t.Context(), old, metav1.UpdateOptions{FieldManager: "backup"})
	must(r.t, err)
}

// TestBackupFromTheMiddleOfARolloutRestoredWhenItHasLongEnded: whichever of the VMUser and
// the record is, or both are, put back to when zone-b was drained and written.
func TestBackupFromTheMiddleOfARolloutRestoredWhenItHasLongEnded(t *testing.T) {
	r := newRoom(t, shared)
	r.stick("zone-b")
	must(t, r.apply(demo("v2")))
	r.untilStuck("zone-b")
	user, record := r.object(userResource, "reader"), r.object(recordResource, "demo")
	expect(t, "records of drains in the backup", len(r.drains()), 1)
	r.free("zone-b")
	r.expectConcluded()
	ended := r.estate()
	for _, restored := range []struct {
		what         string
		user, record bool
	}{{"the VMUser", true, false}, {"the record", false, true}, {"both", true, true}} {
		t.Log(restored.what, "restored")
		if restored.record {
			r.restore(recordResource, record)
		}
		if restored.user {
			r.restore(userResource, user)
			poll(t, "the drain to be undone", func() string {
				if len(r.drains()) > 0 {
					return "its record is there"
				}
				return ""
			})
		}
		r.expectConcluded()
		now := r.estate()
		for name := range ended {
			if name != "vmusers/reader" { // of which the generation has moved
				expect(t, name, now[name], ended[name])
			}
		}
	}
}
