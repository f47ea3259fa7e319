// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// promote gives the user's word for zones that wait for it.
func promote(s *speech, said body) error {
	promotion := said.(*vmdistributed.VMDistributedClusterPromotion)
	if err := s.checkReason("VMDistributedClusterPromotion", promotion.Reason); err != nil {
		return err
	}
	if s.blind != nil {
		return s.blind
	}
	if status := &s.object.Status; status.ObservedGeneration != s.object.Generation {
		return conflictf("the controller has looked at generation %d and not yet at %d: which zones wait for the user's word is not known, try again",
			status.ObservedGeneration, s.object.Generation)
	}
	if status := &s.object.Status; (status.Undo != nil || s.all != s.wanted) && status.UpdateRevision != s.all {
		return conflictf("the controller has not yet looked at revision %s, which is rolled out now: which zones wait for the user's word is not known, try again", s.all)
	}
	waiting := waitingForWord(s.object.Status.Zones)
	if len(promotion.Zones) == 0 {
		if len(waiting) == 0 {
			return conflictf("no zone waits for the user's word%s", s.butCalledOff())
		}
		for _, zone := range waiting {
			promotion.Zones = append(promotion.Zones, vmdistributed.ZoneRevision{Name: zone})
		}
	}
	for i := range promotion.Zones {
		zone := &promotion.Zones[i]
		if err := s.promoteZone(zone, slices.Contains(waiting, zone.Name), promotion.Reason); err != nil {
			return err
		}
	}
	return nil
}

func (s *speech) promoteZone(zone *vmdistributed.ZoneRevision, waits bool, reason string) error {
	revision, known := s.zones[zone.Name]
	switch {
	case !known:
		return conflictf("zones: there is no zone %q", zone.Name)
	case zone.Revision != "" && zone.Revision != revision:
		return conflictf("zones: %q is to have revision %s, and %s now", zone.Name, zone.Revision, revision)
	}
	zone.Revision = revision
	// Who lets a zone be changed has not said that nothing needs to be proven of it.
	word := vmdistributed.WordPromote
	if s.waitsForApproval(zone.Name) {
		word = vmdistributed.WordApprove
		if off := s.butCalledOff(); off != "" { // the controller has not looked since
			return conflictf("zones: %q is not to be changed now%s", zone.Name, off)
		}
	}
	promotion, promoted := s.object.Status.Said(vmdistributed.WordPromote, zone.Name, revision)
	approval, approved := s.object.Status.Said(vmdistributed.WordApprove, zone.Name, revision)
	switch {
	case !waits && promoted:
		s.keep(promotion, reason)
		return nil
	case !waits && approved:
		s.keep(approval, reason)
		return nil
	case !waits:
		return conflictf("zones: %q does not wait for the user's word%s", zone.Name, s.butCalledOff())
	}
	s.say(word, zone.Name, revision, reason)
	return nil
}

func (s *speech) waitsForApproval(zone string) bool {
	return slices.ContainsFunc(s.object.Status.Zones, func(z vmdistributed.ZoneStatus) bool {
		return z.Name == zone && z.Reason == rollout.ReasonWaitingForApproval
	})
}

// butCalledOff says what else is in the way of a word, "" for nothing.
func (s *speech) butCalledOff() string {
	if _, off := s.object.Status.Said(vmdistributed.WordAbort, "", s.all); !off {
		return ""
	}
	return fmt.Sprintf(": revision %s was called off, which the verb retry takes back", s.all)
}

// waitingForWord are the zones that go on by the user's word only.
func waitingForWord(zones []vmdistributed.ZoneStatus) []string {
	var names []string
	for i := range zones {
		if waitsForWord(&zones[i]) {
			names = append(names, zones[i].Name)
		}
	}
	return names
}

func waitsForWord(zone *vmdistributed.ZoneStatus) bool {
	switch zone.Reason {
	case rollout.ReasonQueuesUnclear, rollout.ReasonEmptied, rollout.ReasonWaitingForApproval:
		return true
	case rollout.ReasonContended: // of a definition that somebody else writes, no word helps
		return zone.ContendedRevision != ""
	case rollout.ReasonDataDropped: // which holds the other zones back too
		return zone.Work != nil && slices.ContainsFunc(zone.Work.Queues, func(mark vmdistributed.QueueMark) bool { return mark.Lost })
	}
	return false
}

// abort calls the present change off.
func abort(s *speech, said body) error {
	order := said.(*vmdistributed.VMDistributedClusterAbort)
	if err := s.checkReason("VMDistributedClusterAbort", order.Reason); err != nil {
		return err
	}
	revision, err := s.of(order.Revision)
	if err != nil {
		return err
	}
	order.Revision = revision
	s.object.Status.TakeBack(vmdistributed.WordRetry, "", revision)
	s.say(vmdistributed.WordAbort, "", revision, order.Reason)
	return nil
}

// retry lets a change go on that was called off, and begins the patience with zones anew
// that it had ended with.
func retry(s *speech, said body) error {
	order := said.(*vmdistributed.VMDistributedClusterRetry)
	if err := s.checkReason("VMDistributedClusterRetry", order.Reason); err != nil {
		return err
	}
	if s.blind != nil {
		return s.blind
	}
	again := false
	if order.Revision == s.wanted && s.all != s.wanted && len(order.Zones) == 0 {
		again = s.takeUndoBack() // it is meant by name
	}
	revision, err := s.of(order.Revision)
	if err != nil {
		return err
	}
	order.Revision = revision
	if len(order.Zones) > 0 {
		return s.retryZones(order)
	}
	again = s.object.Status.TakeBack(vmdistributed.WordAbort, "", revision) || again
	for i := range s.object.Status.Zones {
		again = retryZone(&s.object.Status.Zones[i], s.at) || again
	}
	if _, said := s.object.Status.Said(vmdistributed.WordRetry, "", revision); !again && !said {
		text := ""
		if skipped := s.skipped(); len(skipped) > 0 {
			text = fmt.Sprintf("; %s was skipped, which a retry takes back that names the zone", strings.Join(skipped, ", "))
		}
		return conflictf("there is nothing to try again: revision %s was not called off, and no zone has run out of time or is contended%s", revision, text)
	}
	if again { // it is another one than was said before
		s.object.Status.TakeBack(vmdistributed.WordRetry, "", revision)
	}
	s.say(vmdistributed.WordRetry, "", revision, order.Reason)
	return nil
}

// retryZone forgets what has ended the patience with a zone.
func retryZone(zone *vmdistributed.ZoneStatus, at metav1.Time) bool {
	switch zone.Reason {
	case rollout.ReasonContended:
		zone.Reapplied, zone.ContendedRevision = 0, ""
		return true
	case rollout.ReasonReadyTimeout:
		zone.UpdateStarted = ptr.To(at)
		return true
	}
	return false
}
