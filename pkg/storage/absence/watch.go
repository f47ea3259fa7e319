// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package absence has a store asked what it is before anybody is told by a watch that
// something is not there. The garbage collector of a cluster believes that at its word:
// it deletes what belongs to an object that a watch says is gone, without asking again.
package absence

import (
	"context"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// together is how many events share a look at the store at most.
const together = 100

// Verifier asks the store what it is, after it was called, so that what was heard of the
// store before is of the one that it was.
type Verifier interface {
	// Verify is an error where the store is not the one that it was.
	Verify(ctx context.Context) error
	// VerifyAbsence is one too where the store is, and may have lost something.
	VerifyAbsence(ctx context.Context) error
}

// Watch passes the events of source on. Before one that says that something is not there,
// the store is verified; where that fails, the watch ends with an error, so that who
// watches has to list anew. That an object is gone which was being deleted is believed of
// any store that is the one it was.
func Watch(ctx context.Context, source watch.Interface, store Verifier) watch.Interface {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{source: source, store: store, cancel: cancel, results: make(chan watch.Event)}
	go w.run(ctx)
	return w
}

// watcher is a watch of which the goroutine ends with its context or with the source.
type watcher struct {
	source  watch.Interface
	store   Verifier
	cancel  context.CancelFunc
	results chan watch.Event
}

// Stop ends the watch, and that of the source.
func (w *watcher) Stop() { w.cancel() }

// ResultChan is closed when the watch has ended.
func (w *watcher) ResultChan() <-chan watch.Event { return w.results }

func (w *watcher) run(ctx context.Context) {
	defer close(w.results)
	defer w.source.Stop()
	defer w.cancel()
	for {
		events, open := w.next(ctx)
		if !w.pass(ctx, events) || !open {
			return
		}
	}
}

// next waits for an event, and takes along what has come with it.
func (w *watcher) next(ctx context.Context) (events []watch.Event, open bool) {
	select {
	case <-ctx.Done():
		return nil, false
	case event, open := <-w.source.ResultChan():
		if !open {
			return nil, false
		}
		events = append(events, event)
	}
	for len(events) < together {
		select {
		case event, open := <-w.source.ResultChan():
			if !open {
				return events, false
			}
			events = append(events, event)
		default:
			return events, true
		}
	}
	return events, true
}

// pass sends events on. It returns false when there is nothing more to come.
func (w *watcher) pass(ctx context.Context, events []watch.Event) bool {
	if err := w.verify(ctx, events); err != nil {
		w.send(ctx, refused(err))
		return false
	}
	for _, event := range events {
		if !w.send(ctx, event) {
			return false
		}
	}
	return true
}

// verify asks once for all that is said.
func (w *watcher) verify(ctx context.Context, events []watch.Event) error {
	switch {
	case slices.ContainsFunc(events, saysLost):
		return w.store.VerifyAbsence(ctx)
	case slices.ContainsFunc(events, func(event watch.Event) bool { return event.Type == watch.Deleted }):
		return w.store.Verify(ctx)
	}
	return nil
}

func (w *watcher) send(ctx context.Context, event watch.Event) bool {
	select {
	case w.results <- event:
		return true
	case <-ctx.Done():
		return false
	}
}

// saysLost is true of an event by which an object is gone that nobody has seen being
// deleted, or which says that there is nothing else, at the end of the initial events.
func saysLost(event watch.Event) bool {
	if event.Type != watch.Deleted && event.Type != watch.Bookmark {
		return false
	}
	object := event.Object
	if cached, ok := object.(runtime.CacheableObject); ok {
		object = cached.GetObject()
	}
	about, err := meta.Accessor(object)
	switch {
	case err != nil:
		return true
	case event.Type == watch.Bookmark:
		return about.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
	}
	return about.GetDeletionTimestamp() == nil
}

func refused(err error) watch.Event {
	status := apierrors.NewServiceUnavailable("the store can't be answered from: " + err.Error()).ErrStatus
	status.Code, status.Status = http.StatusServiceUnavailable, metav1.StatusFailure
	return watch.Event{Type: watch.Error, Object: &status}
}
