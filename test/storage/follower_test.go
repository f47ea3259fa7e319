// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// told is an event as a watcher got it.
type told struct {
	kind    watch.EventType
	version int64
	name    string
	uid     types.UID
	count   int64
}

// follower watches one server and, when that ends, goes on with the other, from where
// it was.
type follower struct {
	trial *trial
	next  int

	began  chan struct{}
	mu     sync.Mutex
	events []told
}

func newFollower(tr *trial, first int) *follower {
	return &follower{trial: tr, next: first, began: make(chan struct{})}
}

// begun returns when the follower knows from where on it is told everything.
func (f *follower) begun(ctx context.Context) {
	select {
	case <-f.began:
	case <-ctx.Done():
	}
}

// follow begins before there is anything.
func (f *follower) follow(ctx context.Context) {
	version := ""
	for ctx.Err() == nil && !f.trial.t.Failed() {
		client := f.trial.clients[f.next%len(f.trial.clients)]
		f.next++
		if version == "" {
			if list, err := client.List(ctx, metav1.ListOptions{}); err == nil {
				version = list.ResourceVersion
				close(f.began)
			}
			continue
		}
		watching, err := client.Watch(ctx, metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			pause(ctx)
			continue
		}
		version = f.take(watching, version)
		watching.Stop()
		pause(ctx)
	}
}

// pause leaves a server that is starting a moment.
func pause(ctx context.Context) {
	select {
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
	}
}

// take writes down what a watch tells until it ends, and returns the last version.
func (f *follower) take(watching watch.Interface, version string) string {
	for event := range watching.ResultChan() {
		object, ok := event.Object.(*v1alpha1.VMDistributedCluster)
		if !ok {
			f.trial.t.Logf("a watch from version %s ends with %s: %v", version, event.Type, event.Object)
			if status, is := event.Object.(*metav1.Status); is && status.Reason == metav1.StatusReasonExpired {
				f.trial.t.Errorf("the past from version %s on is not told any more", version)
			}
			return version
		}
		version = object.ResourceVersion
		number, err := strconv.ParseInt(version, 10, 64)
		if err != nil {
			f.trial.t.Errorf("the version %q of %s is no number", version, object.Name)
			return version
		}
		f.mu.Lock()
		f.events = append(f.events, told{event.Type, number, object.Name, object.UID, countOf(object)})
		f.mu.Unlock()
	}
	return version
}

func (f *follower) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// until returns when an object has been seen.
func (f *follower) until(name string) {
	err := wait.PollUntilContextTimeout(f.trial.t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.ContainsFunc(f.events, func(e told) bool { return e.name == name }), nil
	})
	if err != nil {
		f.trial.t.Errorf("the last object was never told of: %v", err)
	}
}

// check holds the events against what writers know.
func (f *follower) check(all []*object) {
	t := f.trial.t
	t.Helper()
	byLife := map[types.UID][]told{}
	before := int64(0)
	for _, e := range f.events {
		if e.version <= before {
			t.Errorf("%s of %s has version %d, and came after %d", e.kind, e.name, e.version, before)
		}
		before = e.version
		byLife[e.uid] = append(byLife[e.uid], e)
	}
	for _, o := range all {
		for _, l := range o.lives {
			f.checkLife(o.name, l, byLife[l.uid])
			delete(byLife, l.uid)
		}
	}
	for uid, events := range byLife {
		// A creation that was not answered, and of which nothing was found when the
		// writer looked.
		if name := events[0].name; name != "last" {
			t.Logf("%s lived as %s without its writer having been told: %v", name, uid, events)
		}
	}
}

// checkLife: it begins and ends once, counts rise, and none that was answered is
// missing.
func (f *follower) checkLife(name string, l *life, events []told) {
	t := f.trial.t
	t.Helper()
	if len(events) == 0 || events[0].kind != watch.Added {
		t.Errorf("%s as %s does not begin with ADDED: %v", name, l.uid, events)
		return
	}
	seen := map[int64]bool{}
	count := int64(0)
	for i, e := range events {
		last := i == len(events)-1
		if (e.kind == watch.Added) != (i == 0) || (e.kind == watch.Deleted) != (l.deleted && last) {
			t.Errorf("%s as %s: event %d of %d is %s", name, l.uid, i, len(events), e.kind)
		}
		if e.count < count {
			t.Errorf("%s as %s: count %d comes after %d", name, l.uid, e.count, count)
		}
		count, seen[e.count] = e.count, true
	}
	for _, answered := range l.answered {
		if !seen[answered] {
			t.Errorf("%s as %s: the write of %d was answered, and no watcher told", name, l.uid, answered)
		}
		delete(seen, answered)
	}
	for rest := range seen {
		if !l.tried[rest] {
			t.Errorf("%s as %s: count %d was never written", name, l.uid, rest)
		}
	}
}
