// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/component-base/metrics"
	metricstestutil "k8s.io/component-base/metrics/testutil"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// kept is a store in memory.
type kept struct {
	id string
	// holds are the names of its objects, all in the namespace a.
	holds   []string
	leaving bool
}

func (*kept) Kind() string   { return "kept" }
func (*kept) String() string { return "the store" }
func (k *kept) ID(context.Context) (string, bool, error) {
	return k.id, k.leaving, nil
}
func (k *kept) Name(context.Context) (string, error) { return k.id, nil }
func (k *kept) Empty(context.Context) (bool, error)  { return len(k.holds) == 0, nil }
func (*kept) Close() error                           { return nil }
func (k *kept) Has(_ context.Context, object types.NamespacedName) (bool, error) {
	return object.Namespace == "a" && slices.Contains(k.holds, object.Name), nil
}

// marked are marks of VMDistributedClusters in the namespace a, and one that names none
// where there is any.
func marked(owners ...string) func(context.Context) ([]Mark, error) {
	var marks []Mark
	for _, owner := range owners {
		marks = append(marks, Mark{On: "VMUser a/u"}, Mark{On: "VMCluster a/c", Owner: types.NamespacedName{Namespace: "a", Name: owner}})
	}
	return func(context.Context) ([]Mark, error) { return marks, nil }
}

// TestStoreIsServedThatTheClusterKnows goes through what the ConfigMap may say.
func TestStoreIsServedThatTheClusterKnows(t *testing.T) {
	for name, c := range map[string]struct {
		known  map[string]string // nil: there is no ConfigMap
		accept string
		holds  []string
		marked []string
		// refused is a part of the refusal, "" where the store is served, and id what is
		// remembered then, empty whether the store was accepted as an empty one.
		refused, id string
		empty       bool
	}{
		"first start":                           {id: "new"},
		"first start with what is in the store": {holds: []string{"x", "y"}, marked: []string{"x"}, id: "new"},
		"first start without what has left marks": {
			holds: []string{"x"}, marked: []string{"x", "y"}, refused: "has no VMDistributedCluster a/y, whose mark VMCluster a/c carries",
		},
		"the same, accepted":                   {known: map[string]string{}, accept: "new", holds: []string{"x"}, marked: []string{"y"}, id: "new"},
		"empty beside marks":                   {marked: []string{"x"}, refused: "is empty, and VMUser a/u carries the mark"},
		"empty beside marks, accepted":         {known: map[string]string{}, accept: "new", marked: []string{"x"}, id: "new", empty: true},
		"the same":                             {known: map[string]string{"id": "new"}, holds: []string{"x"}, marked: []string{"x"}, id: "new"},
		"the same, empty":                      {known: map[string]string{"id": "new"}, id: "new"},
		"the same, with less than left marks":  {known: map[string]string{"id": "new"}, holds: []string{"x"}, marked: []string{"x", "y"}, id: "new"},
		"the same, emptied":                    {known: map[string]string{"id": "new"}, marked: []string{"x"}, refused: "is empty, and VMCluster a/c carries the mark of VMDistributedCluster a/x", id: "new"},
		"the same, emptied and accepted":       {known: map[string]string{"id": "new"}, accept: "new", marked: []string{"x"}, id: "new", empty: true},
		"the same, emptied, another accepted":  {known: map[string]string{"id": "new"}, accept: "third", marked: []string{"x"}, refused: "Restore what it held", id: "new"},
		"the same, accepted as empty before":   {known: map[string]string{"id": "new", "empty": "accepted"}, marked: []string{"x"}, id: "new", empty: true},
		"the same, filled since":               {known: map[string]string{"id": "new", "empty": "accepted"}, holds: []string{"x"}, marked: []string{"x"}, id: "new"},
		"the same, accepted for nothing":       {known: map[string]string{"id": "new"}, accept: "new", holds: []string{"x"}, marked: []string{"x"}, id: "new"},
		"another, empty and accepted":          {known: map[string]string{"id": "old"}, accept: "new", marked: []string{"x"}, id: "new", refused: "takes the place of another one", empty: true},
		"another":                              {known: map[string]string{"id": "old", "kind": "kept"}, holds: []string{"x"}, refused: AcceptAnnotation + "=new", id: "old"},
		"of another kind":                      {known: map[string]string{"id": "old", "kind": "host"}, holds: []string{"x"}, refused: "from one kind of store to another", id: "old"},
		"another, where a third was accepted":  {known: map[string]string{"id": "old"}, accept: "third", refused: `names "third"`, id: "old"},
		"the same, where a third was accepted": {known: map[string]string{"id": "new"}, accept: "third", id: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			if c.known != nil {
				annotations := map[string]string{}
				if c.accept != "" {
					annotations[AcceptAnnotation] = c.accept
				}
				if _, err := client.CoreV1().ConfigMaps("ours").Create(t.Context(), &corev1.ConfigMap{
					ObjectMeta: metav1.ObjectMeta{Name: ConfigMap, Annotations: annotations}, Data: c.known,
				}, metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			guard := New(Config{
				Store: &kept{id: "new", holds: c.holds}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
				Marks: marked(c.marked...), Changed: func(err error) { t.Error(err) },
			})
			if guard.Admitted() == nil {
				t.Error("served before it was looked at")
			}
			guard.look(t.Context())
			err := guard.Admitted()
			if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("refused with %v, want %q", err, c.refused)
			}
			found, err := client.CoreV1().ConfigMaps("ours").Get(t.Context(), ConfigMap, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if found.Data["id"] != c.id || (found.Data["empty"] != "") != c.empty {
				t.Errorf("remembers %v, want %q, and that it was empty: %v", found.Data, c.id, c.empty)
			}
			if found.Annotations[AcceptAnnotation] == "new" {
				t.Error("the word is there after it was heeded")
			}
		})
	}
}

// TestStoreThatChangesIsShut, at once for whoever asks the store, and at the next look
// for all, work included.
func TestStoreThatChangesIsShut(t *testing.T) {
	store, changed := &kept{id: "a", holds: []string{"x"}}, make(chan error, 1)
	guard := New(Config{
		Store: store, ConfigMaps: fake.NewClientset().CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: marked(), Changed: func(err error) { changed <- err },
	})
	for _, metric := range guard.Metrics() {
		metrics.NewKubeRegistry().MustRegister(metric)
	}
	guard.look(t.Context())
	if err := guard.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, guard, 0)
	store.leaving = true
	if guard.Verify(t.Context()) != nil || guard.VerifyAbsence(t.Context()) == nil {
		t.Error("what is leaving has what there is, and can't say what there is not")
	}
	store.leaving = false
	if err := guard.VerifyAbsence(t.Context()); err != nil {
		t.Error(err)
	}
	admission, err := guard.Admission()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	working, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- guard.While(ctx, func(ctx context.Context) error {
			close(working)
			<-ctx.Done()
			return errors.New("the work has ended")
		})
	}()
	<-working
	store.id = "b"
	if guard.Verify(t.Context()) == nil {
		t.Error("verified, though it is another one")
	}
	guard.look(t.Context())
	<-admission.Done()
	if err := <-ended; err == nil || ctx.Err() != nil {
		t.Errorf("the work went on until %v", ctx.Err())
	}
	if guard.Admitted() == nil || <-changed == nil {
		t.Error("another store is served")
	}
	wantRefused(t, guard, 1)
}

