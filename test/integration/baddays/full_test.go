// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"net/http"
	"os"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// expectReadOnly wants what there is to be told, and every write to be refused.
func (r *room) expectReadOnly() {
	r.t.Helper()
	object, err := r.own.Get(r.t.Context(), "demo", metav1.GetOptions{})
	must(r.t, err)
	expect(r.t, "generation", object.Generation, 2)
	found, err := r.own.List(r.t.Context(), metav1.ListOptions{})
	must(r.t, err)
	expect(r.t, "objects", len(found.Items), 1)
	_, err = r.own.GetZones(r.t.Context(), "demo", metav1.GetOptions{})
	must(r.t, err)
	r.expectNoWrites("database space exceeded")
	after, err := r.own.Get(r.t.Context(), "demo", metav1.GetOptions{})
	must(r.t, err)
	expect(r.t, "resourceVersion after writes that failed", after.ResourceVersion, object.ResourceVersion)
}

// TestFullEtcdOfTheClusterStopsWritesAndNothingElse in the middle of a rollout. The Lease
// can't be renewed either, so that nobody leads.
func TestFullEtcdOfTheClusterStopsWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp(scratch, "full")
	must(t, err)
	s, err := startSite(controlplane.Options{
		Dir: dir, CRDs: controlplane.CRDsUsed, Patience: 2 * patience, EtcdArgs: []string{"--quota-backend-bytes=50331648"},
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.stop()) })
	r := newRoom(t, s)
	r.begin()
	before, etcd := r.estate(), s.member(t)
	etcd.fill(t)
	r.expectReadOnly()
	untilSaid(t, leadingNoMore, 0, s.replicas...)
	if ready := s.expectLive(t); !slices.Equal(ready, []int{http.StatusOK, http.StatusOK}) {
		t.Errorf("readyz: %v, want 200 of those that answer reads", ready)
	}
	r.expectReadOnly()
	r.expectEstate(before)
	etcd.makeRoom(t)
	r.free("zone-a")
	r.expectConcluded()
}

// TestFullEtcdOfTheServerStopsWritesAndNothingElse is about an etcd that only the server
// has: the leader goes on leading, and wants to go on.
func TestFullEtcdOfTheServerStopsWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	etcd := newMember(t, 4<<20)
	server := startAlone(t, "full", etcd.url)
	r := newRoomWith(t, server)
	r.begin()
	etcd.fill(t)
	r.free("zone-a")
	before := r.estate()
	untilSaid(t, passFailed, 3, server)
	r.expectReadOnly()
	r.expectEstate(before)
	expect(t, "readyz", expectLive(t, server), http.StatusOK)
	must(t, server.Restart(t.Context()))
	r.expectReadOnly()
	r.expectEstate(before)
	etcd.makeRoom(t)
	r.expectConcluded()
}
