// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// TestSmoke starts the smallest useful control plane, as tests use it.
func TestSmoke(t *testing.T) {
	cp, err := Start(t.Context(), Options{Dir: t.TempDir(), CRDs: CRDsUsed, Out: t.Output()})
	must(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			must(t, cp.Stop())
		}
	})
	checkDiscovery(t, cp)
	checkIdentity(t, cp)

	must(t, cp.Kill(etcdProgram))
	must(t, cp.Restart(t.Context(), etcdProgram))
	checkDiscovery(t, cp)

	var all []identity
	for _, p := range cp.launcher.started {
		all = append(all, p.id)
	}
	must(t, cp.Stop())
	stopped = true
	if len(all) != 2 {
		t.Errorf("%d programs were started, want etcd and kube-apiserver", len(all))
	}
	for _, id := range all {
		if id.alive() {
			t.Errorf("process %d runs after Stop", id.PID)
		}
	}
	must(t, cp.Stop())
}

func checkDiscovery(t *testing.T, cp *ControlPlane) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(cp.Config())
	resources, err := client.Discovery().ServerResourcesForGroupVersion(operatorGroup + "/v1beta1")
	must(t, err)
	served := map[string]bool{}
	for _, resource := range resources.APIResources {
		served[resource.Name] = true
	}
	for _, want := range []string{"vmclusters", "vmclusters/status", "vmagents", "vmauths", "vmusers"} {
		if !served[want] {
			t.Errorf("%s is not served; served are %v", want, served)
		}
	}
}

func checkIdentity(t *testing.T, cp *ControlPlane) {
	t.Helper()
	config, err := cp.ConfigFor(ServerUser, serverGroups()...)
	must(t, err)
	review, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().
		Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	must(t, err)
	if review.Status.UserInfo.Username != ServerUser {
		t.Errorf("authenticated as %s, want %s", review.Status.UserInfo.Username, ServerUser)
	}
}

// TestSmokeDetached starts the same as "make up" does, twice.
func TestSmokeDetached(t *testing.T) {
	options := Options{Dir: t.TempDir(), CRDs: CRDsNone, Detached: true, Out: t.Output()}
	t.Cleanup(func() {
		must(t, Down(context.Background(), DownOptions{Dir: options.Dir, Out: t.Output()}))
	})
	pids := func() map[string]int {
		t.Helper()
		_, err := Start(t.Context(), options)
		must(t, err)
		programs, err := Status(t.Context(), options.Dir)
		must(t, err)
		found := map[string]int{}
		for _, program := range programs {
			if program.Err != nil {
				t.Errorf("%s: %v", program.Name, program.Err)
			}
			found[program.Name] = program.PID
		}
		return found
	}
	first, second := pids(), pids()
	if len(first) != 2 {
		t.Errorf("programs %v, want etcd and kube-apiserver", first)
	}
	for name, pid := range first {
		if second[name] != pid {
			t.Errorf("%s was pid %d and is %d after a second start", name, pid, second[name])
		}
	}
}
