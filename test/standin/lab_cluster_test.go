// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const smallZone = "{clusterVersion: v1, vmstorage: {replicaCount: 2}, vmselect: {replicaCount: 2}, vminsert: {replicaCount: 1}}"

// zoneWorkloads are those of a cluster z made from smallZone.
func zoneWorkloads() map[string]string {
	return map[string]string{"vmstorage-z": statefulSetResource, "vmselect-z": statefulSetResource, "vminsert-z": deploymentResource}
}

func (r *room) expectConverged() {
	r.t.Helper()
	for name, resource := range zoneWorkloads() {
		if obj := r.get(resource, name); !hasConverged(r.t, obj) {
			r.t.Errorf("%s %s has not converged: generation %d, status %+v", resource, name, obj.GetGeneration(), countsOf(r.t, obj))
		}
	}
}

func testNewCluster(t *testing.T, r *room) {
	film := r.film(clusterResource, "z")
	created := r.create(clusterResource, "z", smallZone, nil)
	cluster := film.untilStatus("operational@1")
	r.expectConverged()
	expect(t, film.story(), []string{"nothing", "expanding@1", "operational@1"})
	expect(t, cluster.GetFinalizers(), []string{finalizer})
	expect(t, nested(cluster.Object, "status", lastAppliedSpec), nested(created.Object, "spec"))
	storage := r.get(statefulSetResource, "vmstorage-z")
	expect(t, metav1.IsControlledBy(storage, cluster), true)
	expect(t, field(t, storage, "spec", "updateStrategy", "type"), "OnDelete")
}

