// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// TestRecordBrokenByHandHaltsItsRolloutUntilItIsPutRight: what is shown in the place of the
// object names no zone, and is not taken for what somebody wants.
func TestRecordBrokenByHandHaltsItsRolloutUntilItIsPutRight(t *testing.T) {
	r := newRoom(t, shared)
	r.stick("zone-a", "zone-b")
	r.begin()
	records := shared.objects.Resource(recordResource).Namespace(r.namespace)
	payload := r.object(recordResource, "demo").Object["payload"]
	put := func(payload any) {
		_, err := records.Patch(t.Context(), "demo", types.MergePatchType, fmt.Appendf(nil, `{"payload":%q}`, payload), metav1.PatchOptions{})
		must(t, err)
	}
	before := said(t, "Doing nothing for an object that can't be read", shared.replicas...)
	put("%")
	untilSaid(t, "Doing nothing for an object that can't be read", before, shared.replicas...)
	r.free("zone-a")
	estate := r.estate()
	before = said(t, "Doing nothing for an object that can't be read", shared.replicas...)
	for _, replica := range shared.replicas { // whichever leads has it from a list then
		must(t, replica.Restart(t.Context()))
	}
	untilSaid(t, "Doing nothing for an object that can't be read", before, shared.replicas...)
	r.expectEstate(estate)
	shown, err := r.own.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	if len(shown.Items) != 1 || shown.Items[0].Annotations[storagev1.UnreadableAnnotation] == "" {
		t.Errorf("a list has %v", shown.Items)
	}
	put(payload)
	r.untilStuck("zone-b")
	r.free("zone-b")
	r.expectConcluded()
}
