// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// twoExisting makes two clusters and refers to both.
func twoExisting(t *testing.T) (r *room, original *unstructured.Unstructured) {
	t.Helper()
	t.Parallel()
	r = newRoom(t)
	r.existing("zone-a", with(withStorage(small("v1"), "10Gi"), "vmselect.extraArgs", fields{"search.maxQueryDuration": "30s"}))
	r.existing("zone-b", small("v1"))
	r.override(nil)
	r.untilReady("demo")
	r.settle("demo")
	return r, r.cluster("zone-a")
}

// override puts an override on zone-a; nil takes it away.
func (r *room) override(override fields) {
	r.t.Helper()
	r.apply(manifest("demo", ref("zone-a", override), ref("zone-b", nil)))
}

func specText(t *testing.T, cluster *unstructured.Unstructured) string {
	t.Helper()
	text, err := json.Marshal(cluster.Object["spec"])
	must(t, err)
	return string(text)
}

func TestOverrideIsAppliedChangedAndTakenAway(t *testing.T) {
	r, original := twoExisting(t)
	r.override(fields{"clusterVersion": "v2", "vmselect": fields{"replicaCount": int64(2), "cacheMountPath": "/cache"}})
	r.untilReady("demo")
	cluster := r.cluster("zone-a")
	expect(t, "version", at(cluster, "spec.clusterVersion"), any("v2"))
	expect(t, "replicas", at(cluster, "spec.vmselect.replicaCount"), any(int64(2)))
	expect(t, "replicas of what is not overridden", at(cluster, "spec.vminsert.replicaCount"), any(int64(1)))

	r.override(fields{"vmselect": fields{"replicaCount": int64(3)}})
	r.untilReady("demo")
	cluster = r.cluster("zone-a")
	expect(t, "version, no longer overridden", at(cluster, "spec.clusterVersion"), any("v1"))
	expect(t, "replicas", at(cluster, "spec.vmselect.replicaCount"), any(int64(3)))
	expect(t, "a field that the first override had added", at(cluster, "spec.vmselect.cacheMountPath"), nil)

	r.override(nil)
	r.untilReady("demo")
	cluster = r.cluster("zone-a")
	expect(t, "spec after the override", specText(t, cluster), specText(t, original))
	if _, there := cluster.GetAnnotations()[overrideMark]; there {
		t.Error("the record of the override is still there")
	}
	r.expectUpdates("zone-a@2", "zone-a@3", "zone-a@4")
}

func TestNullInAnOverrideRemovesAndZeroCounts(t *testing.T) {
	r, original := twoExisting(t)
	r.override(fields{"vmselect": fields{"extraArgs": nil}, "vminsert": fields{"replicaCount": int64(0)}, "vmstorage": fields{"minReadySeconds": int64(0)}})
	r.untilReady("demo")
	cluster := r.cluster("zone-a")
	expect(t, "what null removes", at(cluster, "spec.vmselect.extraArgs"), nil)
	expect(t, "an explicit zero", at(cluster, "spec.vminsert.replicaCount"), any(int64(0)))
	expect(t, "an explicit zero where there was nothing", at(cluster, "spec.vmstorage.minReadySeconds"), any(int64(0)))
	r.override(nil)
	r.untilReady("demo")
	expect(t, "spec after the override", specText(t, r.cluster("zone-a")), specText(t, original))
}

func TestListInAnOverrideReplaces(t *testing.T) {
	r, original := twoExisting(t)
	r.override(fields{"vmselect": fields{"extraEnvs": list{fields{"name": "A", "value": "1"}}}})
	r.untilReady("demo")
	r.override(fields{"vmselect": fields{"extraEnvs": list{fields{"name": "B", "value": "2"}}}})
	r.untilReady("demo")
	envs, _ := at(r.cluster("zone-a"), "spec.vmselect.extraEnvs").(list)
	if len(envs) != 1 || envs[0].(fields)["name"] != "B" {
		t.Errorf("extraEnvs is %v, want B alone", envs)
	}
	r.override(nil)
	r.untilReady("demo")
	expect(t, "spec after the override", specText(t, r.cluster("zone-a")), specText(t, original))
}

func TestOverridingWhatIsThereAlreadyWritesNoSpec(t *testing.T) {
	r, original := twoExisting(t)
	r.override(fields{"vmselect": fields{"replicaCount": int64(1)}})
	r.untilReady("demo")
	expect(t, "generation", r.cluster("zone-a").GetGeneration(), original.GetGeneration())
	// It holds nevertheless.
	r.edit("zone-a", fields{"spec": fields{"vmselect": fields{"replicaCount": int64(2)}}})
	r.untilCluster("zone-a", "overridden again", generation(3))
	expect(t, "replicas", at(r.cluster("zone-a"), "spec.vmselect.replicaCount"), any(int64(1)))
	r.untilReady("demo")
}

func TestChangeByTheOwnerBesideAnOverrideStays(t *testing.T) {
	r, _ := twoExisting(t)
	r.override(fields{"vmselect": fields{"replicaCount": int64(2)}})
	r.untilReady("demo")
	r.edit("zone-a", fields{"spec": fields{"vminsert": fields{"replicaCount": int64(4)}}})
	r.untilOperational("zone-a")
	r.settle("demo")
	r.expectUpdates("zone-a@2")
	r.override(nil)
	r.untilReady("demo")
	cluster := r.cluster("zone-a")
	expect(t, "replicas of vminsert", at(cluster, "spec.vminsert.replicaCount"), any(int64(4)))
	expect(t, "replicas of vmselect", at(cluster, "spec.vmselect.replicaCount"), any(int64(1)))
}

func TestContendedOverrideIsAppliedThreeTimesMoreAndThenLeftToTheUser(t *testing.T) {
	r, _ := twoExisting(t)
	r.override(fields{"vmselect": fields{"replicaCount": int64(2)}})
	r.untilReady("demo")
	for round := range int64(3) {
		theirs := r.edit("zone-a", fields{"spec": fields{"vmselect": fields{"replicaCount": 10 + round}}})
		r.untilCluster("zone-a", "overridden again", generation(theirs.GetGeneration()+1))
		expect(t, "replicas", at(r.cluster("zone-a"), "spec.vmselect.replicaCount"), any(int64(2)))
		r.untilReady("demo")
	}
	theirs := r.edit("zone-a", fields{"spec": fields{"vmselect": fields{"replicaCount": int64(20)}}})
	r.untilZone("demo", "zone-a", "Refused", "Contended", somebody, "vmselect.replicaCount")
	object := r.settle("demo")
	r.expectCondition(object, "Stalled", metav1.ConditionTrue, "Contended")
	expect(t, "generation of a contended zone", r.cluster("zone-a").GetGeneration(), theirs.GetGeneration())
	r.expectUpdates("zone-a@2", "zone-a@4", "zone-a@6", "zone-a@8")

	// A new override is a new attempt, and what they wrote last is the original.
	r.override(fields{"vmselect": fields{"replicaCount": int64(3)}})
	r.untilReady("demo")
	expect(t, "replicas", at(r.cluster("zone-a"), "spec.vmselect.replicaCount"), any(int64(3)))
	r.override(nil)
	r.untilReady("demo")
	expect(t, "replicas without override", at(r.cluster("zone-a"), "spec.vmselect.replicaCount"), any(int64(20)))
}
