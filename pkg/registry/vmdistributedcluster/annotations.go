// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// validateAnnotations checks those that are read. One that stays as it was is let
// pass, so that an object never becomes unwritable by it.
func validateAnnotations(cluster, before *vmdistributed.VMDistributedCluster) field.ErrorList {
	value, set := cluster.Annotations[victoriametrics.PermitShrinkAnnotation]
	if !set || before != nil && before.Annotations[victoriametrics.PermitShrinkAnnotation] == value {
		return nil
	}
	if _, err := victoriametrics.ParsePermissions(value); err != nil {
		at := field.NewPath("metadata", "annotations").Key(victoriametrics.PermitShrinkAnnotation)
		return field.ErrorList{field.Invalid(at, value, err.Error())}
	}
	return nil
}
