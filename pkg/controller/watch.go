// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// The indexes of VMDistributedClusters.
const (
	byZone    = "zone"    // by the VMClusters that they name
	byUser    = "user"    // by the VMUsers that they list
	byLeaving = "leaving" // those that are being deleted, all under the same key
)

// leaving is the key of the objects that are being deleted.
const leaving = "leaving"

// watch makes every change that a rollout could depend on queue the objects whose
// rollout it is.
func (c *shift) watch() error {
	err := c.objects.AddIndexers(cache.Indexers{byZone: indexByZone, byUser: indexByUser, byLeaving: indexByLeaving})
	if err != nil {
		return fmt.Errorf("adding the indexes of VMDistributedClusters: %w", err)
	}
	for informer, react := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		c.objects:                handler(c.queueObject),
		c.inventory.VMClusters:   handler(c.queueOwnersOfCluster),
		c.inventory.StatefulSets: handler(c.queueOwnersOfWorkload),
		c.inventory.Deployments:  handler(c.queueOwnersOfWorkload),
		c.inventory.VMAgents:     handler(c.queueNamespace),
		c.inventory.VMUsers:      handler(c.queueByUser),
		c.inventory.VMAuths:      specHandler(c.queueReaders),
		c.inventory.Namespaces:   handler(c.queueTerminating),
	} {
		added, err := informer.AddEventHandler(react)
		if err != nil {
			return fmt.Errorf("adding an event handler: %w", err)
		}
		c.unwatch = append(c.unwatch, func() { _ = informer.RemoveEventHandler(added) }) // it was added
	}
	forget, err := c.halt.OnChange(c.queueAll)
	if err != nil {
		return err
	}
	c.unwatch = append(c.unwatch, forget)
	return nil
}

func (c *shift) queueAll() {
	for _, key := range c.objects.GetStore().ListKeys() {
		if name, err := cache.ParseObjectName(key); err == nil {
			c.queue.Add(name)
		}
	}
}

// handler calls queue for what an object was and for what it is: a mark or a
// reference that goes away counts too.
func handler(queue func(metav1.Object)) cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { queue(obj.(metav1.Object)) },
		UpdateFunc: func(old, obj any) {
			before, after := old.(metav1.Object), obj.(metav1.Object)
			if before.GetResourceVersion() == after.GetResourceVersion() {
				return
			}
			queue(before)
			queue(after)
		},
		DeleteFunc: func(obj any) {
			if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = tombstone.Obj
			}
			if last, ok := obj.(metav1.Object); ok {
				queue(last)
			}
		},
	}
}

// specHandler is handler for objects of which nothing is read but who they are and
// their spec: it leaves out changes of status, labels and annotations.
func specHandler(queue func(metav1.Object)) cache.ResourceEventHandlerFuncs {
	all := handler(queue)
	react := all
	react.UpdateFunc = func(old, obj any) {
		before, after := old.(metav1.Object), obj.(metav1.Object)
		deleted := (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil)
		if deleted || before.GetUID() != after.GetUID() || before.GetGeneration() != after.GetGeneration() {
			all.UpdateFunc(old, obj)
		}
	}
	return react
}

