// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// The informers of the server never resync, so what these tests wait for comes
// from an event or not at all.

func (r *room) deleteCluster(name string) {
	r.t.Helper()
	must(r.t, shared.objects.Resource(clusterResource).Namespace(r.namespace).Delete(r.t.Context(), name, metav1.DeleteOptions{}))
}

func TestDeletedInlineClusterIsMadeAgain(t *testing.T) {
	r := readyZones(t)
	before := r.cluster("zone-b").GetUID()
	r.deleteCluster("zone-b")
	r.untilCluster("zone-b", "made again", func(cluster *unstructured.Unstructured) string {
		if cluster.GetUID() == before {
			return "it is the old one"
		}
		return ""
	})
	r.untilReady("demo")
	r.expectCreated("zone-a", "zone-b", "zone-c", "zone-b")
	r.expectUpdates()
}

func TestClusterUnderDeletionHoldsTheOtherZones(t *testing.T) {
	r := readyZones(t)
	r.misbehaveNow("zone-b", standin.Deaf)
	r.deleteCluster("zone-b")
	r.untilZone("demo", "zone-b", "Unhealthy", "ClusterDeleting")
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Pending", "Blocked", "zone-b")
	r.settle("demo")
	r.expectUpdates()
	r.behave("zone-b")
	r.untilReady("demo")
	r.expectCreated("zone-a", "zone-b", "zone-c", "zone-b")
	r.expectUpdates("zone-a@2", "zone-c@2")
}

func TestDeletedReferencedClusterIsMissingUntilItComesBack(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-b", small("v1"))
	r.apply(manifest("demo", ref("zone-a", fields{"clusterVersion": "v2"}), ref("zone-b", nil)))
	r.untilZone("demo", "zone-a", "Missing", "ClusterMissing", `"zone-a"`)
	r.existing("zone-a", small("v1"))
	r.untilReady("demo")
	r.deleteCluster("zone-a")
	r.untilZone("demo", "zone-a", "Missing", "ClusterMissing")
	r.expectCondition(r.get("demo"), "Ready", metav1.ConditionFalse, "")
	r.create(clusterResource, "VMCluster", "zone-a", small("v1"))
	r.untilReady("demo")
	r.expectCreated()
	r.expectUpdates("zone-a@2", "zone-a@2")
}

func TestLossOfAMarkIsRepairedWhereTheZoneIsReferenced(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", small("v1"))
	r.apply(manifest("demo", ref("zone-a", nil)))
	marked := func(cluster *unstructured.Unstructured) string {
		if cluster.GetAnnotations()[ownerMark] != r.namespace+"/demo" {
			return "it has no mark"
		}
		return ""
	}
	r.untilCluster("zone-a", "marked", marked)
	r.annotate("zone-a", fields{ownerMark: nil})
	r.untilCluster("zone-a", "marked again", marked)
	expect(t, "generation", r.cluster("zone-a").GetGeneration(), int64(1))
}

func TestUnhealthyWorkloadIsNoticed(t *testing.T) {
	r := readyZones(t)
	r.misbehaveNow("zone-c", standin.Unready)
	r.untilZone("demo", "zone-c", "Unhealthy", "NotHealthy", "vmstorage-zone-c", "0 ready")
	r.behave("zone-c")
	r.untilReady("demo")
	r.expectUpdates()
}
