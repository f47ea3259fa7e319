// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// byZone indexes VMDistributedClusters by the VMClusters that they name.
const byZone = "zone"

// watch makes every change that a rollout could depend on queue the objects whose
// rollout it is.
func (c *Controller) watch() error {
	if err := c.objects.AddIndexers(cache.Indexers{byZone: indexByZone}); err != nil {
		return fmt.Errorf("adding the index of zones: %w", err)
	}
	for informer, queue := range map[cache.SharedIndexInformer]func(metav1.Object){
		c.objects:             c.queueObject,
		c.cached.vmclusters:   c.queueOwnersOfCluster,
		c.cached.statefulSets: c.queueOwnersOfWorkload,
		c.cached.deployments:  c.queueOwnersOfWorkload,
		c.cached.vmagents:     c.queueNamespace,
		c.cached.vmusers:      c.queueReaders,
		c.cached.vmauths:      c.queueReaders,
		c.cached.namespaces:   c.queueTerminating,
	} {
		if _, err := informer.AddEventHandler(handler(queue)); err != nil {
			return fmt.Errorf("adding an event handler: %w", err)
		}
	}
	return nil
}

// handler calls queue for what an object was and for what it is: a mark or a
// reference that goes away counts too.
func handler(queue func(metav1.Object)) cache.ResourceEventHandler {
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
	return keys, nil
}

func (c *Controller) queueObject(object metav1.Object) {
	c.queue.Add(cache.MetaObjectToName(object))
}

// queueOwnersOfCluster queues who names a VMCluster and whose mark it carries.
func (c *Controller) queueOwnersOfCluster(cluster metav1.Object) {
	c.queueByZone(cluster.GetNamespace(), cluster.GetName())
	if owner, marked, err := victoriametrics.OwnerOf(cluster); err == nil && marked {
		c.queue.Add(cache.NewObjectName(owner.Namespace, owner.Name))
	}
}

func (c *Controller) queueOwnersOfWorkload(workload metav1.Object) {
	namespace, name, ok := victoriametrics.WorkloadCluster(workload)
	if !ok {
		return
	}
	c.queueByZone(namespace, name)
	// One that no zone names any more may be ours all the same, until it is let go.
	cluster, err := lookUp(c.cached.vmclusters, namespace, name)
	if err != nil || cluster == nil {
		return
	}
	if owner, marked, err := victoriametrics.OwnerOf(cluster); err == nil && marked {
		c.queue.Add(cache.NewObjectName(owner.Namespace, owner.Name))
	}
}

func (c *Controller) queueByZone(namespace, name string) {
	c.queueIndexed(byZone, types.NamespacedName{Namespace: namespace, Name: name}.String())
}

// queueNamespace queues all objects beside a VMAgent: those that name it, and
// those that no longer do.
func (c *Controller) queueNamespace(beside metav1.Object) {
	c.queueIndexed(cache.NamespaceIndex, beside.GetNamespace())
}

// queueReaders queues objects that list VMUsers, or bear on one by a drain, and
// those that may wait for a VMUser or VMAuth to let go.
func (c *Controller) queueReaders(router metav1.Object) {
	drained := map[string]bool{}
	if user, ok := router.(*unstructured.Unstructured); ok {
		for _, owner := range victoriametrics.DrainOwners(user) {
			drained[owner.String()] = true
		}
	}
	for _, obj := range c.objects.GetStore().List() {
		object, ok := obj.(*v1alpha1.VMDistributedCluster)
		if !ok {
			continue
		}
		if object.DeletionTimestamp != nil || len(object.Spec.VMUsers) > 0 || drained[object.Namespace+"/"+object.Name] {
			c.queueObject(object)
		}
	}
}

func (c *Controller) queueTerminating(namespace metav1.Object) {
	if ns, ok := namespace.(*corev1.Namespace); ok && ns.DeletionTimestamp != nil {
		c.queueIndexed(cache.NamespaceIndex, ns.Name)
	}
}

func (c *Controller) queueIndexed(index, key string) {
	found, err := c.objects.GetIndexer().ByIndex(index, key)
	if err != nil {
		return // an index that does not exist: a mistake that watch reports
	}
	for _, obj := range found {
		c.queueObject(obj.(metav1.Object))
	}
}
