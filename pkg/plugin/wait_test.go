// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

func TestWaitingEndsWhenTheRolloutDoesOrCallsForTheUser(t *testing.T) {
	t.Parallel()
	stalled := []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "DrainTimeout", Message: "zone b"}}
	unseen := []metav1.Condition{{Type: "Reconciling", Status: "True", Reason: "NotObserved"}}
	for name, test := range map[string]struct {
		waiter     waiter
		generation int64
		status     v1alpha1.VMDistributedClusterStatus
		done       bool
		code       int
	}{
		"in the middle":                         {status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "expanding"}},
		"at the end":                            {status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "operational"}, done: true},
		"at the end of what was before":         {generation: 2, status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "operational"}},
		"stalled":                               {status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "failed", Conditions: stalled}, code: ExitBlocked},
		"stalled, with patience":                {waiter: waiter{patient: true}, status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "failed", Conditions: stalled}},
		"stalled, before that was seen to":      {generation: 2, status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "failed", Conditions: stalled}},
		"stalled, before a verb was seen to":    {status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "failed", Conditions: slices.Concat(stalled, unseen)}},
		"at the end, before a verb was seen to": {status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "operational", Conditions: unseen}},
		"for an approval": {
			status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "expanding", Zones: []v1alpha1.ZoneStatus{{Name: "a", Phase: v1alpha1.ZonePending, Reason: "WaitingForApproval"}}},
			code:   ExitBlocked,
		},
		"a zone that is done": {
			waiter: waiter{zone: "a"},
			status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "expanding", Zones: []v1alpha1.ZoneStatus{{Name: "a", Phase: v1alpha1.ZoneBaking}}},
			done:   true,
		},
		"at the end but for what was skipped": {status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "operational", Reason: "zone b was skipped"}, done: true},
		"a zone that was skipped": {
			waiter: waiter{zone: "b"},
			status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "operational", Zones: []v1alpha1.ZoneStatus{{Name: "b", Phase: v1alpha1.ZonePending, Reason: "Skipped"}}},
			code:   ExitBlocked,
		},
		"a zone that is not": {
			waiter: waiter{zone: "b"},
			status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "expanding", Zones: []v1alpha1.ZoneStatus{{Name: "a", Phase: v1alpha1.ZoneBaking}, {Name: "b", Phase: v1alpha1.ZonePending}}},
		},
		"a zone that there is not": {
			waiter: waiter{zone: "c"},
			status: v1alpha1.VMDistributedClusterStatus{UpdateStatus: "operational"},
			code:   ExitError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := &v1alpha1.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Name: "metrics", Generation: test.generation}, Status: test.status}
			done, told, err := test.waiter.judge(object)
			if done != test.done || exitCode(err) != test.code {
				t.Errorf("done %t with code %d (%v), want %t with %d; it says %q", done, exitCode(err), err, test.done, test.code, told)
			}
		})
	}
}
