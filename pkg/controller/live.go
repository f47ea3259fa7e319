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

// live reads from the API server, past every cache of ours. One look asks once for
// each kind in a namespace, not for each zone: what 20 zones would take otherwise
// is as many requests as the client may make in a second.
type live struct {
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// known tells of VMClusters that are nobody's zones here.
	known *cached
}

// look begins a look.
func (s live) look() *look { return &look{live: s} }

// look is one look. It is as fresh as its beginning, and not for several
// goroutines.
type look struct {
	live
	vmclusters []*unstructured.Unstructured
	// workloadsOf are those of each VMCluster, nil until they have been asked for.
	workloadsOf map[types.NamespacedName]*workloads
	// in is the namespace that both are of.
	in string
}

type workloads struct {
	statefulSets []appsv1.StatefulSet
	deployments  []appsv1.Deployment
}

var _ source = &look{}

// all returns the VMClusters of a namespace.
func (s *look) all(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	if s.vmclusters != nil && s.in == namespace {
		return s.vmclusters, nil
	}
	all, err := s.list(ctx, victoriametrics.VMClusterResource, namespace)
	if err != nil {
		return nil, err
	}
	s.in, s.vmclusters, s.workloadsOf = namespace, all, nil
	return all, nil
}

func (s *look) cluster(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	all, err := s.all(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for _, cluster := range all {
		if cluster.GetName() == name {
			return cluster, nil
		}
	}
	return nil, nil
}

func (s *look) marked(ctx context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error) {
	all, err := s.all(ctx, owner.Namespace)
	if err != nil {
		return nil, err
	}
	var ours []*unstructured.Unstructured
	for _, cluster := range all {
		if victoriametrics.IsOwnedBy(cluster, owner) {
			ours = append(ours, cluster)
		}
	}
	return ours, nil
}

// workloads are listed after the VMClusters: what the operator says of one that it
// has changed comes after what it did to these.
func (s *look) workloads(ctx context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error) {
	if _, err := s.all(ctx, namespace); err != nil {
		return nil, nil, err
	}
	if s.workloadsOf == nil {
		var err error
		if s.workloadsOf, err = s.allWorkloads(ctx, namespace); err != nil {
			return nil, nil, err
		}
	}
	found := s.workloadsOf[types.NamespacedName{Namespace: namespace, Name: name}]
	if found == nil {
		return nil, nil, nil
	}
	return found.statefulSets, found.deployments, nil
}

func (s live) allWorkloads(ctx context.Context, namespace string) (map[types.NamespacedName]*workloads, error) {
	options := metav1.ListOptions{LabelSelector: victoriametrics.WorkloadSelector}
	sets, err := s.kubernetes.AppsV1().StatefulSets(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("listing the StatefulSets of VMClusters in namespace %q: %w", namespace, err)
	}
	deployments, err := s.kubernetes.AppsV1().Deployments(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("listing the Deployments of VMClusters in namespace %q: %w", namespace, err)
	}
	all := map[types.NamespacedName]*workloads{}
	of := func(workload metav1.Object) *workloads {
		namespace, name, ok := victoriametrics.WorkloadCluster(workload)
		if !ok {
			return &workloads{} // nobody's
		}
		key := types.NamespacedName{Namespace: namespace, Name: name}
		if all[key] == nil {
			all[key] = &workloads{}
		}
		return all[key]
	}
	for i := range sets.Items {
		found := of(&sets.Items[i])
		found.statefulSets = append(found.statefulSets, sets.Items[i])
	}
	for i := range deployments.Items {
		found := of(&deployments.Items[i])
		found.deployments = append(found.deployments, deployments.Items[i])
	}
	return all, nil
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
