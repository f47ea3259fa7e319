// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
)

// TestEachRefusalIsToldOnceAndItsEndToo, about the ConfigMap, as what it is to whoever
// looks: a server that has only begun, or that the cluster does not answer, has refused
// nothing.
func TestEachRefusalIsToldOnceAndItsEndToo(t *testing.T) {
	client := fake.NewClientset(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ours", Name: ConfigMap, UID: "uid"}, Data: map[string]string{"id": "old", "kind": "kept"},
	})
	written, err := client.CoreV1().Events("ours").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	teller := NewTeller(client.CoreV1(), "ours", corev1.EventSource{Component: "server", Host: "pod"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- teller.Run(ctx) }()
	store := &kept{id: "new"}
	guard := New(Config{
		Store: store, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: marked(), Changed: func(err error) { t.Error(err) }, Tell: teller.Tell,
	})
	for range 3 {
		guard.look(t.Context())
		teller.Tell(errors.New("the cluster does not answer"))
		teller.Tell(guard.Admitted())
	}
	refusal := guard.Admitted().Error()
	remember(t, client, "new")
	guard.look(t.Context())
	guard.look(t.Context())
	store.id, guard.began = "newer", ""
	guard.look(t.Context())
	for i, want := range []corev1.Event{
		{Type: corev1.EventTypeWarning, Reason: ReasonRefused, Message: refusal},
		{Type: corev1.EventTypeNormal, Reason: ReasonServed},
		{Type: corev1.EventTypeWarning, Reason: ReasonRefused, Message: guard.Admitted().Error()},
	} {
		event := nextEvent(t, written)
		if event.Type != want.Type || event.Reason != want.Reason || want.Message != "" && event.Message != want.Message {
			t.Errorf("event %d says %s %s: %s, want %s %s: %s", i, event.Type, event.Reason, event.Message, want.Type, want.Reason, want.Message)
		}
		if about := event.InvolvedObject; about.Kind != "ConfigMap" || about.Name != ConfigMap || about.Namespace != "ours" || about.UID != "uid" {
			t.Errorf("event %d is about %v", i, about)
		}
		if event.Source.Host != "pod" || event.Count != 1 {
			t.Errorf("event %d is of %v and counts %d", i, event.Source, event.Count)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(written.ResultChan()) > 0 {
		t.Errorf("also told: %v", nextEvent(t, written))
	}
}

// TestWhatTheClusterDidNotTakeIsToldOnceItDoes: the ConfigMap could not be read, then its
// etcd was slow, and then it wrote the event and did not say so.
func TestWhatTheClusterDidNotTakeIsToldOnceItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ours", Name: ConfigMap, UID: "uid"}})
		written, err := client.CoreV1().Events("ours").Watch(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		slow, reads, writes := apierrors.NewTimeoutError("etcdserver: request timed out", 1), 0, 0
		client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
			reads++
			return reads == 1, nil, slow
		})
		client.PrependReactor("create", "events", func(action clienttesting.Action) (bool, runtime.Object, error) {
			if writes++; writes == 2 {
				event := action.(clienttesting.CreateAction).GetObject().DeepCopyObject()
				if err := client.Tracker().Create(corev1.SchemeGroupVersion.WithResource("events"), event, "ours"); err != nil {
					t.Error(err)
				}
			}
			return writes <= 2, nil, slow
		})
		teller := NewTeller(client.CoreV1(), "ours", corev1.EventSource{})
		go func() { _ = teller.Run(t.Context()) }()
		teller.Tell(&Refusal{Message: "another store"})
		teller.Tell(nil)
		for _, want := range []string{ReasonRefused, ReasonServed} {
			event := nextEvent(t, written)
			if event.Reason != want || event.InvolvedObject.UID != "uid" {
				t.Errorf("told %s about %q, want %s about \"uid\"", event.Reason, event.InvolvedObject.UID, want)
			}
		}
		synctest.Wait()
		if len(written.ResultChan()) > 0 {
			t.Errorf("also told: %v", nextEvent(t, written))
		}
	})
}

// TestTheLatestIsKeptForAClusterThatTakesNoEvents, and not what has long been over.
func TestTheLatestIsKeptForAClusterThatTakesNoEvents(t *testing.T) {
	teller := NewTeller(fake.NewClientset().CoreV1(), "ours", corev1.EventSource{})
	for range 2 * unheard {
		teller.Tell(&Refusal{Message: "another store"})
	}
	teller.Tell(nil)
	var last error
	for range unheard {
		last = <-teller.found
	}
	if last != nil || len(teller.found) > 0 {
		t.Errorf("the last that is kept is %v, and %d more are", last, len(teller.found))
	}
}

// TestAStoreThatIsTakenAwayIsToldOnce, by each process: it is served until it holds nothing.
func TestAStoreThatIsTakenAwayIsToldOnce(t *testing.T) {
	store, told := &kept{id: "a"}, []error{}
	guard := New(Config{
		Store: store, ConfigMaps: fake.NewClientset().CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: marked(), Changed: func(err error) { t.Error(err) }, Tell: func(err error) { told = append(told, err) },
	})
	guard.look(t.Context())
	store.leaving = true
	guard.look(t.Context())
	guard.look(t.Context())
	if len(told) != 2 || told[0] != nil || !errors.As(told[1], new(*Leaving)) || guard.Admitted() != nil {
		t.Fatalf("told %v, want that it is served, and that it is being taken away", told)
	}
	_, teller, written := telling(t)
	teller.Tell(told[1])
	if event := nextEvent(t, written); event.Reason != ReasonLeaving || event.Type != corev1.EventTypeWarning || event.Message != told[1].Error() {
		t.Errorf("told %s %s: %s", event.Type, event.Reason, event.Message)
	}
}

// TestAStoreThatIsWellFromTheStartMakesNoEvent: every start of a replica would.
func TestAStoreThatIsWellFromTheStartMakesNoEvent(t *testing.T) {
	client, teller, written := telling(t)
	guard := New(Config{
		Store: &kept{id: "a"}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: marked(), Changed: func(err error) { t.Error(err) }, Tell: teller.Tell,
	})
	guard.look(t.Context())
	teller.Tell(&Refusal{Message: "the end of the test"})
	if event := nextEvent(t, written); event.Message != "the end of the test" {
		t.Errorf("told %s: %s", event.Reason, event.Message)
	}
}

// telling runs a Teller in a cluster, and returns what it writes.
func telling(t *testing.T) (*fake.Clientset, *Teller, watch.Interface) {
	t.Helper()
	client := fake.NewClientset()
	teller := NewTeller(client.CoreV1(), "ours", corev1.EventSource{})
	written, err := client.CoreV1().Events("ours").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = teller.Run(t.Context()) }()
	return client, teller, written
}

// remember has the cluster know a store.
func remember(t *testing.T, client *fake.Clientset, id string) {
	t.Helper()
	known, err := client.CoreV1().ConfigMaps("ours").Get(t.Context(), ConfigMap, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	known.Data["id"] = id
	if _, err := client.CoreV1().ConfigMaps("ours").Update(t.Context(), known, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func nextEvent(t *testing.T, written watch.Interface) *corev1.Event {
	t.Helper()
	next, open := <-written.ResultChan()
	event, is := next.Object.(*corev1.Event)
	if !open || !is || next.Type != watch.Added {
		t.Fatalf("no event, but %v", next)
	}
	return event
}
