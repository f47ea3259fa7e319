// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// The informers of these tests are held back on purpose: what the server has seen
// by watching is not so any more when it has to decide.

// readZones are zone-a, zone-b and zone-c, which one VMUser reads from.
func readZones(a, b, c string) fields {
	return readBy(manifest("demo", inline("zone-a", small(a)), inline("zone-b", small(b)), inline("zone-c", small(c))))
}

// readFrom makes the zones and their VMUser, and waits until all is well.
func (r *room) readFrom() {
	r.t.Helper()
	r.reader("zone-a", "zone-b", "zone-c")
	r.apply(readZones("v1", "v1", "v1"))
	r.untilReady("demo")
	r.settle("demo")
	r.t.Cleanup(func() {
		user, err := shared.objects.Resource(userResource).Namespace(r.namespace).Get(context.Background(), "reader", metav1.GetOptions{})
		if r.t.Failed() && err == nil {
			r.t.Logf("VMUser reader at generation %d: %v, targets %v", user.GetGeneration(), user.GetAnnotations(), at(user, "spec.targetRefs"))
		}
	})
}

// routes is what the VMUser says, with the generation that counts every change of
// it.
func (r *room) routes() (targets string, generation int64) {
	r.t.Helper()
	user := r.object(userResource, "reader")
	text, err := json.Marshal([]any{at(user, "spec.targetRefs"), user.GetAnnotations()})
	must(r.t, err)
	return string(text), user.GetGeneration()
}

// expectUndrained wants nobody to have written the VMUser since a generation.
func (r *room) expectUndrained(since int64) {
	r.t.Helper()
	if targets, generation := r.routes(); generation != since {
		r.t.Errorf("the VMUser was written, from generation %d to %d: %s", since, generation, targets)
	}
}

func TestZoneIsNotTouchedOnTheWordOfACacheThatIsBehind(t *testing.T) {
	t.Parallel()
	server, watches := serverBehind(t, "behind")
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	for _, test := range []struct {
		name      string
		behaviour standin.Behaviour
		// truth waits until it has come to that, event is what the informers lack of it
		truth           func(r *room)
		event, evidence string
	}{
		{"while the operator has reported a failure of another zone", standin.Fail, func(r *room) { r.untilStatus("zone-a", "failed@1") }, "vmclusters", "failed"},
		{"while the operator works on another zone", standin.Stuck, func(r *room) { r.untilStatus("zone-a", "expanding@1") }, "vmclusters", "expanding"},
		{"while a replica of another zone is not ready", standin.Unready, func(r *room) { r.untilUnready("zone-a") }, "statefulsets", "0 ready"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRoomAt(t, config)
			r.readFrom()
			before, generation := r.routes()
			watches.hold("vmclusters", "statefulsets", "deployments")
			defer watches.release()
			r.misbehaveNow("zone-a", test.behaviour)
			test.truth(r)
			watches.untilKept(t, test.event)

			r.apply(readZones("v1", "v2", "v1"))
			r.untilZone("demo", "zone-b", "Pending", "Blocked", "zone-a", test.evidence)
			r.settle("demo")
			r.expectUpdates()
			r.expectUndrained(generation)

			watches.release()
			r.behave("zone-a")
			r.untilReady("demo")
			r.expectUpdates("zone-b@2")
			after, _ := r.routes()
			expect(t, "routes after the rollout", after, before)
		})
	}
}

