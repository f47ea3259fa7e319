// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// Objects returns the VMDistributedCluster that a request would store, nil where it
// deletes one, and the one that is stored, nil where there is none. It returns two
// nils for requests about anything else.
func Objects(a admission.Attributes) (object, old *vmdistributed.VMDistributedCluster) {
	if a.GetResource().Resource != vmdistributed.Resource {
		return nil, nil
	}
	object, _ = a.GetObject().(*vmdistributed.VMDistributedCluster)
	old, _ = a.GetOldObject().(*vmdistributed.VMDistributedCluster)
	return object, old
}

// FieldValidation is what the request wants done about fields that do not exist:
// Strict, Warn or Ignore.
func FieldValidation(a admission.Attributes) string {
	var mode string
	switch options := a.GetOperationOptions().(type) {
	case *metav1.CreateOptions:
		mode = options.FieldValidation
	case *metav1.UpdateOptions:
		mode = options.FieldValidation
	case *metav1.PatchOptions:
		mode = options.FieldValidation
	}
	if mode == "" {
		return metav1.FieldValidationWarn
	}
	return mode
}
