// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inventory knows what the host cluster holds of the kinds that a rollout
// and the checks of a request depend on, by informers. It costs nothing to ask, and
// may be behind.
package inventory

import (
	"context"
	"fmt"
	"slices"

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

// Inventory reads from informers. What does not exist is nil without an error. What
// it returns must not be changed.
type Inventory struct {
	objects  dynamicinformer.DynamicSharedInformerFactory
	workload informers.SharedInformerFactory
	core     informers.SharedInformerFactory

	// The informers, for whoever wants to hear of changes. Objects of the operator's
	// kinds are unstructured.
	VMClusters, VMAgents, VMUsers, VMAuths cache.SharedIndexInformer
	StatefulSets, Deployments              cache.SharedIndexInformer
	Namespaces                             cache.SharedIndexInformer
}

// New returns an inventory that knows nothing before Run.
func New(objects dynamic.Interface, client kubernetes.Interface) (*Inventory, error) {
	s := &Inventory{
		objects: dynamicinformer.NewDynamicSharedInformerFactory(objects, 0),
		workload: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.LabelSelector = victoriametrics.WorkloadSelector
		})),
		core: informers.NewSharedInformerFactory(client, 0),
	}
	informer := func(resource schema.GroupVersionResource) cache.SharedIndexInformer {
		return s.objects.ForResource(resource).Informer()
	}
	s.VMClusters = informer(victoriametrics.VMClusterResource)
	s.VMAgents = informer(victoriametrics.VMAgentResource)
	s.VMUsers = informer(victoriametrics.VMUserResource)
	s.VMAuths = informer(victoriametrics.VMAuthResource)
	s.StatefulSets = s.workload.Apps().V1().StatefulSets().Informer()
	s.Deployments = s.workload.Apps().V1().Deployments().Informer()
	s.Namespaces = s.core.Core().V1().Namespaces().Informer()

	// Who owns which field matters in VMClusters, and in VMUsers for what a drain
	// writes.
	for informer, slim := range map[cache.SharedIndexInformer]func(metav1.Object){
		s.VMUsers:  victoriametrics.KeepRouteManagers,
		s.VMAgents: withoutManagedFields, s.VMAuths: withoutManagedFields, s.Namespaces: withoutManagedFields,
		s.StatefulSets: withoutManagedFields, s.Deployments: withoutManagedFields,
	} {
		if err := informer.SetTransform(transform(slim)); err != nil {
			return nil, fmt.Errorf("slimming an informer: %w", err)
		}
	}
	for _, index := range []struct {
		informer cache.SharedIndexInformer
		indexers cache.Indexers
	}{
		{s.VMClusters, cache.Indexers{byOwner: indexByOwner, cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}},
		{s.VMAgents, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}},
		{s.VMUsers, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}},
		{s.StatefulSets, cache.Indexers{byCluster: indexByCluster}},
		{s.Deployments, cache.Indexers{byCluster: indexByCluster}},
	} {
		if err := addIndexers(index.informer, index.indexers); err != nil {
			return nil, fmt.Errorf("adding indexes to an informer: %w", err)
		}
	}
	return s, nil
}

func withoutManagedFields(object metav1.Object) { object.SetManagedFields(nil) }

// transform leaves alone what is no object, such as a tombstone.
func transform(slim func(metav1.Object)) cache.TransformFunc {
	return func(obj any) (any, error) {
		if object, err := meta.Accessor(obj); err == nil {
			slim(object)
		}
		return obj, nil
	}
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

// Run keeps the informers until ctx ends, and returns when they have ended.
func (s *Inventory) Run(ctx context.Context) error {
	s.objects.Start(ctx.Done())
	s.workload.StartWithContext(ctx)
	s.core.StartWithContext(ctx)
	<-ctx.Done()
	s.objects.Shutdown()
	s.workload.Shutdown()
	s.core.Shutdown()
	return nil
}

// HasSynced is true once everything has been read. It stays false for as long as
// one of the operator's kinds is not installed.
func (s *Inventory) HasSynced() bool {
	return !slices.ContainsFunc(s.informers(), func(informer cache.SharedIndexInformer) bool { return !informer.HasSynced() })
}

func (s *Inventory) informers() []cache.SharedIndexInformer {
	return []cache.SharedIndexInformer{s.VMClusters, s.VMAgents, s.VMUsers, s.VMAuths, s.StatefulSets, s.Deployments, s.Namespaces}
}

// Cluster returns a VMCluster.
func (s *Inventory) Cluster(_ context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	return lookUp(s.VMClusters, namespace, name)
}

// CountClusters is how many VMClusters there are in a namespace.
func (s *Inventory) CountClusters(namespace string) (int, error) {
	found, err := s.VMClusters.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	return len(found), err
}

// Clusters returns the VMClusters of all namespaces.
func (s *Inventory) Clusters(context.Context) ([]*unstructured.Unstructured, error) {
	return asUnstructured(s.VMClusters.GetStore().List()), nil
}

// Agent returns a VMAgent.
func (s *Inventory) Agent(_ context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	return lookUp(s.VMAgents, namespace, name)
}

func lookUp(informer cache.SharedIndexInformer, namespace, name string) (*unstructured.Unstructured, error) {
	obj, exists, err := informer.GetIndexer().GetByKey(cache.NewObjectName(namespace, name).String())
	if err != nil || !exists {
		return nil, err
	}
	return obj.(*unstructured.Unstructured), nil
}

// Marked returns the VMClusters that carry the owner's mark.
func (s *Inventory) Marked(_ context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error) {
	found, err := s.VMClusters.GetIndexer().ByIndex(byOwner, owner.String())
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

// Agents returns the VMAgents of a namespace.
func (s *Inventory) Agents(_ context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	found, err := s.VMAgents.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	return asUnstructured(found), err
}

// Users returns the VMUsers of a namespace.
func (s *Inventory) Users(_ context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	found, err := s.VMUsers.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	return asUnstructured(found), err
}

// Auths returns the VMAuths of all namespaces.
func (s *Inventory) Auths(context.Context) ([]*unstructured.Unstructured, error) {
	return asUnstructured(s.VMAuths.GetStore().List()), nil
}

// Routers returns the VMUsers and VMAuths of all namespaces.
func (s *Inventory) Routers(context.Context) ([]*unstructured.Unstructured, error) {
	return append(asUnstructured(s.VMUsers.GetStore().List()), asUnstructured(s.VMAuths.GetStore().List())...), nil
}

func asUnstructured(found []any) []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, len(found))
	for i := range found {
		objects[i] = found[i].(*unstructured.Unstructured)
	}
	return objects
}

// Workloads returns what the operator has made for a VMCluster.
func (s *Inventory) Workloads(_ context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error) {
	key := types.NamespacedName{Namespace: namespace, Name: name}.String()
	sets, err := s.StatefulSets.GetIndexer().ByIndex(byCluster, key)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.Deployments.GetIndexer().ByIndex(byCluster, key)
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

// Namespace returns a Namespace.
func (s *Inventory) Namespace(_ context.Context, name string) (*corev1.Namespace, error) {
	obj, exists, err := s.Namespaces.GetStore().GetByKey(name)
	if err != nil || !exists {
		return nil, err
	}
	return obj.(*corev1.Namespace), nil
}
