// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// Reasons of phases and conditions.
const (
	ReasonBaking              = "Baking"
	ReasonBlocked             = "Blocked"
	ReasonClaimed             = "ClaimedByOther"
	ReasonClusterDeleting     = "ClusterDeleting"
	ReasonClusterMissing      = "ClusterMissing"
	ReasonContended           = "Contended"
	ReasonInvalid             = "InvalidDesiredState"
	ReasonMinAvailableZones   = "MinAvailableZones"
	ReasonNotHealthy          = "NotHealthy"
	ReasonNotOurs             = "NotOurs"
	ReasonOperatorFailed      = "OperatorFailed"
	ReasonPaused              = "Paused"
	ReasonReadyTimeout        = "ReadyTimeout"
	ReasonReferenced          = "StillReferenced"
	ReasonReleasing           = "Releasing"
	ReasonStorageWouldShrink  = "StorageWouldShrink"
	ReasonUpToDate            = "UpToDate"
	ReasonWaitingForOperator  = "WaitingForOperator"
	ReasonWaitingForOtherZone = "WaitingForOtherZone"
	ReasonWriting             = "Writing"
)
