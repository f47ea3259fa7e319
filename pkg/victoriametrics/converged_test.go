// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

func ownedMeta(name string, uid types.UID) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "monitoring", Name: name, Generation: 3,
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "operator.victoriametrics.com/v1beta1", Kind: "VMCluster", Name: "zone-a", UID: uid, Controller: ptr.To(true),
		}},
	}
}

// onDelete is a StatefulSet as the operator leaves it: under OnDelete.
func onDelete(name string, replicas int32) appsv1.StatefulSet {
	return appsv1.StatefulSet{
		ObjectMeta: ownedMeta(name, "uid-a"),
		Spec: appsv1.StatefulSetSpec{
			Replicas:       ptr.To(replicas),
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType},
		},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 3, Replicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
			CurrentReplicas: replicas, UpdatedReplicas: replicas,
			CurrentRevision: name + "-1", UpdateRevision: name + "-1",
		},
	}
}

func deployment(name string, replicas int32) appsv1.Deployment {
	return appsv1.Deployment{
		ObjectMeta: ownedMeta(name, "uid-a"),
		Spec:       appsv1.DeploymentSpec{Replicas: ptr.To(replicas)},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 3, Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
		},
	}
}

func zoneA(t *testing.T, spec string) Cluster {
	return Cluster{Namespace: "monitoring", Name: "zone-a", UID: "uid-a", Spec: mapFromYAML(t, spec)}
}

const allComponents = "{vmstorage: {}, vmselect: {}, vminsert: {}, requestsLoadBalancer: {enabled: true}}"

func TestWorkloadsFollowTheSpecAndItsNaming(t *testing.T) {
	for spec, want := range map[string][]string{
		allComponents: {"StatefulSet vmstorage-zone-a", "StatefulSet vmselect-zone-a", "Deployment vminsert-zone-a", "Deployment vmclusterlb-zone-a"},
		"{vmselect: {}, vmstorage: null, requestsLoadBalancer: {enabled: false}}":                     {"StatefulSet vmselect-zone-a"},
		"{useLegacyNaming: true, vmstorage: {}, vminsert: {}, requestsLoadBalancer: {enabled: true}}": {"StatefulSet zone-a-vmstorage", "Deployment zone-a-vminsert", "Deployment zone-a-vmclusterlb"},
		"{retentionPeriod: \"1\"}": nil,
	} {
		var have []string
		for _, workload := range zoneA(t, spec).Workloads() {
			have = append(have, workload.String())
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: workloads are %v, want %v", spec, have, want)
		}
	}
}

func TestConvergedWantsEveryReplicaOfEveryWorkload(t *testing.T) {
	type world struct {
		storage, sel appsv1.StatefulSet
		insert, lb   appsv1.Deployment
	}
	for name, test := range map[string]struct {
		change func(*world)
		why    []string
	}{
		"all there": {change: func(*world) {}},
		"old current revision under OnDelete does not matter": {change: func(w *world) { w.storage.Status.CurrentRevision = "vmstorage-zone-a-0" }},
		"scaled to 0 by the user":                             {change: func(w *world) { w.insert = deployment("vminsert-zone-a", 0); w.sel = onDelete("vmselect-zone-a", 0) }},
		"no replica count is one":                             {change: func(w *world) { w.lb = deployment("vmclusterlb-zone-a", 1); w.lb.Spec.Replicas = nil }},
		"not updated": {
			change: func(w *world) {
				w.storage.Status.UpdatedReplicas, w.storage.Status.UpdateRevision = 1, "vmstorage-zone-a-2"
			},
			why: []string{"StatefulSet vmstorage-zone-a wants 3 replicas: 3 exist, 1 updated to revision vmstorage-zone-a-2 (current vmstorage-zone-a-1, strategy OnDelete), 3 ready"},
		},
		"held back by a partition": {
			change: func(w *world) {
				w.storage.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To[int32](2)}}
				w.storage.Status.UpdatedReplicas = 1
			},
			why: []string{"1 updated", "strategy RollingUpdate, partition 2"},
		},
		"not ready":                 {change: func(w *world) { w.sel.Status.ReadyReplicas = 1 }, why: []string{"StatefulSet vmselect-zone-a wants 2 replicas", "1 ready"}},
		"left over from scale down": {change: func(w *world) { w.storage.Status.Replicas = 4 }, why: []string{"4 exist"}},
		"no update revision":        {change: func(w *world) { w.storage.Status.UpdateRevision = "" }, why: []string{"no update revision"}},
		"not observed":              {change: func(w *world) { w.storage.Generation = 4 }, why: []string{"StatefulSet vmstorage-zone-a is observed at generation 3, wanted 4"}},
		"not long enough ready": {
			change: func(w *world) { w.sel.Spec.MinReadySeconds = 30; w.sel.Status.AvailableReplicas = 1 },
			why:    []string{"2 ready, 1 for as long as minReadySeconds asks"},
		},
		"being deleted":                  {change: func(w *world) { w.sel.DeletionTimestamp = &metav1.Time{} }, why: []string{"StatefulSet vmselect-zone-a is being deleted"}},
		"of an earlier VMCluster":        {change: func(w *world) { w.insert.ObjectMeta = ownedMeta("vminsert-zone-a", "uid-old") }, why: []string{"not controlled by VMCluster monitoring/zone-a with uid uid-a but by VMCluster zone-a with uid uid-old"}},
		"of nobody":                      {change: func(w *world) { w.insert.OwnerReferences = nil }, why: []string{"but by nobody"}},
		"missing":                        {change: func(w *world) { w.insert.Name = "vminsert-zone-b" }, why: []string{"Deployment vminsert-zone-a does not exist"}},
		"of the same name elsewhere":     {change: func(w *world) { w.insert.Namespace = "other" }, why: []string{"Deployment vminsert-zone-a does not exist"}},
		"old replicas of a deployment":   {change: func(w *world) { w.insert.Status.Replicas = 3 }, why: []string{"Deployment vminsert-zone-a wants 2 replicas: 3 exist, 2 updated, 2 ready"}},
		"load balancer not rolled out":   {change: func(w *world) { w.lb.Status.UpdatedReplicas = 0 }, why: []string{"Deployment vmclusterlb-zone-a wants 1 replicas: 1 exist, 0 updated"}},
		"deployment not observed so far": {change: func(w *world) { w.lb.Status.ObservedGeneration = 2 }, why: []string{"observed at generation 2, wanted 3"}},
	} {
		w := world{onDelete("vmstorage-zone-a", 3), onDelete("vmselect-zone-a", 2), deployment("vminsert-zone-a", 2), deployment("vmclusterlb-zone-a", 1)}
		test.change(&w)
		ok, why := Converged(zoneA(t, allComponents), []appsv1.StatefulSet{w.storage, w.sel}, []appsv1.Deployment{w.insert, w.lb})
		if ok != (len(test.why) == 0) || ok != (why == "") {
			t.Errorf("%s: Converged() = %v, %q", name, ok, why)
		}
		for _, part := range test.why {
			if !strings.Contains(why, part) {
				t.Errorf("%s: evidence is %q, want %q", name, why, part)
			}
		}
	}
}

