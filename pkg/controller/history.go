// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
)

// keepRetry is when it is tried again to put on record what could not be.
const keepRetry = 30 * time.Second

// historian knows what this shift has put on record, so that it is looked at once for
// each change and once in a shift.
type historian struct {
	mu   sync.Mutex
	kept map[cache.ObjectName]keeping
}

// keeping is the state of an object that was put on record or, with a time, could not be.
type keeping struct {
	state history.State
	retry time.Time
}

// due tells whether something is to be done about a state, or else when; zero for never.
func (h *historian) due(object cache.ObjectName, state *history.State, now time.Time) (bool, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last, known := h.kept[object]
	switch {
	case known && last.retry.After(now):
		return false, last.retry
	case known && last.retry.IsZero() && reflect.DeepEqual(last.state, *state):
		return false, time.Time{}
	}
	return true, time.Time{}
}

func (h *historian) note(object cache.ObjectName, state *history.State, retry time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil {
		h.kept = map[cache.ObjectName]keeping{}
	}
	h.kept[object] = keeping{*state, retry}
}

func (h *historian) forget(object cache.ObjectName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.kept, object)
}

// chronicle puts the revision that is rolled out on record, before the first zone is
// touched for it. Where that fails, by a quota say, the rollout goes on: what repairs a
// zone must not wait for it.
func (p *pass) chronicle(ctx context.Context) {
	if p.view.Observing || p.view.Deletion != nil || p.view.Halt != nil || p.view.lostTrack() {
		return // nothing is rolled out
	}
	name, state := cache.MetaObjectToName(p.object), p.stateToKeep()
	zones := p.view.wanted
	now := p.clock.Now()
	due, again := p.kept.due(name, &state, now)
	if p.unkept = again; !due {
		return
	}
	full := state
	full.Zones = zones
	err := p.history.Keep(ctx, nameOf(p.object), full)
	switch {
	case err == nil:
		p.kept.note(name, &state, time.Time{})
	case isRace(err) || ctx.Err() != nil:
		p.unkept = now.Add(pollInterval)
	default:
		p.unkept = now.Add(keepRetry)
		p.kept.note(name, &state, p.unkept)
		klog.FromContext(ctx).Error(err, "Putting the revision on record; trying again", "revision", state.Revision)
		p.tell(event{corev1.EventTypeWarning, "RevisionNotKept", "The revision that is rolled out is not on record, so that nobody can go back to it: " + err.Error()})
	}
}

// stateToKeep is what there is to put on record, but for the zones, for which the
// revision stands.
func (p *pass) stateToKeep() history.State {
	status := &p.object.Status
	state := history.State{
		Revision: p.view.revision(),
		Aborted:  p.view.Aborted != nil,
		Limit:    int(ptr.Deref(p.object.Spec.RevisionHistoryLimit, v1alpha1.DefaultRevisionHistoryLimit)),
	}
	state.Complete = status.CurrentRevision == state.Revision
	if known := status.Rollout; known != nil && known.Revision == state.Revision {
		state.Started, state.Finished = known.Started.UTC(), timeOf(known.Finished).UTC()
		state.Partial = known.Finished != nil && !state.Complete
	}
	if p.view.Undone == nil {
		state.Cause = p.object.Annotations[history.CauseAnnotation]
		if change := status.ZonesChanged; change != nil {
			state.Author = change.By
		}
	} else {
		state.Needed = append(state.Needed, p.view.Undone.Revision)
	}
	if word, restarted := status.Restarted(); restarted && word.Revision == state.Revision {
		state.Cause = strings.TrimPrefix(state.Cause+"; "+wordText("restarted", word), "; ")
	}
	if status.CurrentRevision != "" {
		state.Needed = append(state.Needed, status.CurrentRevision)
	}
	for _, word := range status.Words {
		if decision, against := decisionBy(word, state.Revision); against {
			state.Decisions = append(state.Decisions, decision)
		}
		if word.Verb == vmdistributed.WordUndo {
			state.Undone, state.Needed = append(state.Undone, word.Revision), append(state.Needed, word.To)
		}
	}
	return state
}

// decisionBy is what a word says against a revision; of a zone that is skipped, against the
// present one.
func decisionBy(word vmdistributed.Word, present string) (history.Decision, bool) {
	switch word.Verb {
	case vmdistributed.WordAbort:
		return history.Decision{Outcome: vmdistributed.RevisionAborted, Revision: word.Revision, Text: wordText("aborted", word)}, true
	case vmdistributed.WordUndo:
		return history.Decision{Outcome: vmdistributed.RevisionUndone, Revision: word.Revision, Text: wordText("undone to "+word.To, word)}, true
	case vmdistributed.WordSkip:
		return history.Decision{Outcome: vmdistributed.RevisionPartial, Revision: present, Text: wordText(word.Zone+" skipped", word)}, true
	}
	return history.Decision{}, false
}

// wordText tells what was done by a word, by whom, when, and why.
func wordText(done string, word vmdistributed.Word) string {
	text := fmt.Sprintf("%s by %s at %s", done, word.By, word.At.UTC().Format(time.RFC3339))
	if word.Reason != "" {
		text += ": " + word.Reason
	}
	return text
}

// forgetHistory deletes what is on record of an object that goes. Who may not is no
// reason to keep the object; with its namespace it goes by itself.
func (p *pass) forgetHistory(ctx context.Context) error {
	p.kept.forget(cache.MetaObjectToName(p.object))
	if p.view.Deletion != nil && p.view.Deletion.NamespaceTerminating {
		return nil
	}
	err := p.history.Forget(ctx, nameOf(p.object))
	if apierrors.IsForbidden(err) {
		klog.FromContext(ctx).Error(err, "Leaving behind what is on record of revisions")
		p.tell(event{corev1.EventTypeWarning, "RevisionsLeft", "What is on record of revisions is left behind: " + err.Error()})
		return nil
	}
	return err
}
