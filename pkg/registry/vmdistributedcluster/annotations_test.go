// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func TestMalformedPermissionIsRefusedAtTheWriteThatSetsIt(t *testing.T) {
	permitting := func(value string) *vmdistributed.VMDistributedCluster {
		object := cluster(inline("a", `{}`))
		object.Annotations = map[string]string{victoriametrics.PermitShrinkAnnotation: value}
		return object
	}
	for _, test := range []struct {
		name        string
		object, old *vmdistributed.VMDistributedCluster
		refused     bool
	}{
		{"created well", permitting("a:vmstorage.replicaCount=1"), nil, false},
		{"created malformed", permitting("vmstorage.replicaCount=1"), nil, true},
		{"made malformed", permitting("vmstorage"), permitting("a:vmstorage.replicaCount=1"), true},
		{"malformed as before", permitting("vmstorage"), permitting("vmstorage"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			main := newStrategy(runtime.NewScheme(), v1alpha1.GroupName)
			errs := main.Validate(context.Background(), test.object)
			if test.old != nil {
				errs = main.ValidateUpdate(context.Background(), test.object, test.old)
			}
			var told bool
			for _, err := range errs {
				told = told || strings.HasPrefix(err.Error(), "metadata.annotations["+victoriametrics.PermitShrinkAnnotation+"]: Invalid value: ")
			}
			if told != test.refused {
				t.Errorf("got %v, want refused %v", errs, test.refused)
			}
		})
	}
}
