// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"testing"
	"time"
)

func TestAWorkloadGoesThroughItsStages(t *testing.T) {
	running := counts{ObservedGeneration: 1, Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3, UpdatedReplicas: 3, CurrentRevision: "a", UpdateRevision: "a"}
	type want struct {
		stage      stage
		generation int64
		replicas   int32
		revision   string
	}
	for name, c := range map[string]struct {
		before counts
		want   want
		after  counts
	}{
		"a new one begins with no pods": {
			counts{}, want{begun, 1, 3, "a"},
			counts{ObservedGeneration: 1, CurrentRevision: "a", UpdateRevision: "a"},
		},
		"one with no pods wanted is complete with none": {
			counts{}, want{converged, 1, 0, "a"},
			counts{ObservedGeneration: 1, CurrentRevision: "a", UpdateRevision: "a"},
		},
		"an update begins with no updated pods, and the old ones run on": {
			running, want{begun, 2, 3, "b"},
			counts{ObservedGeneration: 2, Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3, CurrentRevision: "a", UpdateRevision: "b"},
		},
		"an update completes": {
			running, want{converged, 2, 3, "b"},
			counts{ObservedGeneration: 2, Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3, UpdatedReplicas: 3, CurrentRevision: "b", UpdateRevision: "b"},
		},
		"scaling begins with the pods there are": {
			running, want{begun, 2, 5, "a"},
			counts{ObservedGeneration: 2, Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3, UpdatedReplicas: 3, CurrentRevision: "a", UpdateRevision: "a"},
		},
		"what has converged does not begin again": {
			running, want{begun, 1, 3, "a"}, running,
		},
		"one pod is unready": {
			running, want{unready, 1, 3, "a"},
			counts{ObservedGeneration: 1, Replicas: 3, ReadyReplicas: 2, AvailableReplicas: 2, UpdatedReplicas: 3, CurrentRevision: "a", UpdateRevision: "a"},
		},
		"no pod is unready where there is none": {
			counts{}, want{unready, 1, 0, "a"},
			counts{ObservedGeneration: 1, CurrentRevision: "a", UpdateRevision: "a"},
		},
		"nothing happens to what is untouched": {running, want{untouched, 2, 5, "b"}, running},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, c.before.at(c.want.stage, c.want.generation, c.want.replicas, c.want.revision), c.after)
		})
	}
}

func TestADeploymentTellsItsConditions(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		counts                 counts
		available, progressing string
	}{
		"converged": {counts{}.at(converged, 1, 2, "a"), "MinimumReplicasAvailable", "NewReplicaSetAvailable"},
		"unready":   {counts{}.at(unready, 1, 2, "a"), "MinimumReplicasUnavailable", "ReplicaSetUpdated"},
		"begun":     {counts{}.at(converged, 1, 2, "a").at(begun, 2, 2, "b"), "MinimumReplicasAvailable", "ReplicaSetUpdated"},
	} {
		t.Run(name, func(t *testing.T) {
			status, err := c.counts.status(deploymentResource, 2, now)
			if err != nil {
				t.Fatal(err)
			}
			var reasons []string
			for _, condition := range status["conditions"].([]any) {
				reasons = append(reasons, condition.(map[string]any)["reason"].(string))
			}
			expect(t, reasons, []string{c.available, c.progressing})
		})
	}
}