// TestVMUserIsNotDrainedOnTheWordOfACacheThatIsBehind has it drained of another
// zone by another object, unseen.
func TestVMUserIsNotDrainedOnTheWordOfACacheThatIsBehind(t *testing.T) {
	t.Parallel()
	server, watches := serverBehind(t, "unseen")
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.readFrom()
	before, _ := r.routes()
	watches.hold("vmusers")
	defer watches.release()
	r.drainAs("other", "zone-a", "zone-c")
	watches.untilKept(t, "vmusers")
	_, drained := r.routes()

	r.apply(readZones("v1", "v2", "v1"))
	r.untilZone("demo", "zone-b", "Pending", "VMUserBusy", "zone-a", r.namespace+"/other")
	r.settle("demo")
	r.expectUpdates()
	r.expectUndrained(drained)

	watches.release()
	patch, err := victoriametrics.PlanRestore(r.object(userResource, "reader"), victoriametrics.Drain{
		Owner: r.ownerNamed("other"), Zone: victoriametrics.Cluster{Namespace: r.namespace, Name: "zone-a"},
	})
	must(t, err)
	r.editObject(userResource, "reader", patch)
	r.untilReady("demo")
	r.expectUpdates("zone-b@2")
	after, _ := r.routes()
	expect(t, "routes after the rollout", after, before)
}

// TestPausedObjectIsHeededByAControllerThatHasNotSeenIt has a write to a zone
// refused until after the pause: what was decided on before would be tried again.
func TestPausedObjectIsHeededByAControllerThatHasNotSeenIt(t *testing.T) {
	t.Parallel()
	c := ownController(t, "pause")
	r := newRoomAt(t, c.config)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	c.host.refuse(true)
	r.apply(threeZones("v2"))
	poll(t, "a write to a zone to be tried again", func(context.Context) string {
		if tried := c.host.tried(); tried < 3 {
			return fmt.Sprintf("tried %d times", tried)
		}
		return ""
	})
	c.own.hold("vmdistributedclusters")
	defer c.own.release()
	r.patch("demo", fields{"spec": fields{"paused": true}})
	paused := c.host.tried()
	c.own.untilKept(t, "vmdistributedclusters")
	poll(t, "demo to be reported as paused", func(context.Context) string {
		// One pass may have been under way; it is over when the next one writes.
		if tried := c.host.tried(); tried > paused+1 {
			t.Fatalf("a write to a zone was tried %d times since the pause", tried-paused)
		}
		return lacksCondition(r.get("demo"), "Paused", "RolloutPaused")
	})
	c.host.refuse(false)
	r.lookAgain("zone-a")
	r.expectUpdates()

	c.own.release()
	r.settle("demo")
	r.expectUpdates()
	r.patch("demo", fields{"spec": fields{"paused": false}})
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func lacksCondition(object *own, condition, reason string) string {
	if has := meta.FindStatusCondition(object.Status.Conditions, condition); has == nil || has.Status != metav1.ConditionTrue || has.Reason != reason {
		return fmt.Sprintf("%+v", has)
	}
	return ""
}

// lookAgain returns after a pass that an event of a zone has brought about: status
// is then about a generation that no watch has told of.
func (r *room) lookAgain(zone string) {
	r.t.Helper()
	r.patch("demo", fields{"spec": fields{"strategy": fields{"readyTimeout": "9m"}}})
	r.annotate(zone, fields{"test/look": "again"})
	r.until("demo", "looked at", func(*own) string { return "" })
}

func (r *room) ownerNamed(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: r.namespace, Name: name}
}

// drainAs drains the VMUser of a zone as another VMDistributedCluster does.
func (r *room) drainAs(owner, zone string, others ...string) *unstructured.Unstructured {
	r.t.Helper()
	parse := func(name string) victoriametrics.Cluster {
		cluster, err := victoriametrics.ParseCluster(r.cluster(name))
		must(r.t, err)
		return cluster
	}
	var left []victoriametrics.Cluster
	for _, other := range others {
		left = append(left, parse(other))
	}
	plan, err := victoriametrics.PlanDrain(r.object(userResource, "reader"), victoriametrics.Drain{
		Owner: r.ownerNamed(owner), Zone: parse(zone), Others: left, LastTarget: victoriametrics.LastTargetFailOver,
	})
	must(r.t, err)
	if plan.Patch == nil {
		r.t.Fatalf("VMUser reader can't be drained of %s: %s", zone, plan.Refusal)
	}
	return r.editObject(userResource, "reader", plan.Patch)
}
