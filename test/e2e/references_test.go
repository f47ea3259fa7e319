// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/examples"
)

// existing makes a VMCluster with a volume of 10Gi, and returns it when the
// operator is done.
func (s *stage) existing(name string) *unstructured.Unstructured {
	s.t.Helper()
	s.create(clusterResource, "VMCluster", name, fields{
		"retentionPeriod": "1",
		"vmstorage": fields{"replicaCount": int64(1), "storage": fields{
			"volumeClaimTemplate": fields{"spec": fields{"resources": fields{"requests": fields{"storage": "10Gi"}}}},
		}},
		"vmselect": fields{"replicaCount": int64(1)},
		"vminsert": fields{"replicaCount": int64(1)},
	})
	return s.untilOperational(clusterResource, name)
}

// TestExampleReferencesUnchanged takes over a minute, the default updatePause.
func TestExampleReferencesUnchanged(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	example, err := examples.References()
	must(t, err)
	first, second := example.Zones[0], example.Zones[1]
	s.existing(first)
	s.existing(second)
	s.apply(example.Name, example.Body)
	s.untilReady(example.Name)
	s.expectUpdates(first+"@2", second+"@2")
	expect(t, "replicas of vmstorage", at(s.cluster(second), "spec.vmstorage.replicaCount"), any(int64(2)))
	s.untilVolumeHas(first, "20Gi")
	s.untilVolumeHas(second, "10Gi")

	// What the example adds is storage, which does not go as it came.
	s.patch(example.Name, fields{"spec": fields{"zones": fields{"vmclusters": list{
		fields{"ref": fields{"name": first}}, fields{"ref": fields{"name": second}},
	}}}})
	s.untilZone(example.Name, first, "Refused", "StorageWouldShrink")
	s.untilZone(example.Name, second, "Refused", "StorageWouldShrink")
	s.expectUpdates(first+"@2", second+"@2")

	must(t, s.own.Delete(t.Context(), example.Name, metav1.DeleteOptions{}))
	s.untilGone(example.Name, func(ctx context.Context) error {
		_, err := s.own.Get(ctx, example.Name, metav1.GetOptions{})
		return err
	})
	for _, zone := range example.Zones {
		cluster := s.untilOperational(clusterResource, zone)
		for mark := range cluster.GetAnnotations() {
			if strings.HasPrefix(mark, "distributed.victoriametrics.com/") {
				t.Errorf("%s still carries %s", zone, mark)
			}
		}
	}
}

// untilVolumeHas waits for the claims of a cluster's vmstorage to have a size.
func (s *stage) untilVolumeHas(cluster, size string) {
	s.t.Helper()
	s.poll(fmt.Sprintf("the volume of %s to have %s", cluster, size), func(ctx context.Context) string {
		claim, err := shared.kubernetes.CoreV1().PersistentVolumeClaims(s.namespace).
			Get(ctx, fmt.Sprintf("vmstorage-db-vmstorage-%s-0", cluster), metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		has, wants := claim.Status.Capacity[corev1.ResourceStorage], claim.Spec.Resources.Requests[corev1.ResourceStorage]
		if has.String() != size || wants.String() != size {
			return fmt.Sprintf("it has %s and wants %s", has.String(), wants.String())
		}
		return ""
	})
}

func TestOverrideIsAppliedZoneByZoneAndTakenBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "west"}
	before := map[string]*unstructured.Unstructured{}
	for _, zone := range zones {
		before[zone] = s.existing(zone)
	}
	override := func(value any) {
		entries := list{}
		for _, zone := range zones {
			entries = append(entries, fields{"ref": fields{"name": zone}, "overrideSpec": value})
		}
		body, err := json.Marshal(fields{
			"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster", "metadata": fields{"name": "both"},
			"spec": fields{"strategy": fields{"updatePause": "0s"}, "zones": fields{"vmclusters": entries}},
		})
		must(t, err)
		s.apply("both", body)
		s.untilReady("both")
	}
	override(fields{"vmselect": fields{"replicaCount": int64(2)}, "retentionPeriod": "5"})
	s.expectUpdates("east@2", "west@2")
	for _, zone := range zones {
		set, err := shared.kubernetes.AppsV1().StatefulSets(s.namespace).Get(t.Context(), "vmselect-"+zone, metav1.GetOptions{})
		must(t, err)
		expect(t, "ready replicas of vmselect in "+zone, set.Status.ReadyReplicas, 2)
	}
	override(fields{})
	s.expectUpdates("east@2", "west@2", "east@3", "west@3")
	for _, zone := range zones {
		if after := s.cluster(zone); !equality.Semantic.DeepEqual(after.Object["spec"], before[zone].Object["spec"]) {
			t.Errorf("spec of %s is %v, want what it was: %v", zone, after.Object["spec"], before[zone].Object["spec"])
		}
	}
}
