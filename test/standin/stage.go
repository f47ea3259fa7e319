// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stage is how far a workload has come with its definition.
type stage int

const (
	// untouched is before it has the definition.
	untouched stage = iota
	// begun is when its controller has seen the definition, and no pod runs it
	// that did not before.
	begun
	// converged is when all pods run it and are ready.
	converged
	// unready is converged, with one pod that is not ready.
	unready
)

// counts is what the status of a StatefulSet and of a Deployment have in common.
// A Deployment has no revisions in it.
type counts struct {
	ObservedGeneration int64  `json:"observedGeneration"`
	Replicas           int32  `json:"replicas"`
	ReadyReplicas      int32  `json:"readyReplicas"`
	AvailableReplicas  int32  `json:"availableReplicas"`
	UpdatedReplicas    int32  `json:"updatedReplicas"`
	CurrentRevision    string `json:"currentRevision"`
	UpdateRevision     string `json:"updateRevision"`
}

// at returns what a workload of this generation, with these replicas and this
// revision wanted, reports at a stage.
func (c counts) at(s stage, generation int64, replicas int32, revision string) counts {
	switch s {
	case begun:
		return c.begin(generation, revision)
	case converged, unready:
		next := counts{generation, replicas, replicas, replicas, replicas, revision, revision}
		if s == unready && replicas > 0 {
			next.ReadyReplicas, next.AvailableReplicas = replicas-1, replicas-1
		}
		return next
	}
	return c
}

// begin notices a new generation; what runs goes on running.
func (c counts) begin(generation int64, revision string) counts {
	if c.ObservedGeneration == generation {
		return c
	}
	next := c
	next.ObservedGeneration = generation
	next.UpdateRevision = revision
	if next.CurrentRevision == "" {
		next.CurrentRevision = revision
	}
	if c.CurrentRevision != revision {
		next.UpdatedReplicas = 0
	}
	return next
}

// status returns the whole status of a workload.
func (c counts) status(resource string, wanted int32, now time.Time) (map[string]any, error) {
	switch resource {
	case statefulSetResource:
		return encode(c.statefulSet())
	case deploymentResource:
		return encode(c.deployment(wanted, metav1.NewTime(now)))
	}
	return nil, fmt.Errorf("%s are not played here", resource)
}

func (c counts) statefulSet() appsv1.StatefulSetStatus {
	s := appsv1.StatefulSetStatus{
		ObservedGeneration: c.ObservedGeneration,
		Replicas:           c.Replicas,
		ReadyReplicas:      c.ReadyReplicas,
		AvailableReplicas:  c.AvailableReplicas,
		UpdatedReplicas:    c.UpdatedReplicas,
		CurrentRevision:    c.CurrentRevision,
		UpdateRevision:     c.UpdateRevision,
	}
	if c.CurrentRevision == c.UpdateRevision {
		s.CurrentReplicas = c.UpdatedReplicas
	} else {
		s.CurrentReplicas = c.Replicas - c.UpdatedReplicas
	}
	return s
}

func (c counts) deployment(wanted int32, now metav1.Time) appsv1.DeploymentStatus {
	available, progressing := corev1.ConditionFalse, "ReplicaSetUpdated"
	if c.AvailableReplicas >= wanted {
		available = corev1.ConditionTrue
		if c.UpdatedReplicas == wanted {
			progressing = "NewReplicaSetAvailable"
		}
	}
	availableReason := "MinimumReplicasUnavailable"
	if available == corev1.ConditionTrue {
		availableReason = "MinimumReplicasAvailable"
	}
	return appsv1.DeploymentStatus{
		ObservedGeneration:  c.ObservedGeneration,
		Replicas:            c.Replicas,
		UpdatedReplicas:     c.UpdatedReplicas,
		ReadyReplicas:       c.ReadyReplicas,
		AvailableReplicas:   c.AvailableReplicas,
		UnavailableReplicas: max(wanted-c.AvailableReplicas, 0),
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: available, Reason: availableReason, LastUpdateTime: now, LastTransitionTime: now},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: progressing, LastUpdateTime: now, LastTransitionTime: now},
		},
	}
}
