// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/warning"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// onRecord are revisions, the latest first.
type onRecord []history.Record

func (r onRecord) List(context.Context, types.NamespacedName) ([]history.Record, error) {
	return r, nil
}

// unread is a history that nobody reaches.
type unread struct{}

func (unread) List(context.Context, types.NamespacedName) ([]history.Record, error) {
	return nil, errLost
}

// ran is a revision that all zones have run.
func ran(t *testing.T, number int64, zones ...vmdistributed.Zone) history.Record {
	t.Helper()
	return history.Record{
		Revision: revisionOf(t, zones...), Number: number, Zones: vmdistributed.Zones{VMClusters: zones}, Outcome: vmdistributed.RevisionCompleted,
	}
}

func revisionOf(t *testing.T, zones ...vmdistributed.Zone) string {
	t.Helper()
	all, err := revision.OfList(zones)
	if err != nil {
		t.Fatal(err)
	}
	return revision.OfZones(all)
}

// past is a scene in which three revisions have come, of which the last is asked for.
type past struct {
	t                     *testing.T
	first, second, latest history.Record
	records               History
	object                *vmdistributed.VMDistributedCluster
	// about is what the last verb may touch.
	about *vmdistributed.VMDistributedCluster
	// warned is what whoever spoke was warned of.
	warned recorder
}

func newPast(t *testing.T) *past {
	p := &past{t: t}
	p.first, p.second = ran(t, 1, inline("a", `{"x":1}`), inline("gone", `{}`)), ran(t, 2, inline("a", `{"x":2}`))
	p.latest = ran(t, 3, inline("a", `{"x":3}`))
	p.latest.Outcome = ""
	p.records = onRecord{p.latest, p.second, p.first}
	p.object = cluster(p.latest.Zones.VMClusters...)
	p.object.Status.ObservedGeneration = p.object.Generation
	return p
}

func (p *past) say(verbOf func(*speech, body) error, said body) error {
	v := &verb{
		resource: schema.GroupResource{Resource: "vmdistributedclusters"}, history: p.records, say: verbOf,
		clock: clocktesting.NewFakePassiveClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)),
	}
	after, about, err := v.change(warning.WithWarningRecorder(asking("ann"), &p.warned), p.object, said)
	if err == nil {
		p.object, p.about = after, about
	}
	return err
}

func (p *past) undo(to string) (*vmdistributed.VMDistributedClusterUndo, error) {
	said := &vmdistributed.VMDistributedClusterUndo{ToRevision: to, Reason: "errors"}
	err := p.say(undo, said)
	return said, err
}

// expect wants the present revision to have been undone to another one; "" for none.
func (p *past) expect(to string) {
	p.t.Helper()
	if word, _ := p.object.Status.Undone(p.latest.Revision); word.To != to || to != "" && (word.By != "ann" || word.Reason != "errors" || word.At.IsZero()) {
		p.t.Errorf("said is %+v, want an undo to %q by ann", word, to)
	}
}

func (p *past) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestAnUndoGoesToTheOneBeforeAndOnlyOnce(t *testing.T) {
	p := newPast(t)
	said, err := p.undo("")
	p.must(err)
	if said.Revision != p.latest.Revision || said.ToRevision != p.second.Revision {
		t.Errorf("the answer is %+v", said)
	}
	p.expect(p.second.Revision)
	said, err = p.undo("")
	p.must(err)
	if p.expect(p.second.Revision); said.ToRevision != p.second.Revision {
		t.Errorf("the second answer is %+v", said)
	}
	if len(p.object.Status.Words) != 1 {
		t.Errorf("words are %+v", p.object.Status.Words)
	}
}

func TestASecondUndoSaysThatItsReasonIsNotKept(t *testing.T) {
	p := newPast(t)
	_, err := p.undo("")
	p.must(err)
	p.must(p.say(undo, &vmdistributed.VMDistributedClusterUndo{Reason: "another one"}))
	if p.expect(p.second.Revision); len(p.warned.texts) != 1 || !strings.Contains(p.warned.texts[0], `ann did that at 2026-05-01T12:00:00Z, for the reason "errors"`) {
		t.Errorf("warnings %q", p.warned.texts)
	}
}

func TestASecondUndoSaysInWordsThatNoReasonWasGiven(t *testing.T) {
	p := newPast(t)
	p.must(p.say(undo, &vmdistributed.VMDistributedClusterUndo{}))
	p.must(p.say(undo, &vmdistributed.VMDistributedClusterUndo{Reason: "errors"}))
	if len(p.warned.texts) != 1 || p.warned.texts[0] != "ann did that at 2026-05-01T12:00:00Z, for no reason that was given, and that is kept" {
		t.Errorf("warnings %q", p.warned.texts)
	}
}

