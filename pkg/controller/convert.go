// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// hub converts what the API gives.
func hub(object *v1alpha1.VMDistributedCluster) (*vmdistributed.VMDistributedCluster, error) {
	converted := &vmdistributed.VMDistributedCluster{}
	// The conversion shares memory with its input, which may be a cache's.
	err := v1alpha1.Convert_v1alpha1_VMDistributedCluster_To_vmdistributed_VMDistributedCluster(object.DeepCopy(), converted, nil)
	if err != nil {
		return nil, fmt.Errorf("converting VMDistributedCluster %s/%s: %w", object.Namespace, object.Name, err)
	}
	return converted, nil
}

// version converts what the API takes.
func version(object *vmdistributed.VMDistributedCluster) (*v1alpha1.VMDistributedCluster, error) {
	converted := &v1alpha1.VMDistributedCluster{}
	if err := v1alpha1.Convert_vmdistributed_VMDistributedCluster_To_v1alpha1_VMDistributedCluster(object, converted, nil); err != nil {
		return nil, fmt.Errorf("converting VMDistributedCluster %s/%s: %w", object.Namespace, object.Name, err)
	}
	return converted, nil
}
