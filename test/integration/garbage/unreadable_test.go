// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package garbage

import (
	"context"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestObjectThatCanNotBeReadIsNotDeleted: who watches is told that it is there, and so is
// who begins anew, also where nothing but its record is left to say so.
func TestObjectThatCanNotBeReadIsNotDeleted(t *testing.T) {
	r := newRoom(t, controlplane.StoreHost)
	r.create("other")
	sound, err := r.records().Get(t.Context(), "owner", metav1.GetOptions{})
	must(t, err)
	for _, patch := range []string{
		`{"payload":"%"}`,
		fmt.Sprintf(`{"payload":"%%","metadata":{"annotations":{%q:null}}}`, storagev1.ObjectAnnotation),
	} {
		r.patchRecord("owner", patch)
		for range 2 {
			r.untilCollected("other")
			r.expectThere()
			r.expectUnreadable()
			must(t, r.server.Restart(t.Context())) // which ends all watches
		}
		r.patchRecord("owner", fmt.Sprintf(`{"payload":%q}`, sound.Object["payload"]))
		again, err := r.own.Get(t.Context(), "owner", metav1.GetOptions{})
		must(t, err)
		if again.UID != r.uid {
			t.Errorf("the uid is %s, and was %s", again.UID, r.uid)
		}
		r.untilCollected("owner")
		r.expectThere()
	}
	must(t, r.own.Delete(t.Context(), "owner", metav1.DeleteOptions{}))
	r.untilGone("dependent")
}

func (r *room) patchRecord(name, patch string) {
	r.t.Helper()
	_, err := r.records().Patch(r.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(r.t, err)
}

// expectUnreadable wants a list to have both, and to say of one that it can't be read.
func (r *room) expectUnreadable() {
	r.t.Helper()
	r.poll("a list with both", func(ctx context.Context) bool {
		found, err := r.own.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false
		}
		said := map[string]bool{}
		for i := range found.Items {
			_, said[found.Items[i].Name] = found.Items[i].Annotations[storagev1.UnreadableAnnotation]
		}
		return len(said) == 2 && said["owner"] && !said["other"]
	})
	if _, err := r.own.Get(r.t.Context(), "owner", metav1.GetOptions{}); err == nil || apierrors.IsNotFound(err) {
		r.t.Errorf("what can't be read is answered with %v", err)
	}
}
