// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Converged reports whether the workloads of a VMCluster are what their own
// specs want: each exists, is controlled by this very VMCluster, has been
// observed at its generation, and all of its replicas are updated and ready with
// none left over. Where not, the sentence names the first workload that is not
// and its numbers. The lists may hold workloads of others too.
//
// What is missing is never healthy, and so a VMCluster that asks for no
// component at all has not converged. A workload scaled to 0 has, once it is
// there with 0 replicas.
func Converged(c Cluster, statefulSets []appsv1.StatefulSet, deployments []appsv1.Deployment) (bool, string) {
	expected := c.Workloads()
	if len(expected) == 0 {
		return false, fmt.Sprintf("VMCluster %s/%s asks for no component, so there is nothing that could be healthy", c.Namespace, c.Name)
	}
	for _, workload := range expected {
		state, found := statefulSetRollout(c.Namespace, workload.Name, statefulSets)
		if workload.Kind == deploymentKind {
			state, found = deploymentRollout(c.Namespace, workload.Name, deployments)
		}
		if !found {
			return false, fmt.Sprintf("%s does not exist", workload)
		}
		if why := state.pending(c); why != "" {
			return false, fmt.Sprintf("%s %s", workload, why)
		}
	}
	return true, ""
}

// rollout is what a workload says about its own replicas.
type rollout struct {
	meta     *metav1.ObjectMeta
	observed int64

	wanted, replicas, updated, ready, available int32

	// minReady is true where ready is not enough, because of minReadySeconds.
	minReady bool
	// revision says at what the updated replicas are, or why nobody can tell.
	revision        string
	unknownRevision bool
}

// pending says what is missing, "" for nothing.
func (r rollout) pending(c Cluster) string {
	m := r.meta
	switch {
	case m.DeletionTimestamp != nil:
		return "is being deleted"
	case !controlledBy(m, c):
		return fmt.Sprintf("is not controlled by VMCluster %s/%s with uid %s but by %s", c.Namespace, c.Name, c.UID, controllerOf(m))
	case r.observed < m.Generation:
		return fmt.Sprintf("is observed at generation %d, wanted %d", r.observed, m.Generation)
	case r.wanted > 0 && r.unknownRevision:
		return "has no update revision in its status, so that nobody can tell which replicas are updated"
	case r.replicas != r.wanted || r.updated != r.wanted || r.ready != r.wanted:
		return r.numbers()
	case r.minReady && r.available != r.wanted:
		return r.numbers() + fmt.Sprintf(", %d for as long as minReadySeconds asks", r.available)
	}
	return ""
}

func (r rollout) numbers() string {
	return fmt.Sprintf("wants %d replicas: %d exist, %d updated%s, %d ready", r.wanted, r.replicas, r.updated, r.revision, r.ready)
}

// controlledBy compares uids, and not names as the operator does
// (addOwnerReferenceIfAbsent, factory/reconcile/reconcile.go): what an earlier
// VMCluster of this name left behind is about to be garbage collected.
func controlledBy(m *metav1.ObjectMeta, c Cluster) bool {
	owner := metav1.GetControllerOfNoCopy(m)
	return owner != nil && c.UID != "" && owner.UID == c.UID
}

func controllerOf(m *metav1.ObjectMeta) string {
	owner := metav1.GetControllerOfNoCopy(m)
	if owner == nil {
		return "nobody"
	}
	return fmt.Sprintf("%s %s with uid %s", owner.Kind, owner.Name, owner.UID)
}

// statefulSetRollout reads a StatefulSet. The operator's update strategy is
// OnDelete unless the spec says otherwise (addStatefulsetDefaults,
// factory/build/defaults.go); it then evicts the pods itself and compares their
// revision label with status.updateRevision (performRollingUpdateOnSts,
// factory/reconcile/statefulset.go). updatedReplicas counts the same pods, under
// every strategy: those not terminating whose revision is updateRevision
// (computeReplicaStatus, pkg/controller/statefulset/stateful_set_control.go of
// Kubernetes v1.37.1). currentRevision decides nothing: Kubernetes never moves
// it under OnDelete, and the operator patches it when it is done
// (patchSTSCurrentRevision), for others to see.
func statefulSetRollout(namespace, name string, all []appsv1.StatefulSet) (rollout, bool) {
	for i := range all {
		s := &all[i]
		if s.Namespace != namespace || s.Name != name {
			continue
		}
		return rollout{
			meta: &s.ObjectMeta, observed: s.Status.ObservedGeneration,
			wanted:   replicasWanted(s.Spec.Replicas),
			replicas: s.Status.Replicas, updated: s.Status.UpdatedReplicas,
			ready: s.Status.ReadyReplicas, available: s.Status.AvailableReplicas,
			minReady:        s.Spec.MinReadySeconds > 0,
			revision:        revisions(s),
			unknownRevision: s.Status.UpdateRevision == "",
		}, true
	}
	return rollout{}, false
}

func revisions(s *appsv1.StatefulSet) string {
	held := ""
	if update := s.Spec.UpdateStrategy.RollingUpdate; update != nil && update.Partition != nil && *update.Partition > 0 {
		held = fmt.Sprintf(", partition %d", *update.Partition)
	}
	return fmt.Sprintf(" to revision %s (current %s, strategy %s%s)",
		s.Status.UpdateRevision, s.Status.CurrentRevision, s.Spec.UpdateStrategy.Type, held)
}

func deploymentRollout(namespace, name string, all []appsv1.Deployment) (rollout, bool) {
	for i := range all {
		d := &all[i]
		if d.Namespace != namespace || d.Name != name {
			continue
		}
		return rollout{
			meta: &d.ObjectMeta, observed: d.Status.ObservedGeneration,
			wanted:   replicasWanted(d.Spec.Replicas),
			replicas: d.Status.Replicas, updated: d.Status.UpdatedReplicas,
			ready: d.Status.ReadyReplicas, available: d.Status.AvailableReplicas,
			minReady: d.Spec.MinReadySeconds > 0,
		}, true
	}
	return rollout{}, false
}

// replicasWanted is 1 where nothing is said, as Kubernetes has it.
func replicasWanted(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}
