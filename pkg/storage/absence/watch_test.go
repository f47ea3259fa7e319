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

func event(kind watch.EventType, name string) watch.Event {
	return watch.Event{Type: kind, Object: &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}}
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
	emptied := errors.New("emptied")
	for name, c := range map[string]struct {
		events []watch.Event
		looks  int
		found  error
		said   []string
	}{
		"comes and changes":                  {events: []watch.Event{event(watch.Added, "a"), event(watch.Modified, "a")}, found: emptied, said: []string{"ADDED a", "MODIFIED a"}},
		"goes":                               {events: []watch.Event{event(watch.Deleted, "a")}, looks: 1, said: []string{"DELETED a"}},
		"all go at once":                     {events: slices.Repeat([]watch.Event{event(watch.Deleted, "a")}, together), looks: 1, said: slices.Repeat([]string{"DELETED a"}, together)},
		"goes from a store that was emptied": {events: []watch.Event{event(watch.Deleted, "a")}, looks: 1, found: emptied},
		"all was told":                       {events: []watch.Event{event(watch.Bookmark, "")}, looks: 1, said: []string{"BOOKMARK "}},
		"all was told of an emptied store":   {events: []watch.Event{event(watch.Bookmark, "")}, looks: 1, found: emptied},
	} {
		t.Run(name, func(t *testing.T) {
			source, looks := watch.NewFakeWithChanSize(together, false), 0
			for _, event := range c.events {
				source.Action(event.Type, event.Object)
			}
			watching := Watch(t.Context(), source, func(context.Context) error { looks++; return c.found })
			source.Stop()
			said, ended := told(watching)
			if !slices.Equal(said, c.said) || looks != c.looks {
				t.Errorf("said %v with %d looks, want %v with %d", said, looks, c.said, c.looks)
			}
			if refused := c.found != nil && c.looks > 0; apierrors.IsServiceUnavailable(ended) != refused {
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
		watching := Watch(ctx, source, func(context.Context) error { return nil })
		end(watching)
		if _, open := <-watching.ResultChan(); open {
			t.Error("told something after the end")
		}
		if _, open := <-source.ResultChan(); open {
			t.Error("the source goes on")
		}
	}
}
