// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

func (p *past) skip(zone, revision string) (*vmdistributed.VMDistributedClusterSkip, error) {
	said := &vmdistributed.VMDistributedClusterSkip{Zone: zone, Revision: revision, Reason: "its disks"}
	return said, p.say(skip, said)
}

// refused wants a conflict that says why.
func (p *past) refused(err error, why string) {
	p.t.Helper()
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), why) {
		p.t.Errorf("got %v, want a conflict that says %q", err, why)
	}
}

// wanted is the revision that the zone a is to have.
func (p *past) wanted() string {
	p.t.Helper()
	zones, err := zonesOf(&p.latest, "")
	p.must(err)
	return zones[0].Revision
}

func TestASkipIsKeptWithWhoAndWhyUntilTheZoneIsTriedAgain(t *testing.T) {
	p := newPast(t)
	said, err := p.skip("a", "")
	p.must(err)
	wanted := p.wanted()
	word, skipped := p.object.Status.Said(vmdistributed.WordSkip, "a", wanted)
	if !skipped || said.Revision != wanted || word.By != "ann" || word.At.IsZero() || word.Reason != "its disks" {
		t.Errorf("the answer is %+v, and said is %+v", said, word)
	}
	_, err = p.skip("a", "")
	p.refused(err, `zone: "a" was skipped at revision `+wanted+` already, by "ann" at 2026-05-01T12:00:00Z`)

	p.refused(p.say(retry, &vmdistributed.VMDistributedClusterRetry{}), "a was skipped, which a retry takes back that names the zone")
	again := &vmdistributed.VMDistributedClusterRetry{Zones: []vmdistributed.ZoneRevision{{Name: "a"}}}
	p.must(p.say(retry, again))
	if _, skipped := p.object.Status.Said(vmdistributed.WordSkip, "a", wanted); skipped || again.Zones[0].Revision != wanted {
		t.Errorf("the answer is %+v, and words are %+v", again, p.object.Status.Words)
	}
	p.must(p.say(retry, again)) // which changes nothing
	_, err = p.skip("a", wanted)
	p.must(err)
	p.must(p.say(retry, again))
	if _, skipped := p.object.Status.Said(vmdistributed.WordSkip, "a", wanted); skipped {
		t.Errorf("the second skip is not taken back: %+v", p.object.Status.Words)
	}
}

func TestASkipThatFitsNothingIsRefused(t *testing.T) {
	arrived := func(phase vmdistributed.ZonePhase, change func(*vmdistributed.ZoneStatus)) func(*past) {
		return func(p *past) {
			zone := vmdistributed.ZoneStatus{Name: "a", Phase: phase, Revision: p.wanted()}
			change(&zone)
			p.object.Status.Zones = []vmdistributed.ZoneStatus{zone, {Name: "gone", Phase: vmdistributed.ZoneLeaving}}
		}
	}
	asItIs := func(*vmdistributed.ZoneStatus) {}
	for name, test := range map[string]struct {
		prepare  func(*past)
		zone, at string
		why      string // "" where it is none of it
	}{
		"no such zone":                {func(*past) {}, "x", "", `zone: there is no zone "x"`},
		"one that the list has not":   {arrived(vmdistributed.ZoneReady, asItIs), "gone", "", `zone: there is no zone "gone"`},
		"another revision":            {func(*past) {}, "a", "0123456789", `zone: "a" is to have revision `},
		"one that is done":            {arrived(vmdistributed.ZoneReady, asItIs), "a", "", "there is nothing to be changed"},
		"one that bakes":              {arrived(vmdistributed.ZoneBaking, asItIs), "a", "", "there is nothing to be changed"},
		"one that has fallen ill":     {arrived(vmdistributed.ZoneUnhealthy, asItIs), "a", "", "there is nothing to be changed"},
		"one that was changed since":  {arrived(vmdistributed.ZonePending, asItIs), "a", "", ""},
		"one that is refused":         {arrived(vmdistributed.ZoneRefused, asItIs), "a", "", ""},
		"one in work":                 {arrived(vmdistributed.ZoneUpdating, func(z *vmdistributed.ZoneStatus) { z.UpdateRevision, z.Revision = z.Revision, "old" }), "a", "", ""},
		"one that is drained":         {arrived(vmdistributed.ZoneUnhealthy, func(z *vmdistributed.ZoneStatus) { z.Work = &vmdistributed.ZoneWork{} }), "a", "", ""},
		"one that nobody has seen":    {func(*past) {}, "a", "", ""},
		"one of what was called off":  {func(p *past) { p.must(p.say(abort, &vmdistributed.VMDistributedClusterAbort{})) }, "a", "", ""},
		"one by the revision it gets": {func(*past) {}, "a", "the present one", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPast(t)
			test.prepare(p)
			at := test.at
			if at == "the present one" {
				at = p.wanted()
			}
			_, err := p.skip(test.zone, at)
			if test.why == "" {
				p.must(err)
				return
			}
			p.refused(err, test.why)
		})
	}
}

func TestASkipNeedsAZoneAndAReason(t *testing.T) {
	p := newPast(t)
	err := p.say(skip, &vmdistributed.VMDistributedClusterSkip{})
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "zone: Required value") || !strings.Contains(err.Error(), "reason: Required value") {
		t.Errorf("got %v", err)
	}
}

func TestAZoneThatIsTriedAgainAfterASkipHasItsTimeAnew(t *testing.T) {
	p := newPast(t)
	wanted := p.wanted()
	begun := metav1.NewTime(time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC))
	p.object.Status.Zones = []vmdistributed.ZoneStatus{{Name: "a", Phase: vmdistributed.ZoneFailed, Reason: rollout.ReasonSkipped, UpdateRevision: wanted, UpdateStarted: &begun}}
	_, err := p.skip("a", "")
	p.must(err)
	p.must(p.say(retry, &vmdistributed.VMDistributedClusterRetry{Zones: []vmdistributed.ZoneRevision{{Name: "a"}}}))
	if started := p.object.Status.Zones[0].UpdateStarted; started.Equal(&begun) {
		t.Errorf("its time runs since %s, want it to run anew", started)
	}
	p.refused(p.say(retry, &vmdistributed.VMDistributedClusterRetry{Zones: []vmdistributed.ZoneRevision{{Name: "b"}}}), `zones: there is no zone "b"`)
}

func TestAnUndoneRevisionHasItsOwnZonesSkipped(t *testing.T) {
	p := newPast(t)
	_, err := p.undo(p.first.Revision)
	p.must(err)
	_, err = p.skip("gone", "")
	p.must(err)
}
