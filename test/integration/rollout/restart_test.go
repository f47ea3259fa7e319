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

func (r *room) restart() *v1alpha1.VMDistributedClusterRestart {
	r.t.Helper()
	said, err := r.own.Restart(r.t.Context(), "demo", &v1alpha1.VMDistributedClusterRestart{Reason: "a certificate"}, metav1.CreateOptions{})
	must(r.t, err)
	return said
}

// untilRestarted waits until a restart has come to its end.
func (r *room) untilRestarted() *own {
	r.t.Helper()
	r.untilCondition("demo", "Reconciling", metav1.ConditionTrue, "ZoneUpdating")
	return r.untilReady("demo")
}

// restartedAt is what the pods of a component are annotated with.
func (r *room) restartedAt(zone, component string) string {
	r.t.Helper()
	at, _, _ := unstructured.NestedString(r.cluster(zone).Object, "spec", component, "podMetadata", "annotations", "distributed.victoriametrics.com/restartedAt")
	return at
}

func TestARestartTakesEveryZoneOnceMoreInOrder(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("referred", small("v1"))
	r.existing("overridden", small("v1"))
	manifest := with(manifest("demo", inline("zone-a", small("v1")), ref("referred", nil), ref("overridden", fields{"clusterVersion": "v2"})), "spec.strategy.updatePause", "0s")
	r.apply(manifest)
	before := r.untilReady("demo")
	r.expectUpdates("overridden@2")
	said := r.restart()
	expect(t, "revision in the answer", said.Revision, before.Status.UpdateRevision)
	after := r.untilRestarted()
	r.expectUpdates("overridden@2", "zone-a@2", "referred@2", "overridden@3")
	expect(t, "generation", after.Generation, before.Generation)
	expect(t, "updateRevision", after.Status.UpdateRevision, before.Status.UpdateRevision)
	at := after.Status.Rollout.RestartedAt.UTC().Format("2006-01-02T15:04:05Z")
	for _, zone := range []string{"zone-a", "referred", "overridden"} {
		expect(t, "annotation of the pods of "+zone, r.restartedAt(zone, "vmselect"), at)
		expect(t, "annotation of what "+zone+" does not have", r.restartedAt(zone, "requestsLoadBalancer"), "")
	}
	r.untilTold("RolloutRestarted", said.Revision, "a certificate")
	r.untilHistory("1 Completed current=true wanted=true byUndo=false")

	// What is applied again, and what is changed later, restarts nothing else.
	r.apply(manifest)
	r.settle("demo")
	r.expectUpdates("overridden@2", "zone-a@2", "referred@2", "overridden@3")
	zones, _ := manifest["spec"].(fields)["zones"].(fields)
	zones["vmclusters"].(list)[0] = inline("zone-a", small("v3"))
	r.apply(manifest)
	r.untilReady("demo")
	r.expectUpdates("overridden@2", "zone-a@2", "referred@2", "overridden@3", "zone-a@3")
	expect(t, "annotation of the pods of zone-a", r.restartedAt("zone-a", "vmselect"), at)

	// Nor does an undo.
	r.undo("")
	r.untilCondition("demo", "Stalled", metav1.ConditionTrue, "RevisionUndone")
	r.expectUpdates("overridden@2", "zone-a@2", "referred@2", "overridden@3", "zone-a@3", "zone-a@4")
	expect(t, "annotation of the pods of zone-a", r.restartedAt("zone-a", "vmselect"), at)
}

func TestARestartWaitsForARolloutAndIsCalledOffLikeOne(t *testing.T) {
	r := stuckInTheMiddle(t)
	_, err := r.own.Restart(t.Context(), "demo", &v1alpha1.VMDistributedClusterRestart{}, metav1.CreateOptions{})
	expectRefused(t, "a restart in the middle of a rollout", err, "is being rolled out: a restart has to wait for the end of that")
	r.behave("zone-a")
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.restart()
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	_, err = r.own.Restart(t.Context(), "demo", &v1alpha1.VMDistributedClusterRestart{}, metav1.CreateOptions{})
	expectRefused(t, "a restart in the middle of another", err, "is being rolled out")
	r.abort("")
	r.behave("zone-a")
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted")
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-a@3")
	r.retry()
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-a@3", "zone-b@3", "zone-c@3")
}
