// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// validateAnnotations checks those that are read. One that stays as it was is let
// pass, so that an object never becomes unwritable by it.
func validateAnnotations(cluster, before *vmdistributed.VMDistributedCluster) field.ErrorList {
	var errs field.ErrorList
	if _, set := cluster.Annotations[storagev1.UnreadableAnnotation]; set {
		errs = append(errs, field.Forbidden(field.NewPath("metadata", "annotations").Key(storagev1.UnreadableAnnotation),
			"this was shown in the place of an object that can't be read, and is not what was in it"))
	}
	for _, annotation := range []struct {
		key   string
		parse func(string) error
	}{
		{victoriametrics.PermitShrinkAnnotation, func(value string) error { _, err := victoriametrics.ParsePermissions(value); return err }},
	} {
		value, set := cluster.Annotations[annotation.key]
		if !set || before != nil && before.Annotations[annotation.key] == value {
			continue
		}
		if err := annotation.parse(value); err != nil {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "annotations").Key(annotation.key), value, err.Error()))
		}
	}
	return errs
}