func TestARetryThatHasSomethingToTryAgainIsAnotherOne(t *testing.T) {
	for name, zones := range map[string][]vmdistributed.ZoneRevision{"all": nil, "one": {{Name: "a"}}} {
		p := newPast(t)
		p.object.Status.Zones = []vmdistributed.ZoneStatus{{Name: "a"}}
		for _, reason := range []string{"disks", "network"} {
			p.object.Status.Zones[0].Reason = rollout.ReasonReadyTimeout
			p.must(p.say(retry, &vmdistributed.VMDistributedClusterRetry{Zones: zones, Reason: reason}))
			p.object.Status.Zones[0].Reason = ""
		}
		p.must(p.say(retry, &vmdistributed.VMDistributedClusterRetry{Zones: zones}))
		if words := p.object.Status.Words; len(words) != 1 || words[0].Reason != "network" || len(p.warned.texts) > 0 {
			t.Errorf("%s: words %+v, warnings %q", name, words, p.warned.texts)
		}
	}
}

func TestAnUndoGoesToAnyRevisionByName(t *testing.T) {
	p := newPast(t)
	_, err := p.undo("")
	p.must(err)
	_, err = p.undo(p.first.Revision)
	p.must(err)
	p.expect(p.first.Revision)
	// What it touches has the zones of both, and those that run.
	var names []string
	for i := range p.about.Spec.Zones.VMClusters {
		names = append(names, p.about.Spec.Zones.VMClusters[i].ClusterName())
	}
	if !slices.Contains(names, "gone") || !slices.Contains(names, "a") {
		t.Errorf("it may touch %v", names)
	}
}

func TestAnUndoIsTakenBackByTheRevisionThatSpecAsksFor(t *testing.T) {
	for name, back := range map[string]func(*past) error{
		"undo": func(p *past) error { _, err := p.undo(p.latest.Revision); return err },
		"retry": func(p *past) error {
			return p.say(retry, &vmdistributed.VMDistributedClusterRetry{Revision: p.latest.Revision})
		},
	} {
		p := newPast(t)
		_, err := p.undo("")
		p.must(err)
		for range 2 {
			if err := back(p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			p.expect("")
		}
	}
}

func TestOtherVerbsAreAboutWhatRunsByAnUndo(t *testing.T) {
	p := newPast(t)
	p.must(p.say(abort, &vmdistributed.VMDistributedClusterAbort{}))
	_, err := p.undo("")
	p.must(err)
	order := &vmdistributed.VMDistributedClusterAbort{}
	p.must(p.say(abort, order))
	if order.Revision != p.second.Revision {
		t.Errorf("called off is %s, want %s, which runs", order.Revision, p.second.Revision)
	}
	// Who goes there by name lifts that.
	_, err = p.undo(p.first.Revision)
	p.must(err)
	_, err = p.undo(p.second.Revision)
	p.must(err)
	if _, off := p.object.Status.Said(vmdistributed.WordAbort, "", p.second.Revision); off {
		t.Error("it is called off still")
	}
	if _, off := p.object.Status.Said(vmdistributed.WordAbort, "", p.latest.Revision); !off {
		t.Error("what was called off before the undo no longer is")
	}
	var refused *apierrors.StatusError
	if err := p.say(promote, &vmdistributed.VMDistributedClusterPromotion{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the controller has not yet looked at revision") {
		t.Errorf("a promotion before the controller has seen the undo: %v", err)
	}
}

func TestAnUndoThatLeadsNowhereIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*past)
		said    vmdistributed.VMDistributedClusterUndo
		want    string
	}{
		"unknown":               {func(*past) {}, vmdistributed.VMDistributedClusterUndo{ToRevision: "0123456789"}, `there is no record of revision "0123456789"; on record are `},
		"not what is asked for": {func(*past) {}, vmdistributed.VMDistributedClusterUndo{Revision: "0123456789"}, "revision: is 0123456789, and spec asks for "},
		"nothing before":        {func(p *past) { p.records = onRecord{p.latest} }, vmdistributed.VMDistributedClusterUndo{}, "there is no revision before "},
		"all given up": {func(p *past) {
			for _, r := range []history.Record{p.first, p.second} {
				p.object.Status.Say(vmdistributed.Word{Verb: vmdistributed.WordAbort, Revision: r.Revision})
			}
		}, vmdistributed.VMDistributedClusterUndo{}, "there is no revision before "},
		"broken": {func(p *past) {
			p.second.Problem = "somebody has changed it"
			p.records = onRecord{p.latest, p.second}
		}, vmdistributed.VMDistributedClusterUndo{}, "on record are "},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPast(t)
			test.prepare(p)
			if err := p.say(undo, &test.said); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a conflict with %q", err, test.want)
			}
			p.expect("")
		})
	}
	p := newPast(t)
	p.records = unread{}
	if _, err := p.undo(""); !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), errLost.Error()) {
		t.Errorf("where nobody can tell what there is: %v", err)
	}
	p.object.Status.Say(vmdistributed.Word{Verb: vmdistributed.WordUndo, Revision: p.latest.Revision, To: p.second.Revision})
	if err := p.say(abort, &vmdistributed.VMDistributedClusterAbort{}); err != nil {
		t.Errorf("an abort there: %v", err)
	}
	if err := p.say(retry, &vmdistributed.VMDistributedClusterRetry{}); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("a retry there: %v", err)
	}
}
