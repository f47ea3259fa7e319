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

// Status tells of before the abort until the controller has looked. The approval would
// count once the abort is taken back, when nobody is asked again.
func TestNothingIsApprovedOfWhatWasCalledOffAMomentAgo(t *testing.T) {
	p := newPast(t)
	p.object.Status.Zones = []vmdistributed.ZoneStatus{{Name: "a", Reason: rollout.ReasonWaitingForApproval}}
	p.must(p.say(abort, &vmdistributed.VMDistributedClusterAbort{}))
	for _, zones := range [][]vmdistributed.ZoneRevision{nil, {{Name: "a"}}} {
		p.refused(p.say(promote, &vmdistributed.VMDistributedClusterPromotion{Zones: zones}), "was called off, which the verb retry takes back")
	}
	p.must(p.say(retry, &vmdistributed.VMDistributedClusterRetry{}))
	p.must(p.say(promote, &vmdistributed.VMDistributedClusterPromotion{}))
	if _, approved := p.object.Status.Said(vmdistributed.WordApprove, "a", p.wanted()); !approved {
		t.Errorf("not approved after the abort was taken back: %+v", p.object.Status.Words)
	}
}
