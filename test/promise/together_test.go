// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// TestTwoZonesAreRolledOutAtOnceAndTheThirdOneServes: both VMUsers are drained of both, and
// the one that reads from zone-a alone leads to the third.
func TestTwoZonesAreRolledOutAtOnceAndTheThirdOneServes(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	before := r.targets()
	r.merge("{spec: {strategy: {maxUnavailable: 2}}}")
	r.untilReady()
	r.load()
	history := r.watchUser("everywhere")
	// The first is not done before the second is out.
	r.behaviours.give(r.namespace, zones[0], standin.Stuck)
	r.apply(1)
	r.until("two zones are written", func() (bool, string) {
		written := 0
		for _, zone := range zones {
			written += int(r.get("VMCluster", zone).GetGeneration()) - 1
		}
		return written == 2, r.targets()
	})
	r.behaviours.give(r.namespace, zones[0], standin.Normal)
	r.plane.Reconsider()
	r.untilReady()
	r.keepPromise()
	if after := r.targets(); after != before {
		t.Errorf("targets were %s, are %s", before, after)
	}
	if most := history.mostDrained(r, r.get("VMUser", "everywhere")); !slices.Equal(most, zones[:2]) {
		t.Errorf("VMUser everywhere was drained of %v at most, want %v", most, zones[:2])
	}
}

// userHistory is every version of a VMUser since the watch began.
type userHistory struct{ watch watch.Interface }

func (r *room) watchUser(name string) *userHistory {
	r.t.Helper()
	w, err := r.of("VMUser").Watch(r.t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + name, ResourceVersion: r.get("VMUser", name).GetResourceVersion(),
	})
	must(r.t, err)
	r.t.Cleanup(w.Stop)
	return &userHistory{w}
}

// mostDrained is the longest list of zones that the VMUser was drained of at a time, up to
// what it is last.
func (h *userHistory) mostDrained(r *room, last *unstructured.Unstructured) (most []string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			r.t.Fatal("the last version of the VMUser never came")
		case event, open := <-h.watch.ResultChan():
			user, is := event.Object.(*unstructured.Unstructured)
			if !open || !is {
				r.t.Fatalf("the watch of the VMUser ended: %v", event.Object)
			}
			records, err := victoriametrics.DrainRecords(user)
			must(r.t, err)
			for _, record := range records {
				if len(record.Zones) > len(most) {
					most = record.Zones
				}
			}
			if user.GetResourceVersion() == last.GetResourceVersion() {
				return most
			}
		}
	}
}
