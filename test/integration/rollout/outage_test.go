// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"maps"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// The tests of this file stop or empty the server that all others use. They run
// alone, since none of them is parallel.

// inlineAndReferenced makes an object with zones of both sorts and a VMAgent, and
// waits until nothing is left to do.
func (r *room) inlineAndReferenced() {
	r.t.Helper()
	r.existing("zone-c", small("v1"))
	r.agent(fields{})
	r.applyInlineAndReferenced()
	r.untilScraped("zone-a", "zone-b", "zone-c")
	r.settle("demo")
}

func (r *room) applyInlineAndReferenced() {
	r.t.Helper()
	r.apply(scraping("demo", inline("zone-a", small("v1")), inline("zone-b", small("v1")), ref("zone-c", fields{"clusterVersion": "v2"})))
	r.untilReady("demo")
}

// everything are the versions of the VMClusters and of the VMAgent.
func (r *room) everything() map[string]string {
	r.t.Helper()
	versions := r.versions()
	versions["agent"] = r.object(agentResource, "agent").GetResourceVersion()
	return versions
}

func (r *room) expectEverything(wanted map[string]string) {
	r.t.Helper()
	if now := r.everything(); !maps.Equal(now, wanted) {
		r.t.Errorf("versions are %v, want %v", now, wanted)
	}
}

// watchFor lets time pass in which something could happen, and proves that the
// garbage collector was at work meanwhile: an object whose owner does not exist
// is gone before and another one after.
func (r *room) watchFor(length time.Duration) {
	r.t.Helper()
	r.untilGarbageIsCollected()
	<-time.After(length)
	r.untilGarbageIsCollected()
}

func (r *room) untilGarbageIsCollected() {
	r.t.Helper()
	configMaps := shared.kubernetes.CoreV1().ConfigMaps(r.namespace)
	garbage, err := configMaps.Create(r.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		GenerateName:    "garbage-",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "never-there", UID: "never-there"}},
	}}, metav1.CreateOptions{})
	must(r.t, err)
	poll(r.t, "an object without owner to be collected", func(ctx context.Context) string {
		_, err := configMaps.Get(ctx, garbage.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return ""
		case err != nil:
			return err.Error()
		}
		return "it is there"
	})
}

func TestNothingHappensWhileTheServerIsGone(t *testing.T) {
	r := newRoom(t)
	r.inlineAndReferenced()
	before, generation := r.everything(), r.get("demo").Generation
	must(t, shared.server.Kill())
	poll(t, "the API to be unavailable", func(ctx context.Context) string {
		if _, err := r.own.Get(ctx, "demo", metav1.GetOptions{}); apierrors.IsServiceUnavailable(err) {
			return ""
		} else if err != nil {
			return err.Error()
		}
		return "it answers"
	})
	length := 15 * time.Second
	if long {
		length = time.Minute
	}
	r.watchFor(length)
	r.expectEverything(before)
	must(t, shared.server.Restart(t.Context()))
	r.untilReady("demo")
	r.settle("demo")
	r.expectEverything(before)
	expect(t, "generation moved by settling alone", r.get("demo").Generation, generation+2)
	r.expectUpdates("zone-c@2")
}

func TestEmptiedStoreCostsNoCluster(t *testing.T) {
	r := newRoom(t)
	r.inlineAndReferenced()
	before, dependent := r.everything(), r.dependent("demo")
	must(t, shared.server.Stop())
	must(t, os.RemoveAll(shared.server.DataDir))
	restarted := restart(t, shared.server)
	refusal := untilRefused(t, shared.server)
	expectContains(t, "the refusal", refusal, "the embedded etcd in "+shared.server.DataDir, "is not the store that the cluster knows",
		"ConfigMap vmdistributed-system/vmdistributed-store", "Bring the former store back")
	r.expectNothingAnswered(shared.server)
	r.watchFor(10 * time.Second)
	r.expectEverything(before)
	r.expectThere(dependent)
	must(t, shared.server.AcceptStore(t.Context()))
	must(t, <-restarted)
	r.expectAdoptedAgain(before)
}

// TestOtherStoreCostsNoCluster is the same with an external etcd, whose prefix
// is another one after the loss, and comes back once.
func TestOtherStoreCostsNoCluster(t *testing.T) {
	namespace, err := shared.control.NewServerNamespace(t.Context(), "external")
	must(t, err)
	start := func(prefix string, refused bool) *controlplane.Server {
		server, err := shared.control.StartServer(t.Context(), controlplane.ServerOptions{
			Name: "external-" + prefix, Unregistered: true, Store: controlplane.StoreEtcd, Refused: refused,
			Args: []string{"--etcd-prefix=/" + prefix, "--namespace=" + namespace},
		})
		must(t, err)
		t.Cleanup(func() { must(t, server.Stop()) })
		return server
	}
	first := start("first", false)
	config, err := first.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.inlineAndReferenced()
	before := r.everything()
	must(t, first.Stop())

	second := start("second", true)
	expectContains(t, "the refusal", untilRefused(t, second), "below /second, is not the store that the cluster knows", "of kind etcd")
	must(t, r.connectTo(second))
	r.expectNothingAnswered(second)
	r.expectEverything(before)

	must(t, first.Restart(t.Context()))
	must(t, r.connectTo(first))
	r.untilReady("demo")
	r.settle("demo")
	r.expectEverything(before)
	must(t, first.Stop())

	must(t, second.AcceptStore(t.Context()))
	untilServed(t, second)
	must(t, r.connectTo(second))
	r.expectAdoptedAgain(before)
}

// expectAdoptedAgain wants nothing to happen to clusters of an empty store, and
// nothing to be written when their manifest is applied again.
func (r *room) expectAdoptedAgain(before map[string]string) {
	r.t.Helper()
	found, err := r.own.List(r.t.Context(), metav1.ListOptions{})
	must(r.t, err)
	expect(r.t, "objects in the empty store", len(found.Items), 0)
	r.watchFor(10 * time.Second)
	r.expectEverything(before)
	r.applyInlineAndReferenced()
	r.settle("demo")
	r.expectEverything(before)
	r.expectUpdates("zone-c@2")
	r.expectCreated("zone-a", "zone-b")
}