func TestConvergedTakesNothingForHealth(t *testing.T) {
	if ok, why := Converged(zoneA(t, "{retentionPeriod: \"1\"}"), nil, nil); ok || !strings.Contains(why, "no component") {
		t.Errorf("a cluster without components: %v, %q", ok, why)
	}
	c := zoneA(t, "{vmstorage: {}}")
	c.UID = ""
	storage := onDelete("vmstorage-zone-a", 1)
	storage.OwnerReferences[0].UID = ""
	if ok, _ := Converged(c, []appsv1.StatefulSet{storage}, nil); ok {
		t.Error("a cluster without uid controls nothing")
	}
}

func TestWorkloadClusterMapsEventsToTheOwner(t *testing.T) {
	labels := map[string]string{"app.kubernetes.io/part-of": "vmcluster", "managed-by": "vm-operator", "app.kubernetes.io/instance": "zone-a"}
	foreign := func(apiVersion, kind string) metav1.ObjectMeta {
		m := ownedMeta("x", "uid")
		m.Labels = labels
		m.OwnerReferences[0].APIVersion, m.OwnerReferences[0].Kind = apiVersion, kind
		return m
	}
	for name, test := range map[string]struct {
		meta metav1.ObjectMeta
		want string
	}{
		"controlled":             {meta: ownedMeta("vmstorage-zone-a", "uid"), want: "monitoring/zone-a"},
		"orphaned":               {meta: metav1.ObjectMeta{Namespace: "monitoring", Labels: labels}, want: "monitoring/zone-a"},
		"of a VLCluster":         {meta: foreign("operator.victoriametrics.com/v1", "VLCluster")},
		"of another API's kind":  {meta: foreign("example.com/v1", "VMCluster")},
		"without any connection": {meta: metav1.ObjectMeta{Namespace: "monitoring", Name: "vmstorage-zone-a"}},
	} {
		namespace, cluster, ok := WorkloadCluster(&test.meta)
		if ok != (test.want != "") || (ok && namespace+"/"+cluster != test.want) {
			t.Errorf("%s: %s/%s, %v, want %q", name, namespace, cluster, ok, test.want)
		}
	}
}

func TestWorkloadSelectorsSelectTheWorkloadsOfVMClusters(t *testing.T) {
	workload := func(cluster, partOf string) labels.Set {
		return labels.Set{
			"app.kubernetes.io/name": "vmstorage", "app.kubernetes.io/instance": cluster, "app.kubernetes.io/component": "monitoring",
			"app.kubernetes.io/part-of": partOf, "managed-by": "vm-operator",
		}
	}
	for selector, want := range map[string][]bool{
		WorkloadSelector:              {true, true, false},
		WorkloadSelectorFor("zone-a"): {true, false, false},
	} {
		parsed, err := labels.Parse(selector)
		if err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
		have := []bool{parsed.Matches(workload("zone-a", "vmcluster")), parsed.Matches(workload("zone-b", "vmcluster")), parsed.Matches(workload("zone-a", "vlcluster"))}
		if !slices.Equal(have, want) {
			t.Errorf("%s: matches %v, want %v", selector, have, want)
		}
	}
}
