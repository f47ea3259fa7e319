// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package absence

import (
	"context"
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

func event(kind watch.EventType, name string, change ...func(*corev1.ConfigMap)) watch.Event {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, each := range change {
		each(object)
	}
	return watch.Event{Type: kind, Object: object}
}

func beingDeleted(object *corev1.ConfigMap) { object.DeletionTimestamp = &metav1.Time{} }

func endsInitialEvents(object *corev1.ConfigMap) {
	object.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
}

// store is one that counts how often it is asked.
type store struct {
	another, leaving error
	looks            int
}

func (s *store) Verify(context.Context) error {
	s.looks++
	return s.another
}

func (s *store) VerifyAbsence(ctx context.Context) error {
	return errors.Join(s.Verify(ctx), s.leaving)
}

// told is what a watch says until it ends.
func told(w watch.Interface) (said []string, ended error) {
	for event := range w.ResultChan() {
		if event.Type == watch.Error {
			ended = apierrors.FromObject(event.Object)
			continue
		}
		said = append(said, string(event.Type)+" "+event.Object.(*corev1.ConfigMap).Name)
	}
	return said, ended
}

// TestNothingIsSaidToBeGoneBeforeTheStoreWasAsked, or to be all that there is.
func TestNothingIsSaidToBeGoneBeforeTheStoreWasAsked(t *testing.T) {
	another, leaving := store{another: errors.New("another")}, store{leaving: errors.New("leaving")}
	all := slices.Repeat([]watch.Event{event(watch.Deleted, "a")}, together)
	for name, c := range map[string]struct {
		events []watch.Event
		store  store
		looks  int
		said   []string
	}{
		"comes and changes":      {events: []watch.Event{event(watch.Added, "a"), event(watch.Modified, "a")}, store: another, said: []string{"ADDED a", "MODIFIED a"}},
		"goes":                   {events: []watch.Event{event(watch.Deleted, "a")}, looks: 1, said: []string{"DELETED a"}},
		"all go at once":         {events: all, looks: 1, said: slices.Repeat([]string{"DELETED a"}, together)},
		"goes from another":      {events: []watch.Event{event(watch.Deleted, "a")}, store: another, looks: 1},
		"goes with the store":    {events: []watch.Event{event(watch.Deleted, "a")}, store: leaving, looks: 1},
		"goes as it was to":      {events: []watch.Event{event(watch.Deleted, "a", beingDeleted)}, store: leaving, looks: 1, said: []string{"DELETED a"}},
		"goes, also elsewhere":   {events: []watch.Event{event(watch.Deleted, "a", beingDeleted)}, store: another, looks: 1},
		"nothing new":            {events: []watch.Event{event(watch.Bookmark, "")}, store: another, said: []string{"BOOKMARK "}},
		"all was told":           {events: []watch.Event{event(watch.Bookmark, "", endsInitialEvents)}, looks: 1, said: []string{"BOOKMARK "}},
		"all was told elsewhere": {events: []watch.Event{event(watch.Bookmark, "", endsInitialEvents)}, store: another, looks: 1},
		"all that is left":       {events: []watch.Event{event(watch.Bookmark, "", endsInitialEvents)}, store: leaving, looks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, asked := watch.NewFakeWithChanSize(together, false), c.store
			for _, event := range c.events {
				source.Action(event.Type, event.Object)
			}
			watching := Watch(t.Context(), source, &asked)
			source.Stop()
			said, ended := told(watching)
			if !slices.Equal(said, c.said) || asked.looks != c.looks {
				t.Errorf("said %v with %d looks, want %v with %d", said, asked.looks, c.said, c.looks)
			}
			if refused := len(c.said) == 0; apierrors.IsServiceUnavailable(ended) != refused {
				t.Errorf("ended with %v", ended)
			}
		})
	}
}

// TestWatchEndsWithWhoWatches, and has the one that it is made of end.
func TestWatchEndsWithWhoWatches(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for _, end := range []func(watch.Interface){func(w watch.Interface) { w.Stop() }, func(watch.Interface) { cancel() }} {
		source := watch.NewFake()
		watching := Watch(ctx, source, &store{})
		end(watching)
		if _, open := <-watching.ResultChan(); open {
			t.Error("told something after the end")
		}
		if _, open := <-source.ResultChan(); open {
			t.Error("the source goes on")
		}
	}
}
