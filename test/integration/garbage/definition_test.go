// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package garbage

import (
	"context"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestDefinitionThatGoesWithItsRecordsIsNoDeletion: somebody deletes the definition, and
// takes the guards off, so that it can go.
func TestDefinitionThatGoesWithItsRecordsIsNoDeletion(t *testing.T) {
	r := newRoom(t, controlplane.StoreHost)
	definitions := shared.objects.Resource(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"))
	name := storagev1.VMDistributedClusterRecords + "." + storagev1.GroupName
	must(t, definitions.Delete(t.Context(), name, metav1.DeleteOptions{}))
	r.poll("the record to be marked as being deleted", func(ctx context.Context) bool {
		record, err := r.records().Get(ctx, "owner", metav1.GetOptions{})
		must(t, err)
		return record.GetDeletionTimestamp() != nil
	})
	r.patchRecord("owner", `{"metadata":{"finalizers":null}}`)
	r.poll("the definition to be gone", func(ctx context.Context) bool {
		_, err := definitions.Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	r.untilGarbageIsCollected()
	r.expectThere()
	r.untilGarbageIsCollected()
	r.expectThere()
}
