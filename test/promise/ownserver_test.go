// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// ownServer returns a site with a server of its own, with a store of its own, which is
// reached beside the aggregator.
func ownServer(t *testing.T, name string) *site {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}}, metav1.CreateOptions{})
	must(t, err)
	// What the server may do in its namespace, the shipped Role says of another one.
	_, err = shared.kubernetes.RbacV1().RoleBindings(namespace.Name).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: controlplane.ServerUser}},
	}, metav1.CreateOptions{})
	must(t, err)
	s := *shared
	s.server, err = s.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: name, Unregistered: true, Args: []string{"--namespace=" + namespace.Name}, Env: s.plane.Proxy().Env(),
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.server.Stop()) })
	config, err := s.server.ConfigFor("tester", "system:masters")
	must(t, err)
	s.own, err = versioned.NewForConfig(config)
	must(t, err)
	return &s
}
