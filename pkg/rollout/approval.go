// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// unapproved holds a healthy zone back that is to be changed after another one, until the
// user says so. One that was begun before that goes on; one that was begun to be repaired
// and has recovered since does not.
func unapproved(o *Observed, d *Decision, next int) *obstacle {
	zone := &o.Zones[next]
	if o.Strategy.Approval == "" || zone.GoAhead {
		return nil
	}
	begun, before, has := d.Zones[next].Record.Begun, "", ""
	for i := range o.Zones {
		since, changed := o.changed(i, &d.Zones[i].Record)
		if i == next || d.Zones[i].Skipped || !changed {
			continue
		}
		if o.Strategy.Approval == AfterFirstZone && o.Zones[i].GoAhead {
			return nil // it was let go on there
		}
		if begun.IsZero() || since.Before(begun) {
			before, has = o.Zones[i].Name, "has changed"
			if d.Zones[i].Record.inWork() {
				has = "is being changed"
			}
		}
	}
	if before == "" {
		return nil // it is the first
	}
	return &obstacle{reason: ReasonWaitingForApproval, waitingFor: fmt.Sprintf(
		"the user's word to go on with zone %s at revision %s, since spec.strategy.approval is %s and zone %s %s", zone.Name, zone.Revision, o.Strategy.Approval, before, has)}
}

// Approvals are those zones of an order in which all are changed before which the user
// will be asked.
func (o *Observed) Approvals(d *Decision, order []int) map[int]bool {
	asked := map[int]bool{}
	if o.Strategy.Approval == "" {
		return asked
	}
	first, let := true, false
	pass := func(i int) {
		first, let = false, let || o.Zones[i].GoAhead
	}
	for i := range o.Zones {
		if _, changed := o.changed(i, &o.Zones[i].Record); changed && !d.Zones[i].Skipped {
			pass(i)
		}
	}
	for _, i := range order {
		look := &d.Outlook[i]
		if look.Would != WouldChange {
			continue
		}
		begun, again := look.Turn == 0, o.Strategy.Approval == EveryZone
		if !first && !begun && !ailing(&o.Zones[i]) && !o.Zones[i].GoAhead && (again || !let) {
			asked[i] = true
			let = true
		}
		pass(i)
	}
	return asked
}

// changed is true for a zone that has got what is wanted since the rollout of it began, or
// was taken into work; since when, in doubt too early.
func (o *Observed) changed(i int, record *Record) (since time.Time, changed bool) {
	if !record.Finished.IsZero() && !record.Finished.Before(o.Begun) && record.Revision == o.Zones[i].Revision {
		return record.Finished.Add(-roundedUp), true
	}
	return record.Begun, record.inWork() && !record.Begun.IsZero()
}
