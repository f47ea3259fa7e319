// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// skip leaves a zone out of the rollout of the revision that it is to have now.
func skip(s *speech, said body) error {
	const kind = "VMDistributedClusterSkip"
	order := said.(*vmdistributed.VMDistributedClusterSkip)
	if err := s.checkReason(kind, order.Reason); err != nil {
		return err
	}
	var missing field.ErrorList
	for _, member := range []struct{ name, value string }{{"zone", order.Zone}, {"reason", order.Reason}} {
		if member.value == "" {
			missing = append(missing, field.Required(field.NewPath(member.name), "who reads status later wants to know"))
		}
	}
	if len(missing) > 0 {
		return apierrors.NewInvalid(schema.GroupKind{Kind: kind}, s.object.Name, missing)
	}
	if s.blind != nil {
		return s.blind
	}
	revision, err := s.ofZone("zone", order.Zone, order.Revision)
	if err != nil {
		return err
	}
	order.Revision = revision
	if word, skipped := s.object.Status.Said(vmdistributed.WordSkip, order.Zone, revision); skipped {
		return conflictf("zone: %q was skipped at revision %s already, by %q at %s", order.Zone, revision, word.By, word.At.UTC().Format(time.RFC3339))
	}
	if s.hasArrived(order.Zone, revision) {
		return conflictf("zone: %q runs revision %s: there is nothing to be changed, and so nothing to be skipped", order.Zone, revision)
	}
	s.object.Status.TakeBack(vmdistributed.WordRetry, order.Zone, revision)
	s.say(vmdistributed.WordSkip, order.Zone, revision, order.Reason)
	return nil
}

// ofZone returns the present revision of a zone of the list, if it is the one that is meant.
func (s *speech) ofZone(path, zone, wanted string) (string, error) {
	revision, known := s.zones[zone]
	switch {
	case !known || !s.listed[zone]:
		return "", conflictf("%s: there is no zone %q", path, zone)
	case wanted != "" && wanted != revision:
		return "", conflictf("%s: %q is to have revision %s now, and not %s", path, zone, revision, wanted)
	}
	return revision, nil
}

// hasArrived is true for a zone that is what is wanted as far as the controller knows, and
// not in work.
func (s *speech) hasArrived(name, revision string) bool {
	return slices.ContainsFunc(s.object.Status.Zones, func(zone vmdistributed.ZoneStatus) bool {
		if zone.Name != name || zone.Revision != revision || zone.UpdateRevision != "" {
			return false
		}
		switch zone.Phase {
		case vmdistributed.ZoneReady, vmdistributed.ZoneBaking, vmdistributed.ZoneUnhealthy:
			return zone.Work == nil
		}
		return false
	})
}

// retryZones has the zones that are named be tried again, those among them that were
// skipped. The rest of the change stays as it is.
func (s *speech) retryZones(order *vmdistributed.VMDistributedClusterRetry) error {
	for i := range order.Zones {
		asked := &order.Zones[i]
		revision, err := s.ofZone("zones", asked.Name, asked.Revision)
		if err != nil {
			return err
		}
		asked.Revision = revision
		again := s.object.Status.TakeBack(vmdistributed.WordSkip, asked.Name, revision)
		for j := range s.object.Status.Zones {
			zone := &s.object.Status.Zones[j]
			if zone.Name != asked.Name {
				continue
			}
			if again && zone.UpdateStarted != nil {
				zone.UpdateStarted = ptr.To(s.at) // what it took before it was skipped is over
			}
			again = retryZone(zone, s.at) || again
		}
		if _, said := s.object.Status.Said(vmdistributed.WordRetry, asked.Name, revision); !again && !said {
			return conflictf("zones: there is nothing to try again in %q: it was not skipped, has not run out of time and is not contended%s", asked.Name, s.butCalledOff())
		}
		if again {
			s.object.Status.TakeBack(vmdistributed.WordRetry, asked.Name, revision)
		}
		s.say(vmdistributed.WordRetry, asked.Name, revision, order.Reason)
	}
	return nil
}

// skipped are the zones that are left out now.
func (s *speech) skipped() (names []string) {
	for zone, revision := range s.zones {
		if _, said := s.object.Status.Said(vmdistributed.WordSkip, zone, revision); said {
			names = append(names, zone)
		}
	}
	slices.Sort(names)
	return names
}
