// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package aborts

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

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

var (
	one     = types.NamespacedName{Namespace: "here", Name: "one"}
	another = types.NamespacedName{Namespace: "here", Name: "another"}
	at      = metav1.NewTime(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Local())
)

func undone(revision, to string) vmdistributed.Word {
	return vmdistributed.Word{Verb: vmdistributed.WordUndo, Revision: revision, To: to, By: "ann", At: at, Reason: "errors"}
}

func aborted(revision, reason string) vmdistributed.Word {
	return vmdistributed.Word{Verb: vmdistributed.WordAbort, Revision: revision, By: "ann", At: at, Reason: reason}
}

func saying(words ...vmdistributed.Word) func(context.Context) ([]vmdistributed.Word, error) {
	return func(context.Context) ([]vmdistributed.Word, error) { return words, nil }
}

func keep(t *testing.T, m *Memory, object types.NamespacedName, words ...vmdistributed.Word) {
	t.Helper()
	if err := m.Keep(t.Context(), object, saying(words...)); err != nil {
		t.Fatal(err)
	}
}

func expectRecalled(t *testing.T, m *Memory, object types.NamespacedName, want ...vmdistributed.Word) {
	t.Helper()
	got, err := m.Recall(t.Context(), object)
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b vmdistributed.Word) bool {
		sameTime := a.At.Equal(&b.At)
		a.At, b.At = metav1.Time{}, metav1.Time{}
		return sameTime && a == b
	}
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("of %s is remembered %v, want %v", object, got, want)
	}
}

func TestWhatWasUndoneIsRememberedWithWhereItLedTo(t *testing.T) {
	m := New(fake.NewClientset().CoreV1(), "system")
	keep(t, m, one, aborted("bad", "why"), undone("worse", "good"), vmdistributed.Word{Verb: vmdistributed.WordRetry, Revision: "worse"})
	expectRecalled(t, m, one, aborted("bad", "why"), undone("worse", "good"))
	keep(t, m, one)
	expectRecalled(t, m, one)
}

func TestWhatWasSkippedIsRememberedWithItsZone(t *testing.T) {
	m := New(fake.NewClientset().CoreV1(), "ns")
	skipped := vmdistributed.Word{Verb: vmdistributed.WordSkip, Zone: "zone-b", Revision: "1", By: "ann", At: at, Reason: "its disks"}
	keep(t, m, one, skipped, aborted("2", ""), vmdistributed.Word{Verb: vmdistributed.WordPromote, Zone: "zone-a", Revision: "1"})
	expectRecalled(t, m, one, skipped, aborted("2", ""))
}

func TestARestartIsRememberedSoThatNothingIsRestartedOnceMore(t *testing.T) {
	m := New(fake.NewClientset().CoreV1(), "ns")
	again := vmdistributed.Word{Verb: vmdistributed.WordRestart, Revision: "1", By: "ann", At: at, Reason: "a certificate"}
	keep(t, m, one, again, aborted("2", ""))
	expectRecalled(t, m, one, again, aborted("2", ""))
}

func TestWhatWasCalledOffIsRememberedByObject(t *testing.T) {
	m := New(fake.NewClientset().CoreV1(), "ns")
	expectRecalled(t, m, one)
	keep(t, m, one, aborted("1", "errors"), vmdistributed.Word{Verb: vmdistributed.WordPromote, Zone: "a", Revision: "x"}, aborted("2", ""))
	keep(t, m, another, aborted("1", strings.Repeat("x", maxReason)+"é"))
	expectRecalled(t, m, one, aborted("1", "errors"), aborted("2", ""))
	expectRecalled(t, m, another, aborted("1", strings.Repeat("x", maxReason)+"..."))
	keep(t, m, one, aborted("2", ""))
	expectRecalled(t, m, one, aborted("2", ""))
	keep(t, m, one)
	expectRecalled(t, m, one)
	expectRecalled(t, m, another, aborted("1", strings.Repeat("x", maxReason)+"..."))
}

func TestNothingIsWrittenWhereNothingIsToBeRemembered(t *testing.T) {
	client := fake.NewClientset()
	m := New(client.CoreV1(), "ns")
	keep(t, m, one)
	keep(t, m, one, aborted("1", ""))
	keep(t, m, one, aborted("1", ""))
	var writes []string
	for _, action := range client.Actions() {
		if action.GetVerb() != "get" {
			writes = append(writes, action.GetVerb())
		}
	}
	if !slices.Equal(writes, []string{"create"}) {
		t.Errorf("writes %v, want one that creates", writes)
	}
}

// TestOfTwoWhoRememberTheLaterWordStays: words are asked for anew after a conflict.
func TestOfTwoWhoRememberTheLaterWordStays(t *testing.T) {
	for name, verb := range map[string]string{"made by another": "create", "written by another": "update"} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			m := New(client.CoreV1(), "ns")
			if verb == "update" {
				keep(t, m, another, aborted("9", ""))
			}
			conflicts := 0
			client.PrependReactor(verb, "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				if conflicts++; conflicts > 1 {
					return false, nil, nil
				}
				if verb == "create" {
					return true, nil, apierrors.NewAlreadyExists(corev1.Resource("configmaps"), ConfigMap)
				}
				return true, nil, apierrors.NewConflict(corev1.Resource("configmaps"), ConfigMap, errors.New("another version"))
			})
			asked := 0
			err := m.Keep(t.Context(), one, func(context.Context) ([]vmdistributed.Word, error) {
				if asked++; asked == 1 {
					return []vmdistributed.Word{aborted("1", "")}, nil
				}
				return []vmdistributed.Word{aborted("2", "")}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			expectRecalled(t, m, one, aborted("2", ""))
		})
	}
}

func TestWhatCanNotBeReadIsSaid(t *testing.T) {
	client := fake.NewClientset(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: ConfigMap}, Data: map[string]string{"here.one": "by hand"},
	})
	m := New(client.CoreV1(), "ns")
	if _, err := m.Recall(t.Context(), one); err == nil || !strings.Contains(err.Error(), "ConfigMap ns/vmdistributed-aborts has something else in its key here.one") {
		t.Errorf("recalled: %v", err)
	}
	expectRecalled(t, m, another)
	client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("configmaps"), ConfigMap, errors.New("no right"))
	})
	_, err := m.Recall(t.Context(), one)
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "here/one") || !strings.Contains(err.Error(), "ConfigMap ns/vmdistributed-aborts") {
		t.Errorf("recalled: %v", err)
	}
	if err := m.Keep(t.Context(), one, saying(aborted("1", ""))); !apierrors.IsForbidden(err) {
		t.Errorf("kept: %v", err)
	}
}

func TestLongNamesHaveKeysOfTheirOwn(t *testing.T) {
	long := func(end string) types.NamespacedName {
		return types.NamespacedName{Namespace: strings.Repeat("n", 63), Name: strings.Repeat("x", 252) + end}
	}
	a, b := keyOf(long("a")), keyOf(long("b"))
	if a == b || len(a) > maxKey || !strings.HasPrefix(a, strings.Repeat("n", 63)+".") {
		t.Errorf("keys %s and %s", a, b)
	}
}