func wantRefused(t *testing.T, guard *Guard, want float64) {
	t.Helper()
	if got, err := metricstestutil.GetGaugeMetricValue(guard.refused); err != nil || got != want {
		t.Errorf("the metric says %v (%v), want %v", got, err, want)
	}
}

// TestAcceptedStoreIsServedWhenNobodyCanAnswerFromTheFormer: who has that looks again in a
// while. It goes by the process's own clock where that of who accepted is ahead.
func TestAcceptedStoreIsServedWhenNobodyCanAnswerFromTheFormer(t *testing.T) {
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, ahead := range map[string]time.Duration{"as the clock says": 0, "where it is ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			client, clock := fake.NewClientset(), clocktesting.NewFakeClock(now.Add(ahead))
			guard := func() *Guard {
				return New(Config{
					Store: &kept{id: "new"}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock,
					Marks: marked(), Changed: func(err error) { t.Error(err) },
				})
			}
			if _, err := client.CoreV1().ConfigMaps("ours").Create(t.Context(), &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Name: ConfigMap, Annotations: map[string]string{AcceptAnnotation: "new"}}, Data: map[string]string{"id": "old"},
			}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			first := guard()
			first.look(t.Context())
			clock.SetTime(now)
			second := guard()
			for range 2 {
				for who, each := range map[string]*Guard{"who accepted": first, "who begins anew": second} {
					each.look(t.Context())
					if each.Admitted() == nil {
						t.Errorf("%s answers after %s", who, clock.Since(now))
					}
				}
				clock.Step(handover - time.Second)
			}
			clock.Step(time.Second)
			for _, each := range []*Guard{first, second, guard()} {
				if each.look(t.Context()); ahead == 0 && each.Admitted() != nil {
					t.Errorf("refused in the end: %v", each.Admitted())
				}
			}
			if second.look(t.Context()); second.Admitted() != nil {
				t.Errorf("refused in the end: %v", second.Admitted())
			}
		})
	}
}

