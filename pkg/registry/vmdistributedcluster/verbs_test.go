// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// Whoever waits for what comes of a verb would go by what was true before it, else.
func TestUntilTheControllerHasLookedStatusSaysThatItIsOfBeforeTheVerb(t *testing.T) {
	p := newPast(t)
	looked := metav1.Condition{Type: rollout.ConditionReconciling, Status: metav1.ConditionFalse, Reason: "RolloutCompleted"}
	for _, step := range []struct {
		say    func(*speech, body) error
		said   body
		unseen bool
	}{
		{abort, &vmdistributed.VMDistributedClusterAbort{}, true},
		{abort, &vmdistributed.VMDistributedClusterAbort{}, false}, // which changes nothing
		{retry, &vmdistributed.VMDistributedClusterRetry{}, true},
		{undo, &vmdistributed.VMDistributedClusterUndo{}, true},
		{undo, &vmdistributed.VMDistributedClusterUndo{ToRevision: p.latest.Revision}, true},
	} {
		p.object = p.object.DeepCopy()
		meta.SetStatusCondition(&p.object.Status.Conditions, looked)
		p.must(p.say(step.say, step.said))
		found := meta.FindStatusCondition(p.object.Status.Conditions, rollout.ConditionReconciling)
		if unseen := found.Status == metav1.ConditionTrue && found.Reason == rollout.NotObserved; unseen != step.unseen {
			t.Errorf("after %T the condition is %+v, and unseen should be %t", step.said, found, step.unseen)
		}
	}
}
