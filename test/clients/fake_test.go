// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clients holds tests of the generated clients for those who import them.
package clients

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	applyv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/generated/applyconfiguration/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/fake"
)

func TestFakeClientKnowsTheSchemaThatApplyNeeds(t *testing.T) {
	objects := fake.NewClientset().OperatorV1alpha1().VMDistributedClusters("here")
	applied, err := objects.Apply(context.Background(),
		applyv1alpha1.VMDistributedCluster("x", "here").WithSpec(applyv1alpha1.VMDistributedClusterSpec().WithPaused(true)),
		metav1.ApplyOptions{FieldManager: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if !applied.Spec.Paused || len(applied.ManagedFields) != 1 {
		t.Errorf("applied %+v", applied)
	}
}
