// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// reasonUnreadable is why what is shown in the place of an unreadable object is not ready.
const reasonUnreadable = "Unreadable"

// StandIn says in the status of what is shown in the place of an object why that can't
// be read.
func StandIn(object runtime.Object, why string) {
	cluster, ok := object.(*vmdistributed.VMDistributedCluster)
	if !ok {
		return
	}
	cluster.Status.UpdateStatus, cluster.Status.Reason = rollout.StatusFailed, why
	for _, condition := range []metav1.Condition{
		{Type: rollout.ConditionReady, Status: metav1.ConditionFalse}, {Type: rollout.ConditionStalled, Status: metav1.ConditionTrue},
	} {
		condition.Reason, condition.Message, condition.LastTransitionTime = reasonUnreadable, why, cluster.CreationTimestamp
		cluster.Status.Conditions = append(cluster.Status.Conditions, condition)
	}
}
