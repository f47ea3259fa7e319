// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// The indexes of the informers.
const (
	byOwner   = "owner"   // VMClusters, by the object whose mark they carry
	byCluster = "cluster" // workloads, by the VMCluster that they belong to
)

// cached reads from informers. It costs nothing and may be behind.
type cached struct {
	objects  dynamicinformer.DynamicSharedInformerFactory
	workload informers.SharedInformerFactory
	core     informers.SharedInformerFactory

	vmclusters, vmagents, vmusers, vmauths cache.SharedIndexInformer
	statefulSets, deployments              cache.SharedIndexInformer
	namespaces                             cache.SharedIndexInformer
}

var _ source = &cached{}

func newCached(objects dynamic.Interface, client kubernetes.Interface) (*cached, error) {
	s := &cached{
		objects: dynamicinformer.NewDynamicSharedInformerFactory(objects, 0),
		workload: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.LabelSelector = victoriametrics.WorkloadSelector
		})),
		core: informers.NewSharedInformerFactory(client, 0),
	}
	informer := func(resource schema.GroupVersionResource) cache.SharedIndexInformer {
		return s.objects.ForResource(resource).Informer()
	}
	s.vmclusters = informer(victoriametrics.VMClusterResource)
	s.vmagents = informer(victoriametrics.VMAgentResource)
	s.vmusers = informer(victoriametrics.VMUserResource)
	s.vmauths = informer(victoriametrics.VMAuthResource)
	s.statefulSets = s.workload.Apps().V1().StatefulSets().Informer()
	s.deployments = s.workload.Apps().V1().Deployments().Informer()
	s.namespaces = s.core.Core().V1().Namespaces().Informer()

	// Who owns which field matters in VMClusters only.
	for _, informer := range []cache.SharedIndexInformer{s.vmagents, s.vmusers, s.vmauths, s.statefulSets, s.deployments, s.namespaces} {
		if err := informer.SetTransform(withoutManagedFields); err != nil {
			return nil, fmt.Errorf("slimming an informer: %w", err)
		}
	}
	for _, index := range []struct {
		informer cache.SharedIndexInformer
		indexers cache.Indexers
	}{
		{s.vmclusters, cache.Indexers{byOwner: indexByOwner, cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}},
		{s.vmagents, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}},
		{s.vmusers, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}},
		{s.statefulSets, cache.Indexers{byCluster: indexByCluster}},
		{s.deployments, cache.Indexers{byCluster: indexByCluster}},
	} {
		if err := addIndexers(index.informer, index.indexers); err != nil {
			return nil, fmt.Errorf("adding indexes to an informer: %w", err)
		}
	}
	return s, nil
}

func withoutManagedFields(obj any) (any, error) {
	if object, err := meta.Accessor(obj); err == nil {
		object.SetManagedFields(nil)
	}
	return obj, nil
}

// addIndexers leaves out those that the factory has set already.
func addIndexers(informer cache.SharedIndexInformer, indexers cache.Indexers) error {
	for name := range informer.GetIndexer().GetIndexers() {
		delete(indexers, name)
	}
	return informer.AddIndexers(indexers)
}

func indexByOwner(obj any) ([]string, error) {
	owner, marked, err := victoriametrics.OwnerOf(obj.(metav1.Object))
	if err != nil || !marked {
		return nil, nil //nolint:nilerr // an unreadable mark is nobody's
	}
	return []string{owner.String()}, nil
}

func indexByCluster(obj any) ([]string, error) {
	namespace, name, ok := victoriametrics.WorkloadCluster(obj.(metav1.Object))
	if !ok {
		return nil, nil
	}
	return []string{types.NamespacedName{Namespace: namespace, Name: name}.String()}, nil
}

// start runs the informers until ctx ends.
func (s *cached) start(ctx context.Context) {
	s.objects.Start(ctx.Done())
	s.workload.StartWithContext(ctx)
	s.core.StartWithContext(ctx)
}

// stop waits for the informers to end.
func (s *cached) stop() {
	s.objects.Shutdown()
	s.workload.Shutdown()
	s.core.Shutdown()
}

func (s *cached) informers() []cache.SharedIndexInformer {
	return []cache.SharedIndexInformer{s.vmclusters, s.vmagents, s.vmusers, s.vmauths, s.statefulSets, s.deployments, s.namespaces}
}

func (s *cached) cluster(_ context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	return lookUp(s.vmclusters, namespace, name)
}

func (s *cached) clusters(context.Context) ([]*unstructured.Unstructured, error) {
	return asUnstructured(s.vmclusters.GetStore().List()), nil
}

func (s *cached) agent(_ context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	return lookUp(s.vmagents, namespace, name)
}

func lookUp(informer cache.SharedIndexInformer, namespace, name string) (*unstructured.Unstructured, error) {
	obj, exists, err := informer.GetIndexer().GetByKey(cache.NewObjectName(namespace, name).String())
	if err != nil || !exists {
		return nil, err
	}
	return obj.(*unstructured.Unstructured), nil
}

func (s *cached) marked(_ context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error) {
	found, err := s.vmclusters.GetIndexer().ByIndex(byOwner, owner.String())
	if err != nil {
		return nil, err
	}
	var ours []*unstructured.Unstructured
	for _, obj := range found {
		// A mark that was copied to another namespace is not ours.
		if cluster := obj.(*unstructured.Unstructured); cluster.GetNamespace() == owner.Namespace {
			ours = append(ours, cluster)
		}
	}
	return ours, nil
}

func (s *cached) agents(_ context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	found, err := s.vmagents.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	return asUnstructured(found), err
}

func (s *cached) users(_ context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	found, err := s.vmusers.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	return asUnstructured(found), err
}

func (s *cached) auths(context.Context) ([]*unstructured.Unstructured, error) {
	return asUnstructured(s.vmauths.GetStore().List()), nil
}

func (s *cached) routers(context.Context) ([]*unstructured.Unstructured, error) {
	return append(asUnstructured(s.vmusers.GetStore().List()), asUnstructured(s.vmauths.GetStore().List())...), nil
}

func asUnstructured(found []any) []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, len(found))
	for i := range found {
		objects[i] = found[i].(*unstructured.Unstructured)
	}
	return objects
}

func (s *cached) workloads(_ context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error) {
	key := types.NamespacedName{Namespace: namespace, Name: name}.String()
	sets, err := s.statefulSets.GetIndexer().ByIndex(byCluster, key)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.deployments.GetIndexer().ByIndex(byCluster, key)
	if err != nil {
		return nil, nil, err
	}
	statefulSets := make([]appsv1.StatefulSet, len(sets))
	for i := range sets {
		statefulSets[i] = *sets[i].(*appsv1.StatefulSet)
	}
	deployments := make([]appsv1.Deployment, len(found))
	for i := range found {
		deployments[i] = *found[i].(*appsv1.Deployment)
	}
	return statefulSets, deployments, nil
}

func (s *cached) namespace(_ context.Context, name string) (*corev1.Namespace, error) {
	obj, exists, err := s.namespaces.GetStore().GetByKey(name)
	if err != nil || !exists {
		return nil, err
	}
	return obj.(*corev1.Namespace), nil
}
