// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// complete has the latest revision run in all zones.
func (p *past) complete() {
	status := &p.object.Status
	status.UpdateRevision, status.CurrentRevision = p.latest.Revision, p.latest.Revision
	status.Rollout = &vmdistributed.RolloutRecord{Revision: p.latest.Revision, Finished: &metav1.Time{}}
}

func TestARestartIsKeptWithWhoAndWhyInThePlaceOfTheLastOne(t *testing.T) {
	p := newPast(t)
	p.complete()
	before, err := p.zones()
	p.must(err)
	said := &vmdistributed.VMDistributedClusterRestart{Reason: "a certificate"}
	p.must(p.say(restart, said))
	word, restarted := p.object.Status.Restarted()
	if !restarted || said.Revision != p.latest.Revision || word.Revision != said.Revision || word.By != "ann" || word.Reason != "a certificate" {
		t.Errorf("the answer is %+v, and said is %+v", said, word)
	}
	if at := p.object.Status.RestartedAt(); at != "2026-05-01T12:00:00Z" {
		t.Errorf("it was at %s", at)
	}
	after, err := p.zones()
	p.must(err)
	if after["a"] == before["a"] {
		t.Error("zone a keeps its revision")
	}
	p.refused(p.say(restart, said), `the restart that "ann" has asked for at 2026-05-01T12:00:00Z has not begun yet`)
	p.object.Status.Rollout.RestartedAt = word.At.DeepCopy()
	p.must(p.say(restart, said))
	if len(p.object.Status.Words) != 1 {
		t.Errorf("words are %+v", p.object.Status.Words)
	}
}

// zones are the revisions that the verbs go by.
func (p *past) zones() (map[string]string, error) {
	s := &speech{object: p.object}
	err := s.lookUp()
	return s.zones, err
}

func TestARestartHasToWaitForWhatElseIsToBecomeOfTheZones(t *testing.T) {
	for why, prepare := range map[string]func(*past){
		"is being rolled out: a restart has to wait":             func(p *past) { p.object.Status.Rollout.Finished = nil },
		"is being rolled out: a restart has to wait for the end": func(p *past) { p.object.Status.CurrentRevision = p.second.Revision },
		"and not yet at":              func(p *past) { p.object.Generation++ },
		"managementPolicy is Observe": func(p *past) { p.object.Spec.ManagementPolicy = vmdistributed.ManagementPolicyObserve },
		"is being deleted":            func(p *past) { p.object.DeletionTimestamp = &metav1.Time{} },
		"was called off":              func(p *past) { p.must(p.say(abort, &vmdistributed.VMDistributedClusterAbort{})) },
		"a was skipped, which a retry ": func(p *past) {
			p.must(p.say(skip, &vmdistributed.VMDistributedClusterSkip{Zone: "a", Reason: "its disks"}))
		},
	} {
		p := newPast(t)
		p.complete()
		prepare(p)
		p.refused(p.say(restart, &vmdistributed.VMDistributedClusterRestart{}), why)
	}
	p := newPast(t)
	p.complete()
	p.refused(p.say(restart, &vmdistributed.VMDistributedClusterRestart{Revision: "0123456789"}), "revision: is 0123456789, and the object's is ")
}

func TestWhatWasUndoneIsRestartedAsItRuns(t *testing.T) {
	p := newPast(t)
	_, err := p.undo("")
	p.must(err)
	p.complete()
	status := &p.object.Status
	status.UpdateRevision, status.CurrentRevision = p.second.Revision, p.second.Revision
	said := &vmdistributed.VMDistributedClusterRestart{}
	p.must(p.say(restart, said))
	if said.Revision != p.second.Revision {
		t.Errorf("the answer is %+v", said)
	}
	p.expect(p.second.Revision)
}
