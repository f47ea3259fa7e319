// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	testclock "k8s.io/utils/clock/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func TestATrialIsRepeatedOnlyWhereItCouldEndOtherwise(t *testing.T) {
	asked, refusal := 0, error(nil)
	objects := fake.NewSimpleDynamicClient(runtime.NewScheme())
	objects.PrependReactor("patch", "vmclusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		asked++
		return true, &unstructured.Unstructured{Object: map[string]any{}}, refusal
	})
	clock := testclock.NewFakePassiveClock(time.Unix(1000, 0))
	tried := newTrials(writer{objects: objects}, clock)
	of := func(name, version string) write {
		return mergePatch(victoriametrics.VMClusterResource, "ns", name, map[string]any{"metadata": map[string]any{"resourceVersion": version}})
	}
	refused := apierrors.NewForbidden(schema.GroupResource{}, "a", errors.New("refused"))
	silent := errors.New("a webhook does not answer")
	for _, step := range []struct {
		name    string
		write   write
		later   time.Duration
		refusal error
		asked   int
	}{
		{"the first", of("a", "1"), 0, nil, 1},
		{"the same", of("a", "1"), 0, nil, 1},
		{"of another object", of("b", "1"), 0, nil, 2},
		{"of another version", of("a", "2"), 0, refused, 3},
		{"that was refused", of("a", "2"), 0, nil, 4},
		{"that was accepted since", of("a", "2"), trialHolds - time.Second, nil, 4},
		{"that was accepted long ago", of("a", "2"), time.Second, silent, 5},
		{"that nobody could tell of", of("a", "2"), silenceHolds - time.Second, silent, 5},
		{"that nobody could tell of, again", of("a", "2"), time.Second, nil, 6},
	} {
		refusal = step.refusal
		clock.SetTime(clock.Now().Add(step.later))
		if _, err := tried.try(t.Context(), step.write); !errors.Is(err, step.refusal) {
			t.Errorf("a write %s: got error %v, want %v", step.name, err, step.refusal)
		}
		if asked != step.asked {
			t.Errorf("a write %s: the API server was asked %d times, want %d", step.name, asked, step.asked)
		}
	}
}
