// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package besideoperator

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// rounds are how often the operator is given something to do where time is short.
const rounds = 3

// TestTheOperatorLivesWithoutTheKindsThatBaseHides is the first way: our APIService
// takes the group and version over, and the operator is told to leave its two kinds
// in there alone. Once the server is taken away, these are served again.
func TestTheOperatorLivesWithoutTheKindsThatBaseHides(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	const overlay = "artifacts/base"
	s.mustShell("kubectl apply -k " + overlay)
	server := s.runInstalled(overlay)
	run := s.restartOperator()
	if err := s.list(t.Context(), firstGroup, "vmdistributed"); err == nil {
		t.Error("VMDistributed is served, though the group and version are ours")
	}
	s.observe(run, firstGroup)
	s.applyExample()
	s.leftAsItWas(run, s.namespace, func() {
		out := s.takeAway("vmdistributed-apiserver uninstall", server)
		if said := "waited   kube-apiserver serves vldistributed and vmdistributed of the operator\n"; !strings.Contains(out, said) {
			t.Errorf("uninstall does not say %q: %s", said, out)
		}
	})
}

// TestTheOperatorLivesBesideTheSecondGroup is the second way: all that the operator
// brings stays as it is. It is the one that README.md walks, from the first look to the
// end.
func TestTheOperatorLivesBesideTheSecondGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	server := s.install()
	run := s.restartOperator()
	s.observe(run, secondGroup)
	for _, resource := range []string{"vmdistributed", "vldistributed"} {
		if err := s.list(t.Context(), firstGroup, resource); err != nil {
			t.Errorf("the operator's own %s: %v", resource, err)
		}
	}
	s.takenBack()
	s.leftAsItWas(run, "monitoring", func() { s.uninstall(server) })
}

// TestTheOperatorEndsWhereItsKindsAreHidden shows what the flag is for.
func TestTheOperatorEndsWhereItsKindsAreHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	run := s.register(controlplane.ServerOptions{})
	s.poll("the operator to complain", func(context.Context) string {
		if len(s.complaints()) == 0 {
			return "its log says nothing about VMDistributed"
		}
		return ""
	})
	if !long() {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := run.Wait(ctx); err != nil {
		t.Errorf("the operator runs on without two of its kinds, so that nobody has to set a flag: %v", err)
	}
}

// observe watches that all goes on, for longer than the operator would wait for a
// kind that is not served.
func (s *site) observe(run controlplane.Run, group string) {
	s.t.Helper()
	s.makeAuth()
	begun := time.Now()
	round := 0
	for ; round < rounds || long() && time.Since(begun) < cacheSync+time.Minute; round++ {
		s.reconciles(round)
		if !run.Alive() {
			s.t.Fatalf("the operator has ended; its log: %s", s.operatorLog())
		}
		if err := s.list(s.t.Context(), group, "vmdistributedclusters"); err != nil {
			s.t.Fatalf("VMDistributedClusters of %s in round %d: %v", group, round, err)
		}
		found, err := s.apiService(s.t.Context(), group)
		must(s.t, err)
		if !isOurs(found) {
			s.t.Fatalf("in round %d, the APIService of %s is not ours any more: %+v", round, group, found.Spec)
		}
	}
	if lines := s.complaints(); len(lines) > 0 {
		s.t.Errorf("the operator complains about kinds that it can't read: %s", lines[0])
	}
	s.t.Logf("over %v, the same process of the operator reconciled %d changes", time.Since(begun).Round(time.Second), round)
}

// takenBack shows what the label is for: without it, the APIService of the operator's
// group and version is the aggregator's own again a moment later.
func (s *site) takenBack() {
	s.t.Helper()
	patch := `{"spec":{"service":{"namespace":"` + controlplane.ServerNamespace + `","name":"vmdistributed-apiserver","port":443},"insecureSkipTLSVerify":true}}`
	taken, err := s.registrations.ApiregistrationV1().APIServices().Patch(s.t.Context(), "v1alpha1."+firstGroup, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(s.t, err)
	if !isOurs(taken) {
		s.t.Fatalf("the APIService can't be taken over: %+v", taken.Spec)
	}
	s.poll("an APIService without the label to be turned back", func(ctx context.Context) string {
		found, err := s.apiService(ctx, firstGroup)
		if err != nil {
			return err.Error()
		}
		if found.Spec.Service != nil {
			return "it still names a Service"
		}
		return ""
	})
}
