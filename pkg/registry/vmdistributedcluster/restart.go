// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// restart has every zone be rolled out once more, as it is. What is to become of the zones
// otherwise has to be settled first: nobody could tell one from the other.
func restart(s *speech, said body) error {
	order := said.(*vmdistributed.VMDistributedClusterRestart)
	if err := s.checkReason("VMDistributedClusterRestart", order.Reason); err != nil {
		return err
	}
	if s.blind != nil {
		return s.blind
	}
	revision, err := s.of(order.Revision)
	if err != nil {
		return err
	}
	if err := s.mayRestart(); err != nil {
		return err
	}
	order.Revision = revision
	s.object.Status.Restart(vmdistributed.Word{Verb: vmdistributed.WordRestart, Revision: revision, By: s.by, At: s.at.Rfc3339Copy(), Reason: order.Reason})
	return nil
}

// mayRestart says what has to come to its end before.
func (s *speech) mayRestart() error {
	status := &s.object.Status
	word, restarted := status.Restarted()
	switch begun := status.Rollout; {
	case s.object.DeletionTimestamp != nil:
		return conflictf("the object is being deleted")
	case s.object.Spec.ManagementPolicy == vmdistributed.ManagementPolicyObserve:
		return conflictf("spec.managementPolicy is Observe: no zone would be restarted")
	case status.ObservedGeneration != s.object.Generation:
		return conflictf("the controller has looked at generation %d and not yet at %d: whether a rollout is under way is not known, try again", status.ObservedGeneration, s.object.Generation)
	case restarted && begun != nil && !word.At.Equal(begun.RestartedAt):
		return conflictf("the restart that %q has asked for at %s has not begun yet", word.By, status.RestartedAt())
	}
	if _, off := status.Said(vmdistributed.WordAbort, "", s.all); off {
		return conflictf("revision %s was called off, which the verb retry takes back: it has to be complete before it is rolled out once more", s.all)
	}
	if skipped := s.skipped(); len(skipped) > 0 {
		return conflictf("%s was skipped, which a retry takes back that names the zone: a restart would change it too", strings.Join(skipped, ", "))
	}
	if begun := status.Rollout; status.UpdateRevision != s.all || status.CurrentRevision != s.all || begun != nil && begun.Finished == nil {
		return conflictf("revision %s is being rolled out: a restart has to wait for the end of that", s.all)
	}
	return nil
}
