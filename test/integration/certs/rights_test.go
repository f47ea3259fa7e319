// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestServerSaysWhichRightForCertificatesIsMissing takes each from it in turn: none is
// spare, and what the server can't do for the lack of it is told with the verb and the
// resource.
func TestServerSaysWhichRightForCertificatesIsMissing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "rights")
	s.register(t)
	for resource, verbs := range map[string][]string{
		"secrets":     {"create", "get", "list", "watch", "update"},
		"apiservices": {"get", "list", "watch", "patch"},
	} {
		for _, verb := range verbs {
			t.Run(verb+" "+resource, func(t *testing.T) {
				s.startWithout(t, verb, resource)
				want := fmt.Sprintf("cannot %s resource %q", verb, resource)
				poll(t, "it to say that it "+want, func(context.Context) string { return logLacks(t, s.control.LogOf(verb+"-"+resource), want) })
			})
		}
	}
}

// logLacks says so while a text is not in a log, where quotes may be escaped.
func logLacks(t *testing.T, log, text string) string {
	t.Helper()
	raw, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if strings.Contains(strings.ReplaceAll(string(raw), `\"`, `"`), text) {
		return ""
	}
	return log + " does not"
}

// register applies what a server finds in a cluster, but for the server.
func (s *site) register(t *testing.T) {
	t.Helper()
	server, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{Store: controlplane.StoreEtcd, Unregistered: true})
	must(t, err)
	must(t, server.Stop())
	_, err = s.registrations.ApiregistrationV1().APIServices().Create(t.Context(), &apiregistrationv1.APIService{
		ObjectMeta: metav1.ObjectMeta{Name: apiServiceName, Labels: map[string]string{"kube-aggregator.kubernetes.io/automanaged": "false"}},
		Spec: apiregistrationv1.APIServiceSpec{
			Group: "operator.victoriametrics.com", Version: "v1alpha1", GroupPriorityMinimum: 1000, VersionPriority: 15,
			Service: &apiregistrationv1.ServiceReference{Namespace: controlplane.ServerNamespace, Name: "vmdistributed-apiserver", Port: ptr.To[int32](1)},
		},
	}, metav1.CreateOptions{})
	must(t, err)
}

// startWithout runs a server that lacks a right until the test ends, in a cluster without a
// certificate.
func (s *site) startWithout(t *testing.T, verb, resource string) {
	t.Helper()
	user := verb + "-" + resource
	s.grantAllBut(t, user, verb, resource)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, s.control.WriteKubeconfig(kubeconfig, user))
	err := s.kubernetes.CoreV1().Secrets(controlplane.ServerNamespace).Delete(t.Context(), secretName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	_, err = s.registrations.ApiregistrationV1().APIServices().Patch(t.Context(), apiServiceName, "application/merge-patch+json", []byte(`{"spec":{"caBundle":null}}`), metav1.PatchOptions{})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// It is not ready without most of them.
		_, _ = s.control.StartServer(ctx, controlplane.ServerOptions{
			Name: user, OwnCertificate: true, Store: controlplane.StoreEtcd, Unregistered: true,
			Args: []string{"--kubeconfig=" + kubeconfig, "--certificate-lifetime=12s"},
			// Where kube-apiserver can't stream them, lists are asked for.
			Env: []string{"KUBE_FEATURE_WatchListClient=false"},
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := s.control.Kill(user); err != nil {
			t.Error(err)
		}
	})
}

// grantAllBut gives a user all rights of the server but one.
func (s *site) grantAllBut(t *testing.T, user, verb, resource string) {
	t.Helper()
	without := func(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
		var left []rbacv1.PolicyRule
		for _, rule := range rules {
			rule.Verbs = slices.Clone(rule.Verbs)
			if slices.Contains(rule.Resources, resource) {
				rule.Verbs = slices.DeleteFunc(rule.Verbs, func(v string) bool { return v == verb })
			}
			if len(rule.Verbs) > 0 {
				left = append(left, rule)
			}
		}
		return left
	}
	ctx, roles := t.Context(), s.kubernetes.RbacV1()
	called := metav1.ObjectMeta{Name: user}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}
	var everywhere, here []rbacv1.PolicyRule
	for _, name := range []string{"vmdistributed-apiserver", "vmdistributed-apiserver-certificate"} {
		cluster, err := roles.ClusterRoles().Get(ctx, name, metav1.GetOptions{})
		must(t, err)
		role, err := roles.Roles(controlplane.ServerNamespace).Get(ctx, name, metav1.GetOptions{})
		must(t, err)
		everywhere, here = append(everywhere, cluster.Rules...), append(here, role.Rules...)
	}
	_, err := roles.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: called, Rules: without(everywhere)}, metav1.CreateOptions{})
	must(t, err)
	_, err = roles.Roles(controlplane.ServerNamespace).Create(ctx, &rbacv1.Role{ObjectMeta: called, Rules: without(here)}, metav1.CreateOptions{})
	must(t, err)
	for name, kind := range map[string]string{user: "ClusterRole", "system:auth-delegator": "ClusterRole"} {
		_, err = roles.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: user + ":" + name}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}}, metav1.CreateOptions{})
		must(t, err)
	}
	for namespace, name := range map[string]string{controlplane.ServerNamespace: user, metav1.NamespaceSystem: "extension-apiserver-authentication-reader"} {
		_, err = roles.RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: called, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}}, metav1.CreateOptions{})
		must(t, err)
	}
}
