// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/conversion"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// The types of spec and status are those of another group too, whose package the
// generator can lead here only by functions that it has not made itself.

// Convert_v1alpha1_VMDistributedClusterSpec_To_vmdistributed_VMDistributedClusterSpec converts spec.
// +k8s:conversion-fn=copy-only
func Convert_v1alpha1_VMDistributedClusterSpec_To_vmdistributed_VMDistributedClusterSpec(in *VMDistributedClusterSpec, out *vmdistributed.VMDistributedClusterSpec, s conversion.Scope) error {
	return autoConvert_v1alpha1_VMDistributedClusterSpec_To_vmdistributed_VMDistributedClusterSpec(in, out, s)
}

// Convert_vmdistributed_VMDistributedClusterSpec_To_v1alpha1_VMDistributedClusterSpec converts spec.
// +k8s:conversion-fn=copy-only
func Convert_vmdistributed_VMDistributedClusterSpec_To_v1alpha1_VMDistributedClusterSpec(in *vmdistributed.VMDistributedClusterSpec, out *VMDistributedClusterSpec, s conversion.Scope) error {
	return autoConvert_vmdistributed_VMDistributedClusterSpec_To_v1alpha1_VMDistributedClusterSpec(in, out, s)
}

// Convert_v1alpha1_VMDistributedClusterStatus_To_vmdistributed_VMDistributedClusterStatus converts status.
// +k8s:conversion-fn=copy-only
func Convert_v1alpha1_VMDistributedClusterStatus_To_vmdistributed_VMDistributedClusterStatus(in *VMDistributedClusterStatus, out *vmdistributed.VMDistributedClusterStatus, s conversion.Scope) error {
	return autoConvert_v1alpha1_VMDistributedClusterStatus_To_vmdistributed_VMDistributedClusterStatus(in, out, s)
}

// Convert_vmdistributed_VMDistributedClusterStatus_To_v1alpha1_VMDistributedClusterStatus converts status.
// +k8s:conversion-fn=copy-only
func Convert_vmdistributed_VMDistributedClusterStatus_To_v1alpha1_VMDistributedClusterStatus(in *vmdistributed.VMDistributedClusterStatus, out *VMDistributedClusterStatus, s conversion.Scope) error {
	return autoConvert_vmdistributed_VMDistributedClusterStatus_To_v1alpha1_VMDistributedClusterStatus(in, out, s)
}
