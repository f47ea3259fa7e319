// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// takeListed returns what was listed since the last call.
func (l *lab) takeListed() string {
	client := l.kubernetes.(*fake.Clientset)
	var listed []string
	for _, action := range client.Actions() {
		if action.GetVerb() == "list" {
			listed = append(listed, action.GetResource().Resource)
		}
	}
	client.ClearActions()
	slices.Sort(listed)
	return strings.Join(listed, " ")
}

func (l *lab) expectListed(when, want string) {
	l.t.Helper()
	if got := l.takeListed(); got != want {
		l.t.Errorf("%s: listed %q, want %q", when, got, want)
	}
}

func idlePage(requests int) string {
	return fmt.Sprintf("vm_concurrent_select_current 0\nvm_http_requests_total{path=\"/select/{}/prometheus/api/v1/query\"} %d\n", requests)
}

var zoneA = victoriametrics.Cluster{Namespace: "here", Name: "a", Spec: map[string]any{"vmselect": map[string]any{}}}

// TestPodsAreListedOncePerLook, and by those looks only that something may be done
// upon: who waits asks pods that are known.
func TestPodsAreListedOncePerLook(t *testing.T) {
	l := newLab(t, "vmselect-a")
	l.page = idlePage(1)
	const all = "endpointslices statefulsets"
	after := func(d time.Duration) *Look {
		l.clock.SetTime(noon.Add(d))
		return l.Look()
	}
	idle := func(look *Look) { look.Idle(context.Background(), zoneA) }

	first := after(0)
	idle(first)
	l.expectListed("the first look", all)
	first.Again(context.Background())
	idle(first)
	l.expectListed("the first look, again", "")

	later := after(time.Second)
	idle(later)
	l.expectListed("a look that waits", "")
	later.Again(context.Background())
	idle(later)
	l.expectListed("a look that waits no more", all)

	idle(after(10 * time.Second))
	l.expectListed("a look after a long time", all)
}

func TestPodsThatCanNotBeReadAreListedAgain(t *testing.T) {
	l := newLab(t, "vmselect-a")
	for range 2 {
		l.page = "{" // no page of metrics
		if got := l.Look().Idle(context.Background(), zoneA); got.Met || !strings.Contains(got.Text, "vmselect-a-0") {
			t.Errorf("got %+v of a pod that shows nothing", got)
		}
		l.expectListed("a pod that shows nothing", "endpointslices statefulsets")
	}
}

// TestPodsOfAVMAgentMayBeOfAnyKind: what is left of another mode of it holds
// samples as well.
func TestPodsOfAVMAgentMayBeOfAnyKind(t *testing.T) {
	l := newLab(t, "vmagent-a")
	agent := parse(t, `{apiVersion: operator.victoriametrics.com/v1beta1, kind: VMAgent, metadata: {namespace: here, name: a}, spec: {}}`)
	l.Look().Queues(context.Background(), agent, nil)
	l.expectListed("a VMAgent", "daemonsets deployments endpointslices statefulsets")

	l = newLab(t, "vmauth-read")
	l.Look().Loaded(context.Background(), Change{
		Users: []*unstructured.Unstructured{user(t, applied("True", 2))}, Auths: []*unstructured.Unstructured{auth(t, `{userSelector: {}}`)},
	})
	l.expectListed("a VMAuth", "deployments endpointslices")
}

// TestALookSaysWhenWhatIsMissingIsDue: a second page that comes just too early
// would cost another wait.
func TestALookSaysWhenWhatIsMissingIsDue(t *testing.T) {
	l := newLab(t, "vmselect-a")
	l.page = idlePage(1)
	look := l.Look()
	if got := look.Idle(context.Background(), zoneA); got.Met {
		t.Fatalf("idle by one page: %+v", got)
	}
	due := noon.Add(idleFor)
	if got := look.Due(); !got.Equal(due) {
		t.Errorf("due at %s, want %s", got, due)
	}
	l.clock.SetTime(due)
	if look = l.Look(); !look.Idle(context.Background(), zoneA).Met {
		t.Errorf("not idle when it is due")
	}
	if got := look.Due(); !got.IsZero() {
		t.Errorf("due at %s with nothing missing", got)
	}
}
