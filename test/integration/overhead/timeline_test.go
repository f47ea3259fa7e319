// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// The kinds of moment. Those of others are what a rollout waits for, ours are what
// it does about it.
const (
	changed = "the user's change"          // of others
	applied = "VMUser applied"             // of others
	healthy = "VMCluster healthy"          // of others
	drained = "VMUser drained"             // ours
	written = "VMCluster written"          // ours
	restore = "VMUser restored"            // ours
	ready   = "VMDistributedCluster Ready" // ours
)

// moment is when the benchmark's own watch has seen something.
type moment struct {
	at   time.Time
	what string
}

// timeline is what the watches have seen, in the order in which it came.
type timeline struct {
	mutex   sync.Mutex
	moments []moment
	// seen are the last generations that were written and finished, by object.
	writes, finished map[string]int64
}

func newTimeline() *timeline {
	return &timeline{writes: map[string]int64{}, finished: map[string]int64{}}
}

func (l *timeline) note(what string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.moments = append(l.moments, moment{time.Now(), what})
}

// take returns the moments so far, and forgets them.
func (l *timeline) take() []moment {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	taken := l.moments
	l.moments = nil
	return taken
}

// follow watches VMUsers and VMClusters until the benchmark is over.
func (l *timeline) follow(b *testing.B, s *site) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var watches sync.WaitGroup
	b.Cleanup(func() { cancel(); watches.Wait() })
	for plural, notice := range map[string]func(*unstructured.Unstructured){"vmusers": l.user, "vmclusters": l.cluster} {
		resources := s.objects.Resource(resource(plural)).Namespace(namespace)
		list, err := resources.List(ctx, metav1.ListOptions{})
		must(b, err)
		for i := range list.Items {
			notice(&list.Items[i])
		}
		w, err := resources.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		must(b, err)
		watches.Go(func() { deliver(w, notice) })
	}
	l.take()
}

func deliver(w watch.Interface, notice func(*unstructured.Unstructured)) {
	for event := range w.ResultChan() {
		if object, is := event.Object.(*unstructured.Unstructured); is {
			notice(object)
		}
	}
}

// user notices a drain, a restoration, and that the VMAuth has taken it up.
func (l *timeline) user(user *unstructured.Unstructured) {
	if l.first(l.writes, user) {
		what := restore
		for key := range user.GetAnnotations() {
			if strings.HasPrefix(key, "distributed.victoriametrics.com/drain.") {
				what = drained
			}
		}
		l.note(what)
	}
	if finishedBy(user) && l.first(l.finished, user) {
		l.note(applied)
	}
}

// cluster notices an update, and that the operator has finished with it, which
// it says after the workloads do.
func (l *timeline) cluster(cluster *unstructured.Unstructured) {
	if l.first(l.writes, cluster) {
		l.note(written)
	}
	if finishedBy(cluster) && l.first(l.finished, cluster) {
		l.note(healthy)
	}
}

func (l *timeline) first(of map[string]int64, object *unstructured.Unstructured) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	key, generation := object.GetKind()+"/"+object.GetName(), object.GetGeneration()
	is := of[key] < generation
	of[key] = generation
	return is
}

func finishedBy(object *unstructured.Unstructured) bool {
	status, _, _ := unstructured.NestedString(object.Object, "status", "updateStatus")
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	return status == "operational" && observed == object.GetGeneration()
}

// quiet is for how long no read may have come in before a zone is written: a wait
// by choice.
const quiet = 2 * time.Second

// overheads are the times that were ours, for each zone update: of every moment
// of ours, the time since the last one of others, less what is waited by choice.
// What follows the last zone of a rollout counts as that zone's.
func overheads(moments []moment) (each []time.Duration, parts map[string][]time.Duration, err error) {
	parts = map[string][]time.Duration{}
	var last moment
	for _, m := range moments {
		switch m.what {
		case changed, applied, healthy:
			last = m
			continue
		case drained:
			each = append(each, 0)
		}
		if len(each) == 0 || last.what == "" {
			return nil, nil, fmt.Errorf("%s before a drain", m.what)
		}
		took := m.at.Sub(last.at)
		if m.what == written {
			took -= quiet
		}
		each[len(each)-1] += took
		step := last.what + " -> " + m.what
		parts[step] = append(parts[step], took)
	}
	return each, parts, nil
}
