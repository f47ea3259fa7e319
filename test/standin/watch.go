// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// watches are the caches of all kinds that the stand-in reads.
type watches struct {
	factories []dynamicinformer.DynamicSharedInformerFactory
	informers map[string]cache.SharedIndexInformer
	synced    []cache.InformerSynced
}

// newWatches prepares the caches. Of StatefulSets and Deployments they hold
// those that the operator made.
func newWatches(client dynamic.Interface) *watches {
	all := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	made := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, metav1.NamespaceAll,
		func(o *metav1.ListOptions) { o.LabelSelector = managedByLabel + "=" + managedBy })
	w := &watches{
		factories: []dynamicinformer.DynamicSharedInformerFactory{all, made},
		informers: map[string]cache.SharedIndexInformer{},
	}
	for _, resource := range append(operatorResources(), namespaceResource) {
		w.informers[resource] = all.ForResource(gvr(resource)).Informer()
	}
	for _, resource := range workloadResources() {
		informer := made.ForResource(gvr(resource)).Informer()
		// It fails only for an informer that runs already.
		_ = informer.AddIndexers(cache.Indexers{byOwner: indexByOwner})
		w.informers[resource] = informer
	}
	return w
}

// byOwner finds workloads by the UID of what controls them: among those of thousands of
// VMClusters, a search takes longer than all else that the stand-in does.
const byOwner = "byOwner"

func indexByOwner(obj any) ([]string, error) {
	workload, ok := obj.(metav1.Object)
	if !ok {
		return nil, nil
	}
	if owner := metav1.GetControllerOf(workload); owner != nil {
		return []string{string(owner.UID)}, nil
	}
	return nil, nil
}

// notify calls enqueue with each object that an event makes worth a look.
func (w *watches) notify(enqueue func(key)) error {
	for resource, informer := range w.informers {
		registration, err := informer.AddEventHandler(w.handler(resource, enqueue))
		if err != nil {
			return fmt.Errorf("watching %s: %w", resource, err)
		}
		w.synced = append(w.synced, registration.HasSynced)
	}
	return nil
}

// run fills the caches and returns true when they are filled, false if the
// context ended before.
func (w *watches) run(ctx context.Context) bool {
	for _, factory := range w.factories {
		factory.Start(ctx.Done())
	}
	return cache.WaitForCacheSync(ctx.Done(), w.synced...)
}

// wait returns when the watches have ended, which they do with their context.
func (w *watches) wait() {
	for _, factory := range w.factories {
		factory.Shutdown()
	}
}

func (w *watches) handler(resource string, enqueue func(key)) cache.ResourceEventHandler {
	always := func(obj *unstructured.Unstructured) { w.concern(resource, obj, enqueue) }
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			withObject(obj, always)
			w.usersOnExistence(resource, enqueue)
		},
		UpdateFunc: func(_, obj any) { withObject(obj, always) },
		DeleteFunc: func(obj any) {
			withObject(obj, always)
			w.usersOnExistence(resource, enqueue)
		},
	}
}

// concern enqueues what any event of an object concerns.
func (w *watches) concern(resource string, obj *unstructured.Unstructured, enqueue func(key)) {
	switch resource {
	case statefulSetResource, deploymentResource:
		if owner, ok := ownerOf(obj); ok {
			enqueue(owner)
		}
	case namespaceResource:
		w.enqueueAll(userResource, enqueue)
	case authResource:
		enqueue(keyOf(resource, obj))
		w.enqueueAll(userResource, enqueue)
	default:
		enqueue(keyOf(resource, obj))
	}
}

// usersOnExistence enqueues all VMUsers when something appeared or went that
// they may route to.
func (w *watches) usersOnExistence(resource string, enqueue func(key)) {
	if resource == clusterResource || resource == agentResource {
		w.enqueueAll(userResource, enqueue)
	}
}

func (w *watches) enqueueAll(resource string, enqueue func(key)) {
	for _, obj := range w.list(resource, metav1.NamespaceAll) {
		enqueue(keyOf(resource, obj))
	}
}

// get returns an object from the cache, not to be changed, or nil.
func (w *watches) get(resource, namespace, name string) *unstructured.Unstructured {
	obj, exists, err := w.informers[resource].GetStore().GetByKey(cache.NewObjectName(namespace, name).String())
	if err != nil || !exists {
		return nil
	}
	result, _ := obj.(*unstructured.Unstructured)
	return result
}

// ownedBy returns the workloads that an object controls from the cache, not to be changed.
func (w *watches) ownedBy(resource string, owner metav1.Object) []*unstructured.Unstructured {
	// It fails only for an index that does not exist.
	found, _ := w.informers[resource].GetIndexer().ByIndex(byOwner, string(owner.GetUID()))
	var result []*unstructured.Unstructured
	for _, obj := range found {
		withObject(obj, func(o *unstructured.Unstructured) { result = append(result, o) })
	}
	return result
}

// list returns the objects of a namespace from the cache, not to be changed.
func (w *watches) list(resource, namespace string) []*unstructured.Unstructured {
	var result []*unstructured.Unstructured
	// It fails only for an index that does not exist, and then searches without.
	_ = cache.ListAllByNamespace(w.informers[resource].GetIndexer(), namespace, labels.Everything(), func(obj any) {
		withObject(obj, func(o *unstructured.Unstructured) { result = append(result, o) })
	})
	return result
}

// withObject calls back with the object of an event, if it is one.
func withObject(event any, do func(*unstructured.Unstructured)) {
	if gone, ok := event.(cache.DeletedFinalStateUnknown); ok {
		event = gone.Obj
	}
	if obj, ok := event.(*unstructured.Unstructured); ok {
		do(obj)
	}
}

// ownerOf returns the object of the operator's kinds that controls a workload.
func ownerOf(workload *unstructured.Unstructured) (key, bool) {
	ref := metav1.GetControllerOf(workload)
	if ref == nil || ref.APIVersion != apiVersion {
		return key{}, false
	}
	owner := key{resource: resourceOfKind(ref.Kind), namespace: workload.GetNamespace(), name: ref.Name}
	return owner, owner.resource != ""
}
