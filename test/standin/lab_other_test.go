// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func testShardedAgent(t *testing.T, r *room) {
	film := r.film(agentResource, "main")
	r.create(agentResource, "main", `{remoteWrite: [{url: "http://x"}], replicaCount: 2, shardCount: 2, statefulMode: true}`, nil)
	agent := film.untilStatus("operational@1")
	expect(t, field(t, agent, "status", "shards"), any(int64(2)))
	expect(t, field(t, agent, "status", "replicas"), any(int64(2)))
	selector := "app.kubernetes.io/component=monitoring,app.kubernetes.io/instance=main,app.kubernetes.io/name=vmagent,managed-by=vm-operator"
	expect(t, field(t, agent, "status", "selector"), any(selector))
	for _, name := range []string{"vmagent-main-0", "vmagent-main-1"} {
		if shard := r.get(statefulSetResource, name); !hasConverged(t, shard) {
			t.Errorf("%s has not converged", name)
		}
	}
}

func testDaemonSetMode(t *testing.T, r *room) {
	film := r.film(agentResource, "main")
	r.create(agentResource, "main", `{remoteWrite: [{url: "http://x"}], daemonSetMode: true}`, nil)
	agent := film.untilStatus("failed@1")
	if reason := fmt.Sprint(field(t, agent, "status", "reason")); !strings.Contains(reason, "daemonSetMode") {
		t.Errorf("the reason is %q, want it to name daemonSetMode", reason)
	}
	r.patch(agentResource, "main", nil, map[string]any{"daemonSetMode": nil})
	film.untilStatus("operational@2")
}

const toZone = `[{crd: {kind: VMCluster/vmselect, name: z, namespace: %s}}]`

// user creates a VMUser that routes to the cluster z.
func (r *room) user() *film {
	r.t.Helper()
	film := r.film(userResource, "reader")
	r.create(userResource, "reader", fmt.Sprintf("{targetRefs: "+toZone+"}", r.namespace), nil)
	return film
}

// auth creates a VMAuth that serves the VMUsers of the room alone.
func (r *room) auth(name string) {
	r.t.Helper()
	film := r.film(authResource, name)
	r.create(authResource, name, "{userSelector: {}}", nil)
	film.untilStatus("operational@1")
}

// verdict returns what a VMAuth of the room says of a VMUser, as "True@2".
func (r *room) verdict(user *unstructured.Unstructured, auth string) string {
	r.t.Helper()
	var s userStatus
	if err := decode(user, "status", &s); err != nil {
		r.t.Fatal(err)
	}
	for _, c := range s.Conditions {
		if c.Type == auth+"."+r.namespace+".vmauth.victoriametrics.com/Applied" && c.Reason == "ConfigParsedAndApplied" {
			return fmt.Sprintf("%s@%d", c.Status, c.ObservedGeneration)
		}
	}
	return "none"
}

// untilVerdict waits for what a VMAuth of the room says of the VMUser.
func (f *film) untilVerdict(auth, wanted string) *unstructured.Unstructured {
	f.room.t.Helper()
	return f.until(auth+" "+wanted, func(o *unstructured.Unstructured) bool { return f.room.verdict(o, auth) == wanted })
}

func testTwoAuths(t *testing.T, r *room) {
	r.create(clusterResource, "z", smallZone, nil)
	r.auth("quick")
	r.auth("slow")
	film := r.user()
	film.untilVerdict("quick", "True@1")
	film.untilVerdict("slow", "True@1")

	r.patch(authResource, "slow", map[string]any{LagAnnotation: "1h"}, nil)
	// The VMAuth's annotation must be known before the VMUser changes.
	slow := r.film(authResource, "slow")
	slow.until("slow", func(o *unstructured.Unstructured) bool { return o.GetAnnotations()[LagAnnotation] == "1h" })
	r.patch(userResource, "reader", nil, map[string]any{"username": "me"})
	user := film.untilVerdict("quick", "True@2")
	expect(t, r.verdict(user, "slow"), "True@1")
	expect(t, saying(t, user), "operational@2")

	r.patch(authResource, "slow", map[string]any{LagAnnotation: nil}, nil)
	film.untilVerdict("slow", "True@2")
}

func testDanglingTarget(t *testing.T, r *room) {
	r.auth("main")
	film := r.user()
	user := film.untilVerdict("main", "False@1")
	expect(t, saying(t, user), "failed@1")
	r.create(clusterResource, "z", "{}", nil)
	film.untilVerdict("main", "True@1")
	r.remove(clusterResource, "z")
	film.untilVerdict("main", "False@1")
	r.patch(userResource, "reader", nil, map[string]any{"targetRefs": []any{}})
	user = film.untilVerdict("main", "False@2")
	expect(t, field(t, user, "status", "reason"), any("spec.targetRefs is empty: a VMUser needs at least one target"))
}

func testReleasedUser(t *testing.T, r *room) {
	r.create(clusterResource, "z", smallZone, nil)
	r.auth("main")
	film := r.user()
	film.untilVerdict("main", "True@1")
	r.patch(authResource, "main", nil, map[string]any{"userSelector": map[string]any{"matchLabels": map[string]any{"team": "other"}}})
	film.untilStatus("ignored@1")
	r.remove(userResource, "reader")
	film.untilDeleted()
}

func testConditionOfDeletedAuth(t *testing.T, r *room) {
	r.create(clusterResource, "z", smallZone, nil)
	r.auth("left")
	r.auth("stays")
	film := r.user()
	film.untilVerdict("left", "True@1")
	film.untilVerdict("stays", "True@1")
	gone := r.film(authResource, "left")
	r.remove(authResource, "left")
	gone.untilDeleted()
	r.patch(userResource, "reader", nil, map[string]any{"username": "me"})
	user := film.untilVerdict("stays", "True@2")
	expect(t, r.verdict(user, "left"), "True@1")
}

func testStuckAuth(t *testing.T, r *room) {
	r.create(clusterResource, "z", smallZone, nil)
	r.auth("main")
	film := r.user()
	film.untilVerdict("main", "True@1")
	r.patch(authResource, "main", map[string]any{BehaviourAnnotation: string(Stuck)}, nil)
	r.film(authResource, "main").untilStatus("expanding@1")
	r.patch(userResource, "reader", nil, map[string]any{"username": "me"})
	r.pass()
	expect(t, r.verdict(r.get(userResource, "reader"), "main"), "True@1")
	r.patch(authResource, "main", map[string]any{BehaviourAnnotation: nil}, nil)
	film.untilVerdict("main", "True@2")
}
