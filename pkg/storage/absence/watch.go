// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package absence has a store asked what it is before anybody is told by a watch that
// something is not there. The garbage collector of a cluster believes that at its word:
// it deletes what belongs to an object that a watch says is gone, without asking again.
package absence

import (
	"context"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// together is how many events share a look at the store at most.
const together = 100

// Watch passes the events of source on. Before one that says that something is not there,
// verify is asked whether the store is still the one that it was; where it is not, the
// watch ends with an error, so that who watches has to list anew. Verify must look after
// it was called, so that what source has said before is of a store that was there.
func Watch(ctx context.Context, source watch.Interface, verify func(context.Context) error) watch.Interface {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{source: source, verify: verify, cancel: cancel, results: make(chan watch.Event)}
	go w.run(ctx)
	return w
}

// watcher is a watch of which the goroutine ends with its context or with the source.
type watcher struct {
	source  watch.Interface
	verify  func(context.Context) error
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
	if tellAbsence(events) {
		if err := w.verify(ctx); err != nil {
			w.send(ctx, refused(err))
			return false
		}
	}
	for _, event := range events {
		if !w.send(ctx, event) {
			return false
		}
	}
	return true
}

func (w *watcher) send(ctx context.Context, event watch.Event) bool {
	select {
	case w.results <- event:
		return true
	case <-ctx.Done():
		return false
	}
}

// tellAbsence is true where one event says that something is gone, or may say that there
// is nothing else, as the bookmark does that ends the initial events.
func tellAbsence(events []watch.Event) bool {
	for _, event := range events {
		if event.Type == watch.Deleted || event.Type == watch.Bookmark {
			return true
		}
	}
	return false
}

func refused(err error) watch.Event {
	status := apierrors.NewServiceUnavailable("the store can't be answered from: " + err.Error()).ErrStatus
	status.Code, status.Status = http.StatusServiceUnavailable, metav1.StatusFailure
	return watch.Event{Type: watch.Error, Object: &status}
}
