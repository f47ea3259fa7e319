// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// live reads from the API server, past every cache of ours.
type live struct {
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// known tells of VMClusters that are nobody's zones here.
	known *cached
}

var _ source = live{}

func (s live) cluster(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	return s.get(ctx, victoriametrics.VMClusterResource, namespace, name)
}

// clusters is answered from a cache, the only one: what it does not know yet
// makes a decision wait, never hurry.
func (s live) clusters(ctx context.Context) ([]*unstructured.Unstructured, error) {
	return s.known.clusters(ctx)
}

func (s live) agent(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	return s.get(ctx, victoriametrics.VMAgentResource, namespace, name)
}

func (s live) get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	obj, err := s.objects.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s/%s: %w", resource.Resource, namespace, name, err)
	}
	return obj, nil
}

func (s live) marked(ctx context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error) {
	all, err := s.list(ctx, victoriametrics.VMClusterResource, owner.Namespace)
	if err != nil {
		return nil, err
	}
	var ours []*unstructured.Unstructured
	for _, obj := range all {
		if victoriametrics.IsOwnedBy(obj, owner) {
			ours = append(ours, obj)
		}
	}
	return ours, nil
}

func (s live) agents(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	return s.list(ctx, victoriametrics.VMAgentResource, namespace)
}

func (s live) users(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	return s.list(ctx, victoriametrics.VMUserResource, namespace)
}

func (s live) routers(ctx context.Context) ([]*unstructured.Unstructured, error) {
	users, err := s.list(ctx, victoriametrics.VMUserResource, metav1.NamespaceAll)
	if err != nil {
		return nil, err
	}
	auths, err := s.list(ctx, victoriametrics.VMAuthResource, metav1.NamespaceAll)
	return append(users, auths...), err
}

func (s live) list(ctx context.Context, resource schema.GroupVersionResource, namespace string) ([]*unstructured.Unstructured, error) {
	list, err := s.objects.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing %s in namespace %q: %w", resource.Resource, namespace, err)
	}
	objects := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		objects[i] = &list.Items[i]
	}
	return objects, nil
}

func (s live) workloads(ctx context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error) {
	options := metav1.ListOptions{LabelSelector: victoriametrics.WorkloadSelectorFor(name)}
	sets, err := s.kubernetes.AppsV1().StatefulSets(namespace).List(ctx, options)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the StatefulSets of VMCluster %s/%s: %w", namespace, name, err)
	}
	deployments, err := s.kubernetes.AppsV1().Deployments(namespace).List(ctx, options)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the Deployments of VMCluster %s/%s: %w", namespace, name, err)
	}
	return sets.Items, deployments.Items, nil
}

func (s live) namespace(ctx context.Context, name string) (*corev1.Namespace, error) {
	namespace, err := s.kubernetes.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading namespace %q: %w", name, err)
	}
	return namespace, nil
}
