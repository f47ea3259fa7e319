// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterPlan tells what a rollout would do, as things stand. It is the
// answer of the subresource plan: to a GET, of what is pending; to a POST of a changed
// VMDistributedCluster, of what that change would bring. Nothing is written for it.
type VMDistributedClusterPlan struct {
	metav1.TypeMeta `json:",inline"`
	// metadata has name, namespace, uid and resourceVersion of the VMDistributedCluster.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revision is the hash of the desired state of all zones that is planned.
	// +optional
	Revision string `json:"revision,omitempty"`
	// heldBy is what would keep the server from doing any of it now, each with what has
	// to come about: a pause, a halt, an abort, or that the object is only observed.
	// +optional
	// +listType=atomic
	HeldBy []string `json:"heldBy,omitempty"`
	// steps are what would be done, in order.
	// +optional
	// +listType=atomic
	Steps []PlannedStep `json:"steps,omitempty"`
	// zones has one entry per zone, in rollout order: the difference, the turn, and the
	// guards that would refuse now. What is said in status of a wait is left out.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []PlannedZone `json:"zones,omitempty"`
	// estimateSeconds is how long all of it would take, by the times of the last updates
	// and the pauses between them; left out where that is not known of any zone.
	// +optional
	EstimateSeconds *int64 `json:"estimateSeconds,omitempty"`
}

// PlannedZone is what would be done about one zone.
type PlannedZone struct {
	// name of the zone.
	Name string `json:"name"`
	// source says whether the cluster is Inline, Referenced or Unlisted.
	Source ZoneSource `json:"source"`
	// phase is where the zone stands now.
	Phase ZonePhase `json:"phase"`
	// wouldDo is what is to be done about the zone.
	WouldDo ZoneAction `json:"wouldDo"`
	// turn orders the zones whose turn is still to come, 1 first. Left out of those
	// that are in work, and of those whose turn can't come as things stand.
	// +optional
	Turn int32 `json:"turn,omitempty"`
	// refusedBy are the guards that would refuse now if it were the turn of the zone,
	// each with what has to come about.
	// +optional
	// +listType=atomic
	RefusedBy []string `json:"refusedBy,omitempty"`
	// revisionWanted is the hash of the zone's desired state.
	// +optional
	RevisionWanted string `json:"revisionWanted,omitempty"`
	// revisionApplied is the hash of the desired state that was last written to the
	// cluster, empty if none was.
	// +optional
	RevisionApplied string `json:"revisionApplied,omitempty"`
	// changes is what the spec of the VMCluster would differ in, up to 1000 places, as
	// the API server tells by a dry run. Values are whole up to 4096 bytes each.
	// +optional
	// +listType=atomic
	Changes []ZoneChange `json:"changes,omitempty"`
	// moreChanges is how many places are left out of changes.
	// +optional
	MoreChanges int32 `json:"moreChanges,omitempty"`
	// valuesHidden is true where from and to are left out of changes since the caller
	// may not get the VMCluster.
	// +optional
	ValuesHidden bool `json:"valuesHidden,omitempty"`
	// lastUpdateSeconds is how long the last update of the zone took, from the drain to
	// the last proof; left out where there was none.
	// +optional
	LastUpdateSeconds int64 `json:"lastUpdateSeconds,omitempty"`
	// queuesLastSeconds is for how long the queues of the VMAgent would take what comes in
	// for the zone, at the present inflow, while the zone takes nothing; left out where
	// that can't be told, or is without end.
	// +optional
	QueuesLastSeconds *int64 `json:"queuesLastSeconds,omitempty"`
}

// PlannedAction is one kind of step.
// +enum
type PlannedAction string

const (
	// PlanCreate creates the VMCluster of a zone.
	PlanCreate PlannedAction = "CreateCluster"
	// PlanMark writes our annotations to a VMCluster, and nothing else.
	PlanMark PlannedAction = "MarkCluster"
	// PlanDrain takes the reads of a zone out of the VMUsers, and waits until every
	// VMAuth has loaded that and reads in flight have ended.
	PlanDrain PlannedAction = "DrainReads"
	// PlanUpdate writes the spec of a VMCluster, and waits until it is healthy.
	PlanUpdate PlannedAction = "UpdateCluster"
	// PlanFlush waits until the queues of the VMAgent for the zone are empty.
	PlanFlush PlannedAction = "FlushQueues"
	// PlanRestore gives the reads back, and waits until every VMAuth has loaded that.
	PlanRestore PlannedAction = "RestoreReads"
	// PlanApprove waits until the user lets the zone be changed after another one, as
	// spec.strategy.approval has it.
	PlanApprove PlannedAction = "WaitForApproval"
	// PlanBake waits before the next zone is touched.
	PlanBake PlannedAction = "Bake"
)

// PlannedStep is one step of a plan.
type PlannedStep struct {
	// zone that the step is about.
	Zone string `json:"zone"`
	// action is what is done.
	Action PlannedAction `json:"action"`
	// about names what is written or waited for beside the zone, such as VMUsers.
	// +optional
	// +listType=atomic
	About []string `json:"about,omitempty"`
}
