// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// TestKilledServerBreaksNoPromise kills a server at random moments of a rollout.
func TestKilledServerBreaksNoPromise(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("VMDC_TEST_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	t.Logf("VMDC_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeatable
	r := newRoomOf(t, ownServer(t, "killed"))
	r.load()
	kills := 4
	if long {
		kills = 20
	}
	for version := 1; kills > 0; version++ {
		r.apply(version)
		for range 2 {
			r.pass(time.Duration(random.IntN(8000)) * time.Millisecond)
			must(t, r.server.Kill())
			must(t, r.server.Restart(t.Context()))
			kills--
		}
		r.untilReady()
	}
	r.keepPromise()
}

// pass lets a rollout go on for a while; the moment that follows is a random one.
func (r *room) pass(while time.Duration) {
	ctx, cancel := context.WithTimeout(r.t.Context(), while)
	defer cancel()
	<-ctx.Done()
}

func TestAgentKilledDuringFlushBreaksNoPromise(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.load()
	r.apply(1)
	r.untilPhase("zone-a", v1alpha1.ZoneFlushing)
	must(t, r.plane.Kill(r.namespace, dataplane.AgentPod("main", 1)))
	r.untilReady()
	r.keepPromise()
}

func TestZoneThatNeverGetsReadyHaltsTheRolloutAndTheOthersServe(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.load()
	r.behaviours.give(r.namespace, "zone-a", standin.Stuck)
	r.apply(1)
	r.untilStatusOf("zone-a has failed", func(object *v1alpha1.VMDistributedCluster) bool {
		return phaseOf(object, "zone-a") == v1alpha1.ZoneFailed && object.Status.UpdateStatus == "failed"
	})
	for _, zone := range zones[1:] {
		if at := phaseOf(r.object(), zone); at != v1alpha1.ZonePending {
			t.Errorf("%s is %s", zone, at)
		}
		if generation := r.get("VMCluster", zone).GetGeneration(); generation != 1 {
			t.Errorf("%s is at generation %d", zone, generation)
		}
	}
	r.behaviours.give(r.namespace, "zone-a", standin.Normal)
	r.plane.Reconsider()
	r.untilReady()
	r.keepPromise()
}

// TestOthersAreRolledOutBesideAZoneThatIsDrainedAndLeftOut: all VMUsers are drained of
// it meanwhile, and one of them leads to the others in its place.
func TestOthersAreRolledOutBesideAZoneThatIsDrainedAndLeftOut(t *testing.T) {
	t.Parallel()
	r, stuck := newRoom(t), zones[0]
	before := r.targets()
	r.load()
	r.behaviours.give(r.namespace, stuck, standin.Stuck)
	r.apply(1)
	r.untilPhase(stuck, v1alpha1.ZoneUpdating)
	_, err := r.clusters.Skip(t.Context(), name, &v1alpha1.VMDistributedClusterSkip{Zone: stuck, Reason: "its disks"}, metav1.CreateOptions{})
	must(t, err)
	r.untilStatusOf("all others are updated", func(object *v1alpha1.VMDistributedCluster) bool {
		ready := meta.FindStatusCondition(object.Status.Conditions, "Ready")
		return ready != nil && ready.Reason == "AllOthersReady"
	})
	for _, zone := range zones[1:] {
		if generation := r.get("VMCluster", zone).GetGeneration(); generation != 2 {
			t.Errorf("%s is at generation %d", zone, generation)
		}
	}
	if r.targets() == before {
		t.Errorf("%s, which is stuck, has its reads", stuck)
	}
	r.behaviours.give(r.namespace, stuck, standin.Normal)
	r.plane.Reconsider()
	r.untilStatusOf(stuck+" is updated too", func(object *v1alpha1.VMDistributedCluster) bool {
		ready := meta.FindStatusCondition(object.Status.Conditions, "Ready")
		return ready != nil && ready.Reason == "AllZonesReady"
	})
	r.keepPromise()
	if after := r.targets(); after != before {
		t.Errorf("targets were %s, are %s", before, after)
	}
}

func TestUsersEditOfAVMUserInTheMiddleOfADrainSurvives(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	before, _, _ := unstructured.NestedSlice(r.get("VMUser", "everywhere").Object, "spec", "targetRefs")
	r.load()
	r.apply(1)
	r.untilPhase("zone-a", v1alpha1.ZoneUpdating)
	r.patch("VMUser", "everywhere", `{spec: {max_concurrent_requests: 500}}`)
	r.untilReady()
	r.keepPromise()
	user := r.get("VMUser", "everywhere")
	if limit, _, _ := unstructured.NestedInt64(user.Object, "spec", "max_concurrent_requests"); limit != 500 {
		t.Errorf("the edit is lost: %v", user.Object["spec"])
	}
	after, _, _ := unstructured.NestedSlice(user.Object, "spec", "targetRefs")
	if encode(t, before) != encode(t, after) {
		t.Errorf("targetRefs were %s, are %s", encode(t, before), encode(t, after))
	}
}

// TestVMUserThatIsPutBackAllTheTimeHaltsTheRollout: what GitOps does with a
// manifest that it owns.
func TestVMUserThatIsPutBackAllTheTimeHaltsTheRollout(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.load()
	user := r.get("VMUser", "everywhere")
	manifest := encode(t, map[string]any{"metadata": map[string]any{"annotations": nil}, "spec": map[string]any{"targetRefs": user.Object["spec"].(map[string]any)["targetRefs"]}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = wait.PollUntilContextCancel(ctx, 2*time.Second, false, func(ctx context.Context) (bool, error) {
			_, err := r.of("VMUser").Patch(ctx, "everywhere", types.MergePatchType, []byte(manifest), metav1.PatchOptions{FieldManager: "gitops"})
			return false, err
		})
	}()
	r.apply(1)
	r.untilStatusOf("the rollout is halted as Contended", func(object *v1alpha1.VMDistributedCluster) bool {
		return object.Status.UpdateStatus == "failed" && strings.Contains(encode(t, object.Status), "Contended")
	})
	if generation := r.get("VMCluster", "zone-a").GetGeneration(); generation != 1 {
		t.Errorf("zone-a was written though its reads could not be taken away: generation %d", generation)
	}
	stop()
	<-ended
	r.keepPromise()
}

func TestSecondEditRetargetsTheRollout(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.load()
	r.apply(1)
	r.untilPhase("zone-b", v1alpha1.ZoneUpdating)
	r.apply(2)
	r.untilReady()
	r.keepPromise()
	for _, zone := range zones {
		args, _, _ := unstructured.NestedStringMap(r.get("VMCluster", zone).Object, "spec", "vmselect", "extraArgs")
		if args["search.maxUniqueTimeseries"] != "100002" {
			t.Errorf("%s runs with %v", zone, args)
		}
	}
	for _, user := range []string{"everywhere", "zone-a"} {
		if annotations := r.get("VMUser", user).GetAnnotations(); len(annotations) > 0 {
			t.Errorf("VMUser %s is left with %v", user, annotations)
		}
	}
}

// TestControlExperimentFailsReads is what the same change does to all zones at
// once, by hand and with nobody to put it right. It is done again until a query fails:
// on a busy machine one zone may be back before the next one goes.
func TestControlExperimentFailsReads(t *testing.T) {
	t.Parallel()
	const rounds = 10
	r := newRoom(t)
	r.merge("{spec: {paused: true}}")
	r.untilStatusOf("rollouts are paused", func(object *v1alpha1.VMDistributedCluster) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, "Paused")
	})
	r.load()
	round := 0
	for ; round < rounds && r.reads().Failed == 0; round++ {
		for _, zone := range zones {
			r.patch("VMCluster", zone, fmt.Sprintf(`{spec: {vmselect: {extraArgs: {search.maxUniqueTimeseries: '%d'}}}}`, 200000+round))
		}
		for _, zone := range zones {
			r.untilOperational("VMCluster", zone)
		}
	}
	reads, missing := r.conclude()
	t.Logf("control experiment, all zones at once, %d times: reads: %d ok, %d failed, %d incomplete; samples: %d written, %d missing in any zone",
		round, reads.OK, reads.Failed, reads.Incomplete, r.writer.Written(), missing)
	if reads.Failed == 0 {
		t.Error("no read has failed: the readers see nothing")
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return string(text)
}
