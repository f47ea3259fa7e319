// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// unreadableError says which record can't be read, and why.
type unreadableError struct {
	record *storagev1.Record
	cause  error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("the record %s/%s can't be read: %v", e.record.Namespace, e.record.Name, e.cause)
}

func (e *unreadableError) Unwrap() error { return e.cause }

// readError says to callers what is wrong with a record, and what to do about it: the
// controller that empties a namespace shows it as it is. What the registry calls corrupt
// may be deleted unread by who asks for that.
func readError(ctx context.Context, key string, err error) error {
	var unreadable *unreadableError
	deletable := utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion)
	if errors.As(err, &unreadable) {
		err = fmt.Errorf("%w. %s", err, unreadable.remedy(ctx, deletable))
	}
	switch {
	case err == nil:
		return nil
	case deletable:
		return storage.NewCorruptObjError(key, err)
	}
	return storage.NewInternalError(err)
}

// remedy is what to do, in the group of which the request was.
func (e *unreadableError) remedy(ctx context.Context, deletable bool) string {
	mend := fmt.Sprintf("Put the payload right (kubectl -n %s edit %s.%s %s)", e.record.Namespace, storagev1.VMDistributedClusterRecords, storagev1.GroupName, e.record.Name)
	asked, known := request.RequestInfoFrom(ctx)
	if !deletable || !known || !asked.IsResourceRequest {
		return mend
	}
	return fmt.Sprintf("%s, or delete the object without reading it, which touches no VMCluster and undoes no drain: "+
		"kubectl delete --raw '/apis/%s/%s/namespaces/%s/%s/%s?ignoreStoreReadErrorWithClusterBreakingPotential=true'",
		mend, asked.APIGroup, asked.APIVersion, e.record.Namespace, asked.Resource, e.record.Name)
}
