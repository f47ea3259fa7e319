// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clients tests what others program against: the generated Go client and
// its fake, a TypeScript client generated from the published OpenAPI, and
// @kubernetes/client-node. docs/clients.md shows parts of these tests.
package clients

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubetesting "k8s.io/client-go/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
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

// TestFakeClientFeedsInformers: who follows objects can be tested without a server.
func TestFakeClientFeedsInformers(t *testing.T) {
	client := fake.NewClientset()
	ready := make(chan string, 1)
	_, err := follow(t.Context(), client, "here", func(object *v1alpha1.VMDistributedCluster) { ready <- object.Name })
	must(t, err)
	_, err = client.OperatorV1alpha1().VMDistributedClusters("here").Create(t.Context(), &v1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "x"},
		Status:     v1alpha1.VMDistributedClusterStatus{Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue}}},
	}, metav1.CreateOptions{})
	must(t, err)
	if got := receive(t, ready, "the object"); got != "x" {
		t.Errorf("it tells of %s", got)
	}
}

// TestFakeClientAnswersZonesByAReactor: a fake knows no subresource but status.
func TestFakeClientAnswersZonesByAReactor(t *testing.T) {
	client := fake.NewClientset()
	// doc: fake
	client.PrependReactor("get", "vmdistributedclusters/zones", func(kubetesting.Action) (bool, runtime.Object, error) {
		return true, &v1alpha1.VMDistributedClusterZones{
			Zones: []v1alpha1.ZoneReport{{Name: "zone-a", Phase: v1alpha1.ZoneMissing, WaitingFor: "VMCluster zone-a to exist"}},
		}, nil
	})
	// end
	got, err := unready(t.Context(), client, "here", "x")
	must(t, err)
	if len(got) != 1 || got[0] != "zone-a is Missing: VMCluster zone-a to exist" {
		t.Errorf("not ready are %q", got)
	}
}
