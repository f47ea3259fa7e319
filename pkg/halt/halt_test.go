// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package halt

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

func configMap(namespace, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
}

func TestTheSwitchIsOneConfigMapInOneNamespace(t *testing.T) {
	is := &rollout.Halt{Switch: "ConfigMap ns/vmdistributed-halt"}
	long := strings.Repeat("x", maxReason+1)
	for name, c := range map[string]struct {
		there *corev1.ConfigMap
		want  *rollout.Halt
	}{
		"another name":        {configMap("ns", "halt", nil), nil},
		"another namespace":   {configMap("other", Name, nil), nil},
		"without a reason":    {configMap("ns", Name, nil), is},
		"with a reason":       {configMap("ns", Name, map[string]string{"reason": "an incident"}), &rollout.Halt{Switch: is.Switch, Reason: "an incident"}},
		"with a long reason":  {configMap("ns", Name, map[string]string{"reason": long}), &rollout.Halt{Switch: is.Switch, Reason: long[:maxReason] + "..."}},
		"with something else": {configMap("ns", Name, map[string]string{"until": "noon"}), is},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := New(fake.NewClientset(c.there), "ns").Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("read %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestASwitchThatMayNotBeReadCountsAsAHalt, and one that could not be read just now
// as nothing at all: deadlines would begin anew with every request that gets lost.
func TestASwitchThatMayNotBeReadCountsAsAHalt(t *testing.T) {
	maps := schema.GroupResource{Resource: "configmaps"}
	for name, c := range map[string]struct {
		err   error
		halts bool
	}{
		"no right":       {apierrors.NewForbidden(maps, Name, errors.New("no right")), true},
		"nobody known":   {apierrors.NewUnauthorized("who is that"), true},
		"no answer":      {errors.New("connection refused"), false},
		"no time":        {apierrors.NewTimeoutError("too slow", 1), false},
		"no time for us": {apierrors.NewTooManyRequests("busy", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, c.err })
			got, err := New(client, "ns").Read(t.Context())
			if (got != nil) != c.halts || (err == nil) != c.halts {
				t.Errorf("read %+v and %v", got, err)
			}
			if got != nil && got.Unknown != c.err.Error() {
				t.Errorf("told is %q, want %q", got.Unknown, c.err)
			}
			if err != nil && (!errors.Is(err, c.err) || !strings.Contains(err.Error(), "ConfigMap ns/vmdistributed-halt")) {
				t.Errorf("failed with %v", err)
			}
		})
	}
}

func TestTheWatchTellsWhenTheSwitchComesAndGoes(t *testing.T) {
	client := fake.NewClientset()
	// What happens between the list and the watch, a fake forgets.
	watching := make(chan struct{})
	var once sync.Once
	client.PrependWatchReactor("configmaps", func(action clienttesting.Action) (bool, watch.Interface, error) {
		w, err := client.Tracker().Watch(action.GetResource(), action.GetNamespace())
		if options := action.(clienttesting.WatchActionImpl).ListOptions; options.SendInitialEvents == nil {
			once.Do(func() { close(watching) })
		}
		return true, w, err
	})
	s := New(client, "ns")
	changed := make(chan struct{})
	if _, err := s.OnChange(func() { changed <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-watching
	maps := client.CoreV1().ConfigMaps("ns")
	made, err := maps.Create(t.Context(), configMap("ns", Name, map[string]string{"reason": "first"}), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-changed
	if got := s.Known(t.Context()); got == nil || got.Reason != "first" {
		t.Errorf("knows of %+v", got)
	}
	made.Data["reason"] = "second"
	if _, err = maps.Update(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	<-changed
	if got := s.Known(t.Context()); got == nil || got.Reason != "second" {
		t.Errorf("knows of %+v", got)
	}
	if err := maps.Delete(t.Context(), Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	<-changed
	if got := s.Known(t.Context()); got != nil {
		t.Errorf("knows of %+v, which is gone", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
