// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/clock"
)

// kept is a store in memory.
type kept struct {
	id   string
	full bool
}

func (*kept) Kind() string                           { return "kept" }
func (*kept) String() string                         { return "the store" }
func (k *kept) ID(context.Context) (string, error)   { return k.id, nil }
func (k *kept) Name(context.Context) (string, error) { return k.id, nil }
func (k *kept) Empty(context.Context) (bool, error)  { return !k.full, nil }
func (*kept) Close() error                           { return nil }

// TestStoreIsServedThatTheClusterKnows goes through what the ConfigMap may say.
func TestStoreIsServedThatTheClusterKnows(t *testing.T) {
	for name, c := range map[string]struct {
		known  map[string]string // nil: there is no ConfigMap
		accept string
		full   bool
		marked string
		// refused is a part of the refusal, "" where the store is served, and id what is
		// remembered then.
		refused, id string
	}{
		"first start":                           {id: "new"},
		"first start with what is in the store": {full: true, marked: "VMCluster a/b", id: "new"},
		"empty beside marks":                    {marked: "VMCluster a/b", refused: "VMCluster a/b carries the mark"},
		"empty beside marks, accepted":          {known: map[string]string{}, accept: "new", marked: "VMCluster a/b", id: "new"},
		"the same":                              {known: map[string]string{"id": "new"}, marked: "VMCluster a/b", id: "new"},
		"another":                               {known: map[string]string{"id": "old", "kind": "kept"}, full: true, refused: AcceptAnnotation + "=new", id: "old"},
		"of another kind":                       {known: map[string]string{"id": "old", "kind": "host"}, full: true, refused: "from one kind of store to another", id: "old"},
		"another, accepted":                     {known: map[string]string{"id": "old"}, accept: "new", id: "new"},
		"another, where a third was accepted":   {known: map[string]string{"id": "old"}, accept: "third", refused: `names "third"`, id: "old"},
		"the same, where a third was accepted":  {known: map[string]string{"id": "new"}, accept: "third", id: "new"},
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
				Store: &kept{"new", c.full}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
				Marks: func(context.Context) (string, error) { return c.marked, nil }, Changed: func(err error) { t.Error(err) },
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
			if found.Data["id"] != c.id {
				t.Errorf("remembers %v, want %q", found.Data, c.id)
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
	store, changed := &kept{id: "a", full: true}, make(chan error, 1)
	guard := New(Config{
		Store: store, ConfigMaps: fake.NewClientset().CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: func(context.Context) (string, error) { return "", nil }, Changed: func(err error) { changed <- err },
	})
	guard.look(t.Context())
	if err := guard.Verify(t.Context()); err != nil {
		t.Fatal(err)
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
}

// TestDeletedMemoryComesBackFromARunningServer, since its store is the one it was.
func TestDeletedMemoryComesBackFromARunningServer(t *testing.T) {
	client := fake.NewClientset()
	guard := New(Config{
		Store: &kept{id: "a"}, ConfigMaps: client.CoreV1(), Namespace: "ours", Clock: clock.RealClock{},
		Marks: func(context.Context) (string, error) { return "", nil }, Changed: func(err error) { t.Error(err) },
	})
	guard.look(t.Context())
	guard.marks = func(context.Context) (string, error) { return "VMCluster a/b", nil }
	if err := client.CoreV1().ConfigMaps("ours").Delete(t.Context(), ConfigMap, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	guard.look(t.Context())
	found, err := client.CoreV1().ConfigMaps("ours").Get(t.Context(), ConfigMap, metav1.GetOptions{})
	if err != nil || found.Data["id"] != "a" || guard.Admitted() != nil {
		t.Errorf("remembers %v (%v), refused with %v", found.Data, err, guard.Admitted())
	}
}
