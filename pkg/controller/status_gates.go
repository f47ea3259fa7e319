// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

const (
	// readsGatedCondition says whether reads are taken from a zone before it is
	// changed.
	readsGatedCondition = "ReadsGated"
	// writesGatedCondition says whether a changed zone is waited for until it holds
	// what was written meanwhile.
	writesGatedCondition = "WritesGated"
)

// gateConditions say plainly where there is nothing to gate.
func gateConditions(object *vmdistributed.VMDistributedCluster, view *observation) []rollout.Condition {
	return []rollout.Condition{readsGated(object, view), writesGated(object, view)}
}

func readsGated(object *vmdistributed.VMDistributedCluster, view *observation) rollout.Condition {
	if len(object.Spec.VMUsers) == 0 {
		return rollout.Condition{Type: readsGatedCondition, Reason: "NoVMUsers",
			Message: "spec.vmusers names no VMUser, so no reads are taken from a zone before it is changed"}
	}
	var unrouted []string
	for i := range view.Zones {
		zone := &view.Zones[i]
		switch reads := &zone.Reads; {
		case reads.Unknown != "":
			return rollout.Condition{Type: readsGatedCondition, Reason: rollout.ReasonReadsUnknown, Message: "waiting for " + reads.Unknown}
		case len(reads.Undrainable) > 0:
			return rollout.Condition{Type: readsGatedCondition, Reason: rollout.ReasonReadsUndrainable, Message: strings.Join(reads.Undrainable, "; ")}
		case len(reads.Open)+len(reads.Drained) == 0:
			unrouted = append(unrouted, zone.Name)
		}
	}
	if len(unrouted) > 0 {
		return rollout.Condition{Type: readsGatedCondition, Reason: "NoRoute",
			Message: fmt.Sprintf("no VMUser of spec.vmusers leads to zone %s, so there are no reads to take away", strings.Join(unrouted, ", "))}
	}
	return rollout.Condition{Type: readsGatedCondition, True: true, Reason: "Routed", Message: "reads are taken from a zone before it is changed"}
}

func writesGated(object *vmdistributed.VMDistributedCluster, view *observation) rollout.Condition {
	if object.Spec.VMAgent == nil {
		return rollout.Condition{Type: writesGatedCondition, Reason: "NoVMAgent",
			Message: "spec.vmagent is not set, so no queue is waited for after a zone was changed"}
	}
	for i := range view.Zones {
		switch queues := &view.Zones[i].Queues; {
		case queues.Gate == rollout.Unclear:
			return rollout.Condition{Type: writesGatedCondition, Reason: rollout.ReasonQueuesUnclear, Message: fmt.Sprintf("zone %s: %s", view.Zones[i].Name, queues.Why)}
		case queues.Gate == rollout.NoGate:
			return rollout.Condition{Type: writesGatedCondition, Reason: "NoRemoteWrite", Message: fmt.Sprintf("zone %s: %s", view.Zones[i].Name, queues.Why)}
		case view.agent == nil:
			return rollout.Condition{Type: writesGatedCondition, Reason: "VMAgentMissing", Message: queues.Reading.Missing}
		}
	}
	if len(view.writeRoutes) > 0 {
		return rollout.Condition{Type: writesGatedCondition, Reason: "WritesThroughVMAuth",
			Message: "writes that are sent through VMAuth fail while their zone restarts; let a VMAgent write instead: " + strings.Join(view.writeRoutes, ", ")}
	}
	return rollout.Condition{Type: writesGatedCondition, True: true, Reason: "RemoteWrite", Message: "a changed zone is waited for until the queues of the VMAgent are empty"}
}
