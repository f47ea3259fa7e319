// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// source is where observations come from. What does not exist is nil without an
// error. What is returned must not be changed.
type source interface {
	// cluster returns a VMCluster.
	cluster(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error)
	// marked returns the VMClusters that carry the owner's mark.
	marked(ctx context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error)
	// clusters returns the VMClusters of all namespaces, as far as they are known.
	clusters(ctx context.Context) ([]*unstructured.Unstructured, error)
	// workloads returns what the operator has made for a VMCluster.
	workloads(ctx context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error)
	// agent returns a VMAgent.
	agent(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error)
	// agents returns the VMAgents of a namespace.
	agents(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error)
	// users returns the VMUsers of a namespace.
	users(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error)
	// auths returns the VMAuths of all namespaces.
	auths(ctx context.Context) ([]*unstructured.Unstructured, error)
	// routers returns the VMUsers and VMAuths of all namespaces.
	routers(ctx context.Context) ([]*unstructured.Unstructured, error)
	// namespace returns a Namespace.
	namespace(ctx context.Context, name string) (*corev1.Namespace, error)
}
