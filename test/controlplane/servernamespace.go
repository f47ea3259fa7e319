// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// ServerBinding is the RoleBinding by which the server may do everything in a
// namespace that NewServerNamespace has made.
const ServerBinding = "server-may-do-everything"

// NewServerNamespace makes a namespace for the own objects of one more server, whose
// --namespace it is, and returns its name. What the server may do in its namespace, the
// shipped Role says of ServerNamespace only.
func (c *ControlPlane) NewServerNamespace(ctx context.Context, prefix string) (string, error) {
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return "", err
	}
	namespace, err := client.CoreV1().Namespaces().Create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"}}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("making a namespace for the server %s: %w", prefix, err)
	}
	_, err = client.RbacV1().RoleBindings(namespace.Name).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: ServerBinding},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: ServerUser}},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("letting the server into the namespace %s: %w", namespace.Name, err)
	}
	return namespace.Name, nil
}
