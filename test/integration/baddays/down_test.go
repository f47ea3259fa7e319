// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// goDown stops all servers, and returns when the aggregator knows.
func (s *site) goDown(t *testing.T, r *room) {
	t.Helper()
	for _, replica := range s.replicas {
		must(t, replica.Stop())
	}
	poll(t, "the API to be unavailable", func() string {
		if _, err := r.own.Get(t.Context(), "demo", metav1.GetOptions{}); !apierrors.IsServiceUnavailable(err) {
			return "it answers"
		}
		return ""
	})
}

// kubectl runs it, and returns what it prints.
func (s *site) kubectl(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(s.control.BinDir(), "kubectl"), args...)
	command.Env = []string{"KUBECONFIG=" + s.control.Kubeconfig(), "HOME=" + scratch}
	raw, err := command.CombinedOutput()
	return string(raw), err
}

// collects deletes an object of which another one is a dependent, and returns when that
// is gone too.
func (s *site) collects(t *testing.T, namespace string) time.Duration {
	t.Helper()
	configMaps := s.kubernetes.CoreV1().ConfigMaps(namespace)
	owner, err := configMaps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "owner-"}}, metav1.CreateOptions{})
	must(t, err)
	dependent, err := configMaps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		GenerateName:    "owned-",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}},
	}}, metav1.CreateOptions{})
	must(t, err)
	must(t, configMaps.Delete(t.Context(), owner.Name, metav1.DeleteOptions{}))
	begun := time.Now()
	poll(t, "a dependent to be collected", func() string {
		if _, err := configMaps.Get(t.Context(), dependent.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return "it is there"
		}
		return ""
	})
	return time.Since(begun)
}

// untilDiscoveryFails waits for a namespace to be held since nobody can tell what of ours
// is in it.
func (s *site) untilDiscoveryFails(t *testing.T, name string) {
	t.Helper()
	poll(t, "the deletion of a namespace to fail over discovery", func() string {
		namespace, err := s.kubernetes.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		for _, condition := range namespace.Status.Conditions {
			if condition.Type == corev1.NamespaceDeletionDiscoveryFailure && condition.Status == corev1.ConditionTrue {
				t.Logf("%s: %s: %s", condition.Type, condition.Reason, condition.Message)
				return ""
			}
		}
		return "no such condition"
	})
}

func (s *site) untilNamespaceGone(t *testing.T, name string) time.Duration {
	t.Helper()
	begun := time.Now()
	poll(t, "namespace "+name+" to be gone", func() string {
		if _, err := s.kubernetes.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return "it is there"
		}
		return ""
	})
	return time.Since(begun)
}

// TestWhileNobodyServesTheAPITheRestOfTheClusterWorks but for the end of namespaces, which
// waits.
func TestWhileNobodyServesTheAPITheRestOfTheClusterWorks(t *testing.T) {
	r := newRoom(t, shared)
	r.dependent()
	r.begin()
	shared.goDown(t, r)
	before := r.estate()
	r.expectUnserved()

	for _, works := range [][]string{
		{"get", "vmclusters,vmusers,vmagents,configmaps", "-n", r.namespace},
		{"create", "configmap", "made-meanwhile", "-n", r.namespace},
		{"annotate", "vmcluster", "zone-b", "touched=yes", "-n", r.namespace},
		{"annotate", "vmcluster", "zone-b", "touched-", "-n", r.namespace},
		{"explain", "vmcluster.spec"},
		{"delete", "configmap", "made-meanwhile", "-n", r.namespace},
	} {
		if out, err := shared.kubectl(t, works...); err != nil {
			t.Errorf("kubectl %s: %v: %s", strings.Join(works, " "), err, out)
		}
	}
	poll(t, "kubectl api-resources to tell all but ours", func() string {
		out, err := shared.kubectl(t, "api-resources")
		if err != nil || strings.Contains(out, "vmdistributedclusters ") || !strings.Contains(out, "vmclusters ") || !strings.Contains(out, "configmaps ") {
			return fmt.Sprintf("%v: %s", err, out)
		}
		return ""
	})
	if out, err := shared.kubectl(t, "get", "vmdistributedclusters", "-n", r.namespace); err == nil {
		t.Errorf("kubectl get of ours: %s", out)
	} else {
		t.Logf("kubectl get of ours: %v: %s", err, out)
	}

	t.Logf("a dependent was collected after %s", shared.collects(t, r.namespace))
	must(t, shared.control.Restart(t.Context(), "kube-controller-manager"))
	t.Logf("one was %s after the start of a controller manager that has never seen our API", shared.collects(t, r.namespace))
	r.expectDependent()

	doomed, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "doomed-"}}, metav1.CreateOptions{})
	must(t, err)
	_, err = shared.kubernetes.CoreV1().ConfigMaps(doomed.Name).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "content"}}, metav1.CreateOptions{})
	must(t, err)
	must(t, shared.kubernetes.CoreV1().Namespaces().Delete(t.Context(), doomed.Name, metav1.DeleteOptions{}))
	shared.untilDiscoveryFails(t, doomed.Name)
	poll(t, "the content of the namespace to be gone", func() string {
		if _, err := shared.kubernetes.CoreV1().ConfigMaps(doomed.Name).Get(t.Context(), "content", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return "it is there"
		}
		return ""
	})
	r.expectEstate(before)

	begun := time.Now()
	shared.restartReplicas(t)
	shared.untilNamespaceGone(t, doomed.Name)
	t.Logf("the namespace was gone %s after the servers were started", time.Since(begun))
	r.free("zone-a")
	r.expectConcluded()
	r.expectDependent()
}
