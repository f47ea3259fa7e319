// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "fmt"

// unapproved holds a healthy zone back that is to be changed after another one, until the
// user says so. One that was begun goes on.
func unapproved(o *Observed, d *Decision, next int) *obstacle {
	zone := &o.Zones[next]
	if o.Strategy.Approval == "" || zone.GoAhead || !d.Zones[next].Record.Begun.IsZero() {
		return nil
	}
	before := ""
	for i := range o.Zones {
		if i == next || d.Zones[i].Skipped || !o.arrived(i, &d.Zones[i].Record) && !d.Zones[i].Record.inWork() {
			continue
		}
		if o.Strategy.Approval == AfterFirstZone && o.Zones[i].GoAhead {
			return nil // it was let go on there
		}
		before = o.Zones[i].Name
	}
	if before == "" {
		return nil // it is the first
	}
	return &obstacle{reason: ReasonWaitingForApproval, waitingFor: fmt.Sprintf(
		"the user's word to go on with zone %s at revision %s, since spec.strategy.approval is %s and zone %s has changed", zone.Name, zone.Revision, o.Strategy.Approval, before)}
}

// arrived is true for a zone that has got what is wanted since the rollout of it began.
func (o *Observed) arrived(i int, record *Record) bool {
	return !record.Finished.IsZero() && !record.Finished.Before(o.Begun) && record.Revision == o.Zones[i].Revision
}
