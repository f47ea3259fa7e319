// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// ownRoom is a room with a server and a store of its own, and the server's namespace.
func ownRoom(t *testing.T, name string) (r *room, server *controlplane.Server, namespace string) {
	t.Helper()
	server, namespace = ownServerIn(t, name)
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	return newRoomAt(t, config), server, namespace
}

// loseStore has the store of a server emptied, and the one that it begins anew accepted.
func (r *room) loseStore(server *controlplane.Server) {
	r.t.Helper()
	must(r.t, server.Stop())
	must(r.t, os.RemoveAll(server.DataDir))
	restarted := restart(r.t, server)
	untilRefused(r.t, server)
	must(r.t, server.AcceptStore(r.t.Context()))
	must(r.t, <-restarted)
	must(r.t, r.connectTo(server))
}

// untilForgotten waits until nothing is remembered of the room beside the store.
func (r *room) untilForgotten(namespace string) {
	r.t.Helper()
	poll(r.t, "all words to be forgotten", func(context.Context) string { return r.remembered(namespace) })
}

// TestSkipOutlivesTheStore: the store is lost, another one accepted, and the manifest
// applied again. The zone that was left out before still is, until somebody takes that
// back.
func TestSkipOutlivesTheStore(t *testing.T) {
	t.Parallel()
	r, server, namespace := ownRoom(t, "skips")
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	said := r.skip("zone-b")
	r.behave("zone-a")
	r.untilCompleteWithout("zone-b")
	expectContains(t, "what is remembered", r.remembered(namespace), "zone-b", said.Revision, "its disks")

	r.loseStore(server)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-b", "Pending", "Skipped", `"its disks"`)
	r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllOthersReady")
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-c@2")

	r.retryZone("zone-b")
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-c@2", "zone-b@2")
	r.untilForgotten(namespace)
}

// TestSkipOfAZoneThatIsStuckOutlivesTheStore: it was written before it was left out, and
// holds the others up no more after the loss than before.
func TestSkipOfAZoneThatIsStuckOutlivesTheStore(t *testing.T) {
	t.Parallel()
	r, server, namespace := ownRoom(t, "stuck")
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	r.misbehave("zone-b", standin.Stuck)
	r.skip("zone-a")
	r.untilZone("demo", "zone-b", "Updating", "WaitingForOperator")

	r.loseStore(server)
	r.behave("zone-b")
	r.apply(threeZones("v2"))
	r.untilCondition("demo", "Ready", metav1.ConditionTrue, "AllOthersReady")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	r.behave("zone-a")
	r.untilReady("demo")
	r.untilForgotten(namespace)
}

// TestRestartOutlivesTheStore: one that is complete restarts nothing once more, and one
// that was under way goes on with the zones that it had not come to.
func TestRestartOutlivesTheStore(t *testing.T) {
	t.Parallel()
	r, server, namespace := ownRoom(t, "restarts")
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.restart()
	r.untilRestarted()
	all := []string{"zone-a@2", "zone-b@2", "zone-c@2"}
	r.expectUpdates(all...)
	expectContains(t, "what is remembered", r.remembered(namespace), "a certificate")
	at := r.restartedAt("zone-a", "vmselect")

	r.loseStore(server)
	before := r.versions()
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.settle("demo")
	r.expectVersions(before)

	r.misbehave("zone-b", standin.Stuck)
	r.restart()
	r.untilZone("demo", "zone-b", "Updating", "WaitingForOperator")
	r.loseStore(server)
	r.apply(threeZones("v1"))
	r.untilZone("demo", "zone-b", "Unhealthy", "NotHealthy")
	r.behave("zone-b")
	r.untilReady("demo")
	r.settle("demo")
	r.expectUpdates(append(all, "zone-a@3", "zone-b@3", "zone-c@3")...)
	again := r.restartedAt("zone-a", "vmselect")
	for _, zone := range []string{"zone-b", "zone-c"} {
		expect(t, "annotation of the pods of "+zone, r.restartedAt(zone, "vmselect"), again)
	}
	if again == at {
		t.Errorf("both restarts are of %s", at)
	}

	r.delete("demo")
	r.untilGone("demo")
	r.untilForgotten(namespace)
}
