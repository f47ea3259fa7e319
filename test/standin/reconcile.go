// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// finalizer is the operator's.
const finalizer = "apps.victoriametrics.com/finalizer"

// fieldManager owns what the stand-in writes.
const fieldManager = "vmoperator-standin"

// reconcileFunc looks at one object, and says when to look again if nothing
// happens; zero is never.
type reconcileFunc func(ctx context.Context, k key) (time.Duration, error)

// reconciler carries out what is decided.
type reconciler struct {
	client  dynamic.Interface
	options Options
	memory  *memory
	watches *watches
}

// reconcile looks at one object. That the API server has a newer version of
// something than the cache is no error: its event is on the way.
func (r *reconciler) reconcile(ctx context.Context, k key) (time.Duration, error) {
	after, err := r.look(ctx, k)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return 0, nil
	}
	return after, err
}

func (r *reconciler) look(ctx context.Context, k key) (time.Duration, error) {
	obj := r.watches.get(k.resource, k.namespace, k.name)
	if obj == nil {
		r.memory.forget(k)
		return 0, nil
	}
	orders := r.options.ordersFor(obj)
	switch {
	case orders.behaviour == Deaf:
		return 0, nil
	case obj.GetDeletionTimestamp() != nil:
		return 0, r.finish(ctx, k, obj)
	case !slices.Contains(obj.GetFinalizers(), finalizer):
		// The event of this write brings the object back here.
		return 0, r.setFinalizers(ctx, k, obj, append(slices.Clone(obj.GetFinalizers()), finalizer))
	case k.resource == userResource:
		return r.reconcileUser(ctx, k, obj, orders)
	}
	return r.reconcileObject(ctx, k, obj, orders)
}

// finish lets go of an object under deletion, after its workloads.
func (r *reconciler) finish(ctx context.Context, k key, obj *unstructured.Unstructured) error {
	finalizers := obj.GetFinalizers()
	if !slices.Contains(finalizers, finalizer) {
		return nil
	}
	if err := r.removeAll(ctx, k, obj); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(finalizers), func(f string) bool { return f == finalizer })
	return r.setFinalizers(ctx, k, obj, rest)
}

// removeAll takes away what is there because of an object.
func (r *reconciler) removeAll(ctx context.Context, k key, obj *unstructured.Unstructured) error {
	if k.resource == userResource {
		return r.withdraw(ctx, obj)
	}
	if r.options.Pods != nil {
		if err := r.options.Pods.Remove(ctx, obj); err != nil {
			return fmt.Errorf("removing the pods of %s: %w", k, err)
		}
	}
	return r.removeAllWorkloads(ctx, obj)
}

func (r *reconciler) setFinalizers(ctx context.Context, k key, obj *unstructured.Unstructured, finalizers []string) error {
	next := obj.DeepCopy()
	next.SetFinalizers(finalizers)
	_, err := r.client.Resource(gvr(k.resource)).Namespace(k.namespace).Update(ctx, next, metav1.UpdateOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("writing the finalizers of %s: %w", k, err)
	}
	return nil
}

// report writes the status of an object, unless it is that already.
func (r *reconciler) report(ctx context.Context, resource string, obj *unstructured.Unstructured, status map[string]any) error {
	if sameStatus(obj, status) {
		return nil
	}
	next := obj.DeepCopy()
	next.Object["status"] = status
	_, err := r.client.Resource(gvr(resource)).Namespace(obj.GetNamespace()).UpdateStatus(ctx, next, metav1.UpdateOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("writing the status of %s: %w", keyOf(resource, obj), err)
	}
	return nil
}
