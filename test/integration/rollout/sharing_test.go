// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

const drainMark = "distributed.victoriametrics.com/drain."

// TestObjectsThatShareAVMUserDrainItOneAtATime changes both at the same time.
func TestObjectsThatShareAVMUserDrainItOneAtATime(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	left := func(version string) fields { return readBy(manifest("left", versions(version, "zone-a", "zone-b")...)) }
	right := func(version string) fields {
		return readBy(manifest("right", versions(version, "zone-c", "zone-d")...))
	}
	r.reader("zone-a", "zone-b", "zone-c", "zone-d")
	r.apply(left("v1"))
	r.apply(right("v1"))
	r.untilReady("left")
	r.untilReady("right")
	before, _ := r.routes()
	history := r.watchReader()

	r.apply(left("v2"))
	r.apply(right("v2"))
	r.untilReady("left")
	r.untilReady("right")
	after, generation := r.routes()
	expect(t, "the VMUser after both rollouts", after, before)

	seen := map[string]bool{}
	for user := range history.until(r, generation) {
		drains := slices.DeleteFunc(slices.Sorted(maps.Keys(user.GetAnnotations())), func(key string) bool { return !strings.HasPrefix(key, drainMark) })
		if len(drains) > 1 {
			t.Errorf("the VMUser is drained twice at generation %d: %v", user.GetGeneration(), drains)
		}
		for _, drain := range drains {
			seen[zoneDrained(t, user.GetAnnotations()[drain])] = true
		}
	}
	expect(t, "zones that were drained", strings.Join(slices.Sorted(maps.Keys(seen)), " "), "zone-a zone-b zone-c zone-d")
	if updates := r.verdict().Updates(); !slices.Equal(slices.Sorted(slices.Values(updates)), []string{"zone-a@2", "zone-b@2", "zone-c@2", "zone-d@2"}) {
		t.Errorf("updates of zones: %v", updates)
	}
}

func versions(version string, names ...string) list {
	var zones list
	for _, name := range names {
		zones = append(zones, inline(name, small(version)))
	}
	return zones
}

// readBy lets the VMUser reader read from the zones of an object.
func readBy(object fields) fields {
	object = with(object, "spec.vmusers", list{fields{"name": "reader"}})
	return with(object, "spec.strategy.drain", fields{"gracePeriod": "0s"})
}

// reader makes a VMUser that reads from zones.
func (r *room) reader(zones ...string) {
	r.t.Helper()
	var targets list
	for _, zone := range zones {
		targets = append(targets, fields{
			"crd":   fields{"kind": "VMCluster/vmselect", "name": zone, "namespace": r.namespace},
			"paths": list{"/select/.*"},
		})
	}
	r.create(userResource, "VMUser", "reader", fields{"username": "reader", "targetRefs": targets})
}

func zoneDrained(t *testing.T, record string) string {
	t.Helper()
	var document struct {
		Drain struct{ Zone string }
	}
	must(t, json.Unmarshal([]byte(record), &document))
	return document.Drain.Zone
}

// readerHistory is every version of the VMUser since the watch began.
type readerHistory struct{ watch watch.Interface }

func (r *room) watchReader() *readerHistory {
	r.t.Helper()
	since := r.object(userResource, "reader").GetResourceVersion()
	w, err := shared.objects.Resource(userResource).Namespace(r.namespace).Watch(r.t.Context(), metav1.ListOptions{ResourceVersion: since})
	must(r.t, err)
	r.t.Cleanup(w.Stop)
	return &readerHistory{w}
}

// until yields the versions up to a generation.
func (h *readerHistory) until(r *room, generation int64) func(func(*unstructured.Unstructured) bool) {
	return func(yield func(*unstructured.Unstructured) bool) {
		ctx, cancel := context.WithTimeout(r.t.Context(), patience)
		defer cancel()
		for {
			select {
			case <-ctx.Done():
				r.t.Errorf("generation %d of the VMUser never came", generation)
				return
			case event, open := <-h.watch.ResultChan():
				user, is := event.Object.(*unstructured.Unstructured)
				if !open || !is {
					r.t.Errorf("the watch of the VMUser ended: %v", event.Object)
					return
				}
				if !yield(user) || user.GetGeneration() >= generation {
					return
				}
			}
		}
	}
}
