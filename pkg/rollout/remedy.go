// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// Remedy says what a user can do about a reason; empty where there is nothing to be
// done about it, or for one that is not known.
func Remedy(reason string) string {
	switch reason {
	case ReasonNotOurs:
		return "refer to the cluster with ref, or choose another name; a cluster that was released is taken up in the same way, and may be defined inline again after that"
	case ReasonClaimed:
		return "take the cluster out of one of the two objects"
	case ReasonStorageWouldShrink:
		return "correct the spec, or permit it"
	case ReasonContended:
		return "make the other writer leave alone what is named, then change the spec"
	case ReasonInvalid:
		return "correct the spec; the message is the API server's"
	case ReasonDryRunFailed:
		return "repair the webhook that is named"
	case ReasonMinAvailableZones:
		return "wait for other zones, or lower spec.strategy.minAvailableZones"
	case ReasonBlocked:
		return "repair the zone that is named"
	case ReasonReadsUnknown:
		return "create the VMUser that is named, or correct the record of a drain on it"
	case ReasonVMUserBusy:
		return "wait for the drain that is named: of another VMDistributedCluster, of a zone that is no longer listed, or of one that has to come back first"
	case ReasonReadsUndrainable:
		return "change the VMUser or VMAuth that is named, or leave the zone out of it"
	case ReasonQueuesUnknown:
		return "repair the replica of the VMAgent that is named"
	case ReasonQueueRoom:
		return "give the queues of the VMAgent room (maxDiskUsage)"
	case ReasonQueuesUnclear:
		return "give your word, or write to the vminsert of the zone directly"
	case ReasonPaused:
		return "take spec.paused back"
	case ReasonPausedShort:
		return "take spec.paused back, so that the drained zone gets its reads again, or repair the one that was lost"
	case ReasonObserving:
		return "set spec.managementPolicy to Manage"
	case ReasonHalted:
		return "delete the ConfigMap that is named"
	case ReasonHaltUnknown:
		return "let the server read the ConfigMap that is named"
	case ReasonAborted:
		return "retry, or change the spec"
	case ReasonSkipped:
		return "retry with the name of the zone, or change its spec"
	case ReasonUndone:
		return "correct the spec; or take the undoing back, by undoing to the revision that spec asks for"
	case ReasonUndoneToLost:
		return "undo to another revision, or change the spec"
	case ReasonWaitingForApproval:
		return "look at the zones that have changed, and promote"
	case ReasonMaxFailures:
		return "repair the zones that have failed, or change the spec"
	case ReasonWaitingForVMAuth:
		return "wait; if it lasts, see why the VMAuth that is named does not load its configuration"
	case ReasonDrainTimeout, ReasonRestoreTimeout:
		return "see why the VMAuth that is named does not load its configuration"
	case ReasonFlushTimeout:
		return "see why the queue that is named does not empty"
	case ReasonDataDropped, ReasonEmptied:
		return "fill the gap, or accept it, and give your word"
	case ReasonClusterMissing:
		return "create the VMCluster"
	case ReasonClusterDeleting:
		return "let the VMCluster go, or see which finalizer keeps it"
	case ReasonReadyTimeout, ReasonOperatorFailed:
		return "correct the spec, or the cluster"
	case ReasonNotHealthy:
		return "repair the VMCluster, or change its spec"
	case ReasonProgressDeadline:
		return "see what it waits for; it goes on when that comes"
	case ReasonReferenced:
		return "delete or change the VMUser or VMAuth that is named"
	case ReasonStranded:
		return "give the reads back by hand, as docs/rollout.md says under \"Undoing a drain by hand\""
	case ReasonBaking, ReasonWaitingForOtherZone, ReasonWaitingForOperator, ReasonWaitingForQueues, ReasonReadsInFlight, ReasonWriting, ReasonReleasing:
		return "wait"
	}
	return ""
}
