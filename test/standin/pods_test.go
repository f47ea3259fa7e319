// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fakePods remembers the last call of Play.
type fakePods struct {
	ready  bool
	err    error
	played string
}

func (f *fakePods) Play(_ context.Context, _ *unstructured.Unstructured, up bool) (bool, error) {
	f.played = map[bool]string{true: "up", false: "down"}[up]
	return f.ready, f.err
}

func (f *fakePods) Remove(context.Context, *unstructured.Unstructured) error { return nil }

func (f *fakePods) Serve(context.Context, *unstructured.Unstructured, *unstructured.Unstructured, string) (bool, error) {
	return f.ready, f.err
}

func (f *fakePods) Withdraw(context.Context, *unstructured.Unstructured, *unstructured.Unstructured) error {
	return nil
}

func TestPodsHoldBackWhatIsReported(t *testing.T) {
	done := decision{status: &status{UpdateStatus: operational, ObservedGeneration: 2}, stage: converged}
	begins := decision{status: &status{UpdateStatus: expanding, ObservedGeneration: 2}, stage: begun}
	takesUp := begins
	takesUp.takeUp = true
	for name, test := range map[string]struct {
		before   string
		decision decision
		ready    bool
		played   string
		status   string
		stage    stage
	}{
		"a spec whose pods are ready is in force":           {expanding, done, true, "up", operational, converged},
		"a spec whose pods are not ready goes on expanding": {expanding, done, false, "up", expanding, begun},
		"after a failure, too":                              {failed, done, false, "up", expanding, begun},
		"what was in force stays so when a pod ends":        {operational, done, false, "up", operational, unready},
		"the pods of the earlier spec end":                  {expanding, begins, false, "down", expanding, begun},
		"but not before the spec is said to be taken up":    {operational, takesUp, false, "", expanding, begun},
		"nothing is played where the workloads are let be":  {operational, decision{status: &status{UpdateStatus: paused}}, false, "", paused, untouched},
		"misbehaving workloads do not depend on ready pods": {operational, decision{status: done.status, stage: unready}, true, "up", operational, unready},
	} {
		t.Run(name, func(t *testing.T) {
			pods := &fakePods{ready: test.ready}
			r := &reconciler{options: Options{Pods: pods}}
			obj := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"updateStatus": test.before}}}
			got, err := r.playPods(t.Context(), obj, test.decision)
			if err != nil {
				t.Fatal(err)
			}
			if pods.played != test.played || got.status.UpdateStatus != test.status || got.stage != test.stage {
				t.Errorf("played %q, reports %s at stage %d; want %q, %s, %d", pods.played, got.status.UpdateStatus, got.stage, test.played, test.status, test.stage)
			}
		})
	}
	if done.status.UpdateStatus != operational {
		t.Error("the decision that was handed in was changed")
	}
	failing := &reconciler{options: Options{Pods: &fakePods{err: errors.New("no port")}}}
	if _, err := failing.playPods(t.Context(), &unstructured.Unstructured{Object: map[string]any{}}, done); err == nil {
		t.Error("an error of the pods is overlooked")
	}
}

func TestAPendingVMAuthHasNotApplied(t *testing.T) {
	u := observedUser{generation: 2, auths: []servingAuth{
		{namespace: "ns", name: "ready", selects: true},
		{namespace: "ns", name: "slow", selects: true, pending: true},
	}}
	got, _ := decideUser(u, time.Now())
	if len(got.Conditions) != 1 || got.Conditions[0].Type != u.auths[0].conditionType() {
		t.Errorf("conditions: %+v", got.Conditions)
	}
}