func indexByZone(obj any) ([]string, error) {
	object, ok := obj.(*v1alpha1.VMDistributedCluster)
	if !ok {
		return nil, nil
	}
	var keys []string
	for _, zone := range object.Spec.Zones.VMClusters {
		name := zone.Name
		if zone.Ref != nil {
			name = zone.Ref.Name
		}
		keys = append(keys, types.NamespacedName{Namespace: object.Namespace, Name: name}.String())
	}
	for _, zone := range object.Status.Zones {
		// One that the list no longer names may have to be given its reads back.
		if key := (types.NamespacedName{Namespace: object.Namespace, Name: zone.Name}).String(); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func indexByUser(obj any) ([]string, error) {
	object, ok := obj.(*v1alpha1.VMDistributedCluster)
	if !ok {
		return nil, nil
	}
	var keys []string
	for _, user := range object.Spec.VMUsers {
		keys = append(keys, types.NamespacedName{Namespace: object.Namespace, Name: user.Name}.String())
	}
	return keys, nil
}

func indexByLeaving(obj any) ([]string, error) {
	object, ok := obj.(*v1alpha1.VMDistributedCluster)
	if !ok || object.DeletionTimestamp == nil {
		return nil, nil
	}
	return []string{leaving}, nil
}

func (c *shift) queueObject(object metav1.Object) {
	c.queue.Add(cache.MetaObjectToName(object))
}

// queueOwnersOfCluster queues who names a VMCluster and whose mark it carries.
func (c *shift) queueOwnersOfCluster(cluster metav1.Object) {
	c.queueByZone(cluster.GetNamespace(), cluster.GetName())
	if owner, marked, err := victoriametrics.OwnerOf(cluster); err == nil && marked {
		c.queue.Add(cache.NewObjectName(owner.Namespace, owner.Name))
	}
}

func (c *shift) queueOwnersOfWorkload(workload metav1.Object) {
	namespace, name, ok := victoriametrics.WorkloadCluster(workload)
	if !ok {
		return
	}
	c.queueByZone(namespace, name)
	// One that no zone names any more may be ours all the same, until it is let go.
	cluster, err := c.inventory.Cluster(context.Background(), namespace, name)
	if err != nil || cluster == nil {
		return
	}
	if owner, marked, err := victoriametrics.OwnerOf(cluster); err == nil && marked {
		c.queue.Add(cache.NewObjectName(owner.Namespace, owner.Name))
	}
}

func (c *shift) queueByZone(namespace, name string) {
	c.queueIndexed(byZone, types.NamespacedName{Namespace: namespace, Name: name}.String())
}

// queueNamespace queues all objects beside a VMAgent: those that name it, and
// those that no longer do.
func (c *shift) queueNamespace(beside metav1.Object) {
	c.queueIndexed(cache.NamespaceIndex, beside.GetNamespace())
}

// queueByUser queues objects that list a VMUser, those whose drains it bears, and
// those that may wait for it to let go of their zones.
func (c *shift) queueByUser(user metav1.Object) {
	c.queueIndexed(byUser, types.NamespacedName{Namespace: user.GetNamespace(), Name: user.GetName()}.String())
	c.queueIndexed(byLeaving, leaving)
	bearer, ok := user.(*unstructured.Unstructured)
	if !ok {
		return
	}
	records, err := victoriametrics.DrainRecords(bearer)
	if err != nil {
		// It may be anybody's: none of its namespace can tell its own reads.
		c.queueIndexed(cache.NamespaceIndex, user.GetNamespace())
		return
	}
	for _, record := range records {
		c.queue.Add(cache.NewObjectName(record.Owner.Namespace, record.Owner.Name))
	}
}

// queueReaders queues objects that list VMUsers, which a VMAuth may serve, and
// those that may wait for it to let go of their zones.
func (c *shift) queueReaders(metav1.Object) {
	c.queueIndexed(byLeaving, leaving)
	for _, obj := range c.objects.GetStore().List() {
		if object, ok := obj.(*v1alpha1.VMDistributedCluster); ok && len(object.Spec.VMUsers) > 0 {
			c.queueObject(object)
		}
	}
}

func (c *shift) queueTerminating(namespace metav1.Object) {
	if ns, ok := namespace.(*corev1.Namespace); ok && ns.DeletionTimestamp != nil {
		c.queueIndexed(cache.NamespaceIndex, ns.Name)
	}
}

func (c *shift) queueIndexed(index, key string) {
	found, err := c.objects.GetIndexer().ByIndex(index, key)
	if err != nil {
		return // an index that does not exist: a mistake that watch reports
	}
	for _, obj := range found {
		c.queueObject(obj.(metav1.Object))
	}
}
