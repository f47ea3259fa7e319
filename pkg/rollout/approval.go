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
	begun, before := d.Zones[next].Record.Begun, ""
	for i := range o.Zones {
		since, changed := o.changed(i, &d.Zones[i].Record)
		if i == next || d.Zones[i].Skipped || !changed {
			continue
		}
		if o.Strategy.Approval == AfterFirstZone && o.Zones[i].GoAhead {
			return nil // it was let go on there
		}
		if begun.IsZero() || since.Before(begun) {
			before = o.Zones[i].Name
		}
	}
	if before == "" {
		return nil // it is the first
	}
	return &obstacle{reason: ReasonWaitingForApproval, waitingFor: fmt.Sprintf(
		"the user's word to go on with zone %s at revision %s, since spec.strategy.approval is %s and zone %s has changed", zone.Name, zone.Revision, o.Strategy.Approval, before)}
}

// changed is true for a zone that has got what is wanted since the rollout of it began, or
// was taken into work; since when, in doubt too early.
func (o *Observed) changed(i int, record *Record) (since time.Time, changed bool) {
	if !record.Finished.IsZero() && !record.Finished.Before(o.Begun) && record.Revision == o.Zones[i].Revision {
		return record.Finished.Add(-roundedUp), true
	}
	return record.Begun, record.inWork() && !record.Begun.IsZero()
}
