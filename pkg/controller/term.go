// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
)

// foundIn is the term that a status was written in; false where it does not say.
func foundIn(status *vmdistributed.VMDistributedClusterStatus) (leader.Term, bool) {
	if status.Controller == nil {
		return leader.Term{}, false
	}
	return leader.Term{Holder: status.Controller.HolderIdentity, Number: status.Controller.LeaseTransitions}, true
}

// yield ends a pass over an object in which another process has recorded itself that
// may have come after this one. The Lease tells which of them leads.
func (p *pass) yield() error {
	found, recorded := foundIn(&p.object.Status)
	if !recorded || !p.term.Yields(found) {
		return nil
	}
	p.mandate.Outrank(found)
	return &leader.NotLeadingError{Reason: fmt.Sprintf(
		"status.controller has term %s, and this one leads in term %s; where it still does, it goes on with its next renewal of the Lease", found, p.term)}
}

// signed is true where status says that it was written in this term. Where there is
// no election, nothing is to be said.
func (p *pass) signed() bool {
	found, recorded := foundIn(&p.object.Status)
	return p.term == leader.Term{} || recorded && found == p.term
}

// sign writes the term into a status. Without an election it is left as it was.
func (p *pass) sign(status *vmdistributed.VMDistributedClusterStatus) {
	if (p.term != leader.Term{}) {
		status.Controller = &vmdistributed.ControllerRecord{HolderIdentity: p.term.Holder, LeaseTransitions: p.term.Number}
	}
}