func testChangedSpec(t *testing.T, r *room) {
	film := r.film(clusterResource, "z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	before := countsOf(t, r.get(statefulSetResource, "vmstorage-z"))
	r.patch(clusterResource, "z", nil, map[string]any{"clusterVersion": "v2", "vmselect": map[string]any{"replicaCount": 3}})
	film.untilStatus("operational@2")
	r.expectConverged()
	expect(t, film.story(), []string{"nothing", "expanding@1", "operational@1", "expanding@2", "operational@2"})
	storage := r.get(statefulSetResource, "vmstorage-z")
	expect(t, container(t, storage)["image"], "victoriametrics/vmstorage:v2")
	expect(t, countsOf(t, r.get(statefulSetResource, "vmselect-z")).ReadyReplicas, int32(3))
	if after := countsOf(t, storage); after.CurrentRevision == before.CurrentRevision {
		t.Errorf("the revision of vmstorage stayed %s", after.CurrentRevision)
	}
}

func testLagHolds(t *testing.T, r *room) {
	film, storage := r.film(clusterResource, "z"), r.film(statefulSetResource, "vmstorage-z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	storage.until("converged", func(o *unstructured.Unstructured) bool { return hasConverged(t, o) })
	r.patch(clusterResource, "z", map[string]any{LagAnnotation: "1h"}, map[string]any{"clusterVersion": "v2"})
	film.untilStatus("expanding@2")
	storage.until("noticed", func(o *unstructured.Unstructured) bool {
		c := countsOf(t, o)
		return c.ObservedGeneration == o.GetGeneration() && o.GetGeneration() == 2 && c.UpdatedReplicas == 0 && c.CurrentRevision != c.UpdateRevision
	})
	r.patch(clusterResource, "z", map[string]any{LagAnnotation: "0s"}, nil)
	film.untilStatus("operational@2")
	for _, version := range film.versions {
		if version.GetAnnotations()[LagAnnotation] == "1h" && saying(t, version) == "operational@2" {
			t.Error("it was operational while the lag held it")
		}
	}
	r.expectConverged()
}

func testPaused(t *testing.T, r *room) {
	film, storage := r.film(clusterResource, "z"), r.film(statefulSetResource, "vmstorage-z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	r.patch(clusterResource, "z", nil, map[string]any{"paused": true, "clusterVersion": "v2"})
	film.untilStatus("paused@2")
	r.patch(clusterResource, "z", nil, map[string]any{"clusterVersion": "v3"})
	film.untilStatus("paused@3")
	r.patch(clusterResource, "z", nil, map[string]any{"paused": false})
	film.untilStatus("operational@4")
	expect(t, film.story(), []string{"nothing", "expanding@1", "operational@1", "paused@2", "paused@3", "expanding@4", "operational@4"})
	storage.until("at v3", func(o *unstructured.Unstructured) bool {
		return container(t, o)["image"] == "victoriametrics/vmstorage:v3"
	})
	for _, version := range storage.versions {
		if container(t, version)["image"] == "victoriametrics/vmstorage:v2" {
			t.Error("a spec that was only there while the cluster was paused reached a workload")
		}
	}
}

func testComponentLeaves(t *testing.T, r *room) {
	film, reads := r.film(clusterResource, "z"), r.film(statefulSetResource, "vmselect-z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	r.patch(clusterResource, "z", nil, map[string]any{"vmselect": nil, "requestsLoadBalancer": map[string]any{"enabled": true}})
	film.untilStatus("operational@2")
	reads.untilDeleted()
	if balancer := r.get(deploymentResource, "vmclusterlb-z"); !hasConverged(t, balancer) {
		t.Error("the balancer has not converged")
	}
}

func testWorkloadRepaired(t *testing.T, r *room) {
	film, storage, reads := r.film(clusterResource, "z"), r.film(statefulSetResource, "vmstorage-z"), r.film(statefulSetResource, "vmselect-z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	broken := r.get(statefulSetResource, "vmstorage-z")
	set(t, broken, int64(0), "status", "readyReplicas")
	set(t, broken, int64(0), "status", "availableReplicas")
	if _, err := r.resource(statefulSetResource).UpdateStatus(t.Context(), broken, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	storage.until("broken", func(o *unstructured.Unstructured) bool {
		return o.GetGeneration() == countsOf(t, o).ObservedGeneration && countsOf(t, o).ReadyReplicas == 0 && countsOf(t, o).UpdatedReplicas == 2
	})
	storage.until("repaired", func(o *unstructured.Unstructured) bool { return hasConverged(t, o) })
	r.remove(statefulSetResource, "vmselect-z")
	reads.untilDeleted()
	reads.deleted = false
	reads.until("made anew", func(o *unstructured.Unstructured) bool { return hasConverged(t, o) })
}

func testMadeAnew(t *testing.T, r *room) {
	film := r.film(clusterResource, "z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	before := r.get(statefulSetResource, "vmstorage-z")
	r.patch(clusterResource, "z", nil, map[string]any{"vmstorage": map[string]any{"rollingUpdateStrategy": "RollingUpdate"}})
	film.untilStatus("operational@2")
	after := r.get(statefulSetResource, "vmstorage-z")
	expect(t, field(t, before, "spec", "podManagementPolicy"), any("Parallel"))
	expect(t, field(t, after, "spec", "podManagementPolicy"), any("OrderedReady"))
	r.expectConverged()
}

func testRest(t *testing.T, r *room) {
	r.create(clusterResource, "z", smallZone, nil)
	r.auth("main")
	r.film(clusterResource, "z").untilStatus("operational@1")
	r.user().untilVerdict("main", "True@1")
	versions := func() map[string]string {
		all := zoneWorkloads()
		all["z"], all["main"], all["vmauth-main"], all["reader"] = clusterResource, authResource, deploymentResource, userResource
		for name, resource := range all {
			all[name] = r.get(resource, name).GetResourceVersion()
		}
		return all
	}
	before := versions()
	r.operator.Reconsider()
	r.pass()
	expect(t, versions(), before)
}

func testDeletedCluster(t *testing.T, r *room) {
	film := r.film(clusterResource, "z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	r.remove(clusterResource, "z")
	film.untilDeleted()
	for name, resource := range zoneWorkloads() {
		if _, err := r.resource(resource).Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("reading %s after its cluster: got %v, want it not to be found", name, err)
		}
	}
}

func testDeafDeletion(t *testing.T, r *room) {
	film, other := r.film(clusterResource, "z"), r.film(clusterResource, "other")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	r.patch(clusterResource, "z", map[string]any{BehaviourAnnotation: string(Deaf)}, nil)
	r.remove(clusterResource, "z")
	r.create(clusterResource, "other", "{}", nil)
	other.untilStatus("operational@1")
	r.expectConverged()
	r.patch(clusterResource, "z", map[string]any{BehaviourAnnotation: nil}, nil)
	film.untilDeleted()
	for _, version := range film.versions {
		if version.GetAnnotations()[BehaviourAnnotation] != "" && !slices.Contains(version.GetFinalizers(), finalizer) {
			t.Error("it was let go while the stand-in was deaf")
		}
	}
}

func testSavedBehaviour(t *testing.T, r *room) {
	film := r.film(clusterResource, "z")
	r.create(clusterResource, "z", smallZone, map[string]string{
		BehaviourAnnotation: string(Fail), FromGenerationAnnotation: "2", ReasonAnnotation: "no disk",
	})
	film.untilStatus("operational@1")
	r.patch(clusterResource, "z", nil, map[string]any{"clusterVersion": "v2"})
	cluster := film.untilStatus("failed@2")
	expect(t, field(t, cluster, "status", "reason"), any("no disk"))
	r.patch(clusterResource, "z", nil, map[string]any{"clusterVersion": "v3"})
	film.untilStatus("failed@3")
	expect(t, film.story(), []string{"nothing", "expanding@1", "operational@1", "expanding@2", "failed@2", "expanding@3", "failed@3"})
}

func testReconsider(t *testing.T, r *room) {
	film := r.film(clusterResource, "z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")
	r.asked.Store(r.namespace+"/z", Fail)
	r.operator.Reconsider()
	film.untilStatus("failed@1")
	r.asked.Delete(r.namespace + "/z")
	r.operator.Reconsider()
	film.untilStatus("operational@1")
	expect(t, film.story(), []string{"nothing", "expanding@1", "operational@1", "failed@1", "operational@1"})
}
