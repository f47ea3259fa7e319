// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	utilflowcontrol "k8s.io/apiserver/pkg/util/flowcontrol"
	"k8s.io/klog/v2"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

const (
	// holdFor is how long a record may be on its way out.
	holdFor = time.Second
	// eventBuffer is how far a watcher may lag behind before the cluster waits for it.
	eventBuffer = 100
)

// Watch follows the objects below a key, or the one at a key, by one watch of the
// cluster. It ends when that does; a client then goes on from the last version.
func (s *Store) Watch(ctx context.Context, key string, options storage.ListOptions) (watch.Interface, error) {
	asked, err := s.scope(key, options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{store: s, logger: klog.FromContext(ctx), cancel: cancel, results: make(chan watch.Event, eventBuffer)}
	if ctx.Err() != nil {
		w.end()
		return w, nil //nolint:nilerr // to who has gone away, a watch that has ended is an answer
	}
	if err := w.start(ctx, asked, options); err != nil {
		cancel()
		return nil, err
	}
	utilflowcontrol.WatchInitialized(ctx)
	go w.run(ctx)
	return w, nil
}

// watcher passes events of records on as those of objects.
type watcher struct {
	store   *Store
	logger  klog.Logger
	host    watch.Interface
	order   order
	memory  *memory
	results chan watch.Event
	cancel  context.CancelFunc
}

var _ watch.Interface = &watcher{}

// ResultChan is closed when the watch has ended.
func (w *watcher) ResultChan() <-chan watch.Event { return w.results }

// Stop ends the watch.
func (w *watcher) Stop() { w.cancel() }

func (w *watcher) end() {
	w.cancel()
	close(w.results)
}

// start opens the watch of the cluster.
func (w *watcher) start(ctx context.Context, asked scope, options storage.ListOptions) error {
	request := asked.listOptions(options)
	request.Limit, request.Continue = 0, ""
	if request.SendInitialEvents = options.SendInitialEvents; request.SendInitialEvents != nil {
		request.ResourceVersionMatch = metav1.ResourceVersionMatchNotOlderThan
	}
	request.AllowWatchBookmarks = options.Predicate.AllowWatchBookmarks || options.ProgressNotify
	if asked.rest {
		w.memory = &memory{predicate: options.Predicate, matching: map[place]runtime.Object{}}
		if err := w.remember(ctx, asked, options); err != nil {
			return err
		}
	}
	var err error
	if w.host, err = w.store.records.watch(ctx, asked.namespace, request); err != nil {
		return hostError(err, watching, place{}, 0)
	}
	return nil
}

// remember learns which objects matched where the watch begins, unless it begins by
// telling.
func (w *watcher) remember(ctx context.Context, asked scope, options storage.ListOptions) error {
	if options.ResourceVersion == "" || options.ResourceVersion == "0" || (options.SendInitialEvents != nil && *options.SendInitialEvents) {
		return nil
	}
	request := asked.listOptions(storage.ListOptions{ResourceVersion: options.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact})
	records, err := w.store.records.list(ctx, asked.namespace, request)
	if err != nil {
		return hostError(err, listing, place{}, 0)
	}
	for i := range records.Items {
		record := &records.Items[i]
		object := w.store.newFunc()
		if err := w.store.show(ctx, record, object); err != nil {
			return readError(ctx, w.store.key(record), err)
		}
		if _, _, err := w.memory.see(watch.Event{Type: watch.Added, Object: object}, record, nil); err != nil {
			return err
		}
	}
	return nil
}

// run ends with the watch of the cluster, or when nobody wants to know any more.
func (w *watcher) run(ctx context.Context) {
	defer w.end()
	defer w.host.Stop()
	expired := time.NewTimer(0)
	<-expired.C
	defer expired.Stop()
	for {
		var ready []watch.Event
		select {
		case <-ctx.Done():
			return
		case <-expired.C:
			ready = w.order.rest()
		case event, open := <-w.host.ResultChan():
			if !open {
				return
			}
			held := len(w.order.waiting)
			ready = w.order.push(event)
			if held == 0 && len(w.order.waiting) > 0 {
				expired.Reset(holdFor)
			}
		}
		for _, event := range ready {
			if !w.pass(ctx, event) {
				return
			}
		}
	}
}

// pass shows an event to the watcher. After one that can't be shown there is nothing
// more to come: the watcher has to list anew.
func (w *watcher) pass(ctx context.Context, event watch.Event) bool {
	shown, wanted := w.convert(ctx, event)
	if !wanted {
		return true
	}
	if ctx.Err() != nil {
		return false // the watch of the cluster may call it an error that it was ended
	}
	select {
	case w.results <- shown:
		return shown.Type != watch.Error
	case <-ctx.Done():
		return false
	}
}

// convert turns an event of a record into one of its object.
func (w *watcher) convert(ctx context.Context, event watch.Event) (shown watch.Event, wanted bool) {
	record, ok := event.Object.(*storagev1.Record)
	switch {
	case event.Type == watch.Error:
		return watch.Event{Type: watch.Error, Object: statusOf(event.Object)}, true
	case !ok:
		return w.failed(fmt.Errorf("the cluster sent %T for a record", event.Object)), true
	case event.Type == watch.Bookmark:
		return w.bookmark(record), true
	}
	object := w.store.newFunc()
	if err := w.store.show(ctx, record, object); err != nil {
		return w.failed(err), true
	}
	shown = watch.Event{Type: event.Type, Object: object}
	if w.memory == nil {
		return shown, true
	}
	shown, wanted, err := w.memory.see(shown, record, func(object runtime.Object) error { return w.store.codec.setVersion(record, object) })
	if err != nil {
		return w.failed(err), true
	}
	return shown, wanted
}

// bookmark says how far the watch is, and whether all that there was has been told.
func (w *watcher) bookmark(record *storagev1.Record) watch.Event {
	object := w.store.newFunc()
	if err := w.store.codec.setVersion(record, object); err != nil {
		return w.failed(err)
	}
	if record.Annotations[metav1.InitialEventsAnnotationKey] == "true" {
		if err := storage.AnnotateInitialEventsEndBookmark(object); err != nil {
			return w.failed(err)
		}
	}
	return watch.Event{Type: watch.Bookmark, Object: object}
}

func (w *watcher) failed(err error) watch.Event {
	w.logger.Error(err, "A watch ends")
	return watch.Event{Type: watch.Error, Object: &apierrors.NewInternalError(err).ErrStatus}
}

// statusOf is what the cluster said when it ended a watch.
func statusOf(object runtime.Object) runtime.Object {
	if status, ok := object.(*metav1.Status); ok {
		return status
	}
	return &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError,
		Message: fmt.Sprintf("the cluster ended the watch with %T", object),
	}
}