// TestDeletedMemoryComesBackFromARunningServer, since its store is the one it was.
func TestDeletedMemoryComesBackFromARunningServer(t *testing.T) {
	client := fake.NewClientset()
	guard := New(Config{
		Store: &kept{id: "a"}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: marked(), Changed: func(err error) { t.Error(err) },
	})
	guard.look(t.Context())
	guard.marks = marked("x")
	if err := client.CoreV1().ConfigMaps("ours").Delete(t.Context(), ConfigMap, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	guard.look(t.Context())
	found, err := client.CoreV1().ConfigMaps("ours").Get(t.Context(), ConfigMap, metav1.GetOptions{})
	if err != nil || found.Data["id"] != "a" || guard.Admitted() != nil {
		t.Errorf("remembers %v (%v), refused with %v", found.Data, err, guard.Admitted())
	}
}

// TestMemoryThatAnotherReplicaMadeIsRead, between our look at it and our making it.
func TestMemoryThatAnotherReplicaMadeIsRead(t *testing.T) {
	client, asked := fake.NewClientset(), false
	if _, err := client.CoreV1().ConfigMaps("ours").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: ConfigMap}, Data: map[string]string{"id": "a"},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		first := !asked
		asked = true
		return first, nil, apierrors.NewNotFound(corev1.Resource("configmaps"), ConfigMap)
	})
	guard := New(Config{
		Store: &kept{id: "a"}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: marked(), Changed: func(err error) { t.Error(err) },
	})
	if guard.look(t.Context()); guard.Admitted() != nil {
		t.Errorf("refused with %v", guard.Admitted())
	}
}

// TestStoreEmptiedUnderAServerThatServesIsServed: it saw the objects go one by one, and has
// said so. The next process has not.
func TestStoreEmptiedUnderAServerThatServesIsServed(t *testing.T) {
	client, store := fake.NewClientset(), &kept{id: "a", holds: []string{"x"}}
	guard := func() *Guard {
		return New(Config{
			Store: store, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
			Marks: marked("x"), Changed: func(err error) { t.Error(err) },
		})
	}
	serving := guard()
	serving.look(t.Context())
	store.holds = nil
	if serving.look(t.Context()); serving.Admitted() != nil {
		t.Errorf("refused while it is served: %v", serving.Admitted())
	}
	next := guard()
	if next.look(t.Context()); next.Admitted() == nil {
		t.Error("served by a process that began when it was empty")
	}

	// It is let in when what left the mark is there again, with no word of anybody.
	store.holds = []string{"x"}
	if next.look(t.Context()); next.Admitted() != nil {
		t.Errorf("refused though it holds again what it held: %v", next.Admitted())
	}
}

// TestStoreAcceptedAsEmptyHasToBeAcceptedAgainOnceItHeldSomething.
func TestStoreAcceptedAsEmptyHasToBeAcceptedAgainOnceItHeldSomething(t *testing.T) {
	client, store := fake.NewClientset(), &kept{id: "a"}
	if _, err := client.CoreV1().ConfigMaps("ours").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: ConfigMap, Annotations: map[string]string{AcceptAnnotation: "a"}}, Data: map[string]string{"id": "a"},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	look := func(guard *Guard, want bool) {
		t.Helper()
		if guard.look(t.Context()); (guard.Admitted() == nil) != want {
			t.Errorf("served %v (%v), want %v", guard.Admitted() == nil, guard.Admitted(), want)
		}
	}
	guard := func() *Guard {
		return New(Config{
			Store: store, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
			Marks: marked("x"), Changed: func(err error) { t.Error(err) },
		})
	}
	serving := guard()
	look(serving, true)
	look(guard(), true)
	store.holds = []string{"x"}
	look(serving, true)
	store.holds = nil
	look(guard(), false)
}
