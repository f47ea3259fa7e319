// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// misbehaviour is what a cluster does with its second generation when it is told
// to, and what it does when it is no longer told to.
type misbehaviour struct {
	behaviour Behaviour
	// lag goes with the second generation.
	lag string
	// sign shows that the behaviour took effect; without one there is none.
	sign string
	// storage is what the first workload reports then.
	storage func(*unstructured.Unstructured, counts) bool
	// never is what the cluster must not say while it carries the annotation.
	never []string
	// story is what follows on "operational@1", to the end.
	story []string
}

func misbehaviours() map[string]misbehaviour {
	notBegun := func(o *unstructured.Unstructured, _ counts) bool { return o.GetGeneration() == 1 }
	held := func(o *unstructured.Unstructured, c counts) bool {
		return o.GetGeneration() == 2 && c.ObservedGeneration == 2 && c.UpdatedReplicas == 0 && c.ReadyReplicas == 2
	}
	return map[string]misbehaviour{
		"failing": {
			behaviour: Fail, sign: "failed@2", storage: held,
			never: []string{"operational@2"}, story: []string{"expanding@2", "failed@2", "operational@2"},
		},
		"stuck": {
			behaviour: Stuck, sign: "expanding@2", storage: held,
			never: []string{"operational@2"}, story: []string{"expanding@2", "operational@2"},
		},
		"operational too early": {
			behaviour: FalseOperational, lag: "1h", sign: "operational@2", storage: held,
			story: []string{"operational@2"},
		},
		"unready": {
			behaviour: Unready, sign: "operational@2",
			storage: func(o *unstructured.Unstructured, c counts) bool {
				return o.GetGeneration() == 2 && c.UpdatedReplicas == 2 && c.ReadyReplicas == 1 && c.AvailableReplicas == 1
			},
			story: []string{"expanding@2", "operational@2"},
		},
		"stale": {
			behaviour: Stale, storage: notBegun,
			never: []string{"expanding@2", "operational@2"}, story: []string{"expanding@2", "operational@2"},
		},
		"deaf": {
			behaviour: Deaf, storage: notBegun,
			never: []string{"expanding@2", "operational@2"}, story: []string{"expanding@2", "operational@2"},
		},
	}
}

func (m misbehaviour) run(t *testing.T, r *room) {
	film, storage := r.film(clusterResource, "z"), r.film(statefulSetResource, "vmstorage-z")
	r.create(clusterResource, "z", smallZone, nil)
	film.untilStatus("operational@1")

	annotations := map[string]any{BehaviourAnnotation: string(m.behaviour)}
	if m.lag != "" {
		annotations[LagAnnotation] = m.lag
	}
	r.patch(clusterResource, "z", annotations, map[string]any{"clusterVersion": "v2"})
	if m.sign != "" {
		film.untilStatus(m.sign)
	} else {
		r.pass()
	}
	storage.until("as it should be under "+string(m.behaviour), func(o *unstructured.Unstructured) bool { return m.storage(o, countsOf(t, o)) })

	r.patch(clusterResource, "z", map[string]any{BehaviourAnnotation: nil, LagAnnotation: nil}, nil)
	film.until("well again", func(o *unstructured.Unstructured) bool {
		return o.GetAnnotations()[BehaviourAnnotation] == "" && saying(t, o) == "operational@2"
	})
	storage.until("converged", func(o *unstructured.Unstructured) bool { return o.GetGeneration() == 2 && hasConverged(t, o) })
	expect(t, film.story(), append([]string{"nothing", "expanding@1", "operational@1"}, m.story...))
	for _, version := range film.versions {
		if version.GetAnnotations()[BehaviourAnnotation] != "" && slices.Contains(m.never, saying(t, version)) {
			t.Errorf("it said %s while it was told to be %s", saying(t, version), m.behaviour)
		}
	}
}

// pass gives the stand-in the time to do what it must not do: it comes back
// when an object that was created later is done with.
func (r *room) pass() {
	r.t.Helper()
	film := r.film(clusterResource, "later")
	r.create(clusterResource, "later", "{}", nil)
	film.untilStatus("operational@1")
}
