// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// TestSubresourceZonesIsComputedWhenAskedFor asks once, right after a change.
func TestSubresourceZonesIsComputedWhenAskedFor(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-b", small("v1"))
	r.apply(manifest("demo", inline("zone-a", small("v1")), ref("zone-b", nil), ref("zone-c", nil)))
	r.untilZone("demo", "zone-b", "Ready", "UpToDate")
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	r.misbehaveNow("zone-a", standin.Deaf)
	cluster := r.cluster("zone-a")
	must(t, unstructured.SetNestedField(cluster.Object, "failed", "status", "updateStatus"))
	must(t, unstructured.SetNestedField(cluster.Object, "out of luck", "status", "reason"))
	_, err := shared.objects.Resource(clusterResource).Namespace(r.namespace).UpdateStatus(t.Context(), cluster, metav1.UpdateOptions{})
	must(t, err)

	answer, err := r.own.GetZones(t.Context(), "demo", metav1.GetOptions{})
	must(t, err)
	expect(t, "name", answer.Name, "demo")
	expect(t, "zones", len(answer.Zones), 3)
	a, b, c := answer.Zones[0], answer.Zones[1], answer.Zones[2]
	expect(t, "zone-a", a.Cluster, v1alpha1.ZoneCluster{
		Kind: "VMCluster", Name: "zone-a", Exists: true, Generation: 1, ObservedGeneration: 1, UpdateStatus: "failed", Reason: "out of luck",
	})
	expect(t, "phase of zone-a", a.Phase, v1alpha1.ZoneUnhealthy)
	expect(t, "source of zone-a", a.Source, v1alpha1.ZoneInline)
	expect(t, "ready of zone-a", a.Ready, false)
	expect(t, "revision of zone-a", a.RevisionApplied, a.RevisionWanted)
	expect(t, "phase of zone-b", b.Phase, v1alpha1.ZoneReady)
	expect(t, "source of zone-b", b.Source, v1alpha1.ZoneReferenced)
	expect(t, "ready of zone-b", b.Ready, true)
	expect(t, "zone-c", c.Cluster, v1alpha1.ZoneCluster{Kind: "VMCluster", Name: "zone-c"})
	expect(t, "phase of zone-c", c.Phase, v1alpha1.ZoneMissing)
}

func TestSubresourceZonesTellsWantedAndAppliedRevision(t *testing.T) {
	r := readyZones(t)
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator", "expanding")
	answer, err := r.own.GetZones(t.Context(), "demo", metav1.GetOptions{})
	must(t, err)
	a, b := answer.Zones[0], answer.Zones[1]
	expect(t, "applied to zone-a", a.RevisionApplied, a.RevisionWanted)
	expect(t, "generation of zone-a", a.Cluster.Generation, int64(2))
	if b.RevisionApplied == b.RevisionWanted {
		t.Errorf("zone-b has revision %s already", b.RevisionApplied)
	}
	expect(t, "phase of zone-b", b.Phase, v1alpha1.ZonePending)
	expectContains(t, "zone-b waits for", b.WaitingFor, "zone-a")
	r.behave("zone-a")
	r.untilReady("demo")
}
