// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterPlan tells what a rollout would do, as things stand.
type VMDistributedClusterPlan struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Revision        string
	HeldBy          []string
	Steps           []PlannedStep
	Zones           []PlannedZone
	EstimateSeconds *int64
}

// PlannedZone is what would be done about one zone.
type PlannedZone struct {
	Name              string
	Source            ZoneSource
	Phase             ZonePhase
	WouldDo           ZoneAction
	Turn              int32
	RefusedBy         []string
	RevisionWanted    string
	RevisionApplied   string
	Changes           []ZoneChange
	MoreChanges       int32
	ValuesHidden      bool
	LastUpdateSeconds int64
	QueuesLastSeconds *int64
}

// PlannedAction is one kind of step.
type PlannedAction string

const (
	// PlanCreate creates the VMCluster of a zone.
	PlanCreate PlannedAction = "CreateCluster"
	// PlanMark writes our annotations to a VMCluster, and nothing else.
	PlanMark PlannedAction = "MarkCluster"
	// PlanDrain takes the reads of a zone out of the VMUsers, and waits for that.
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
	Zone   string
	Action PlannedAction
	About  []string
}
