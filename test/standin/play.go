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

// playWorkloads brings the workloads of an object to a stage and removes those
// that it no longer has.
func (r *reconciler) playWorkloads(ctx context.Context, k key, owner *unstructured.Unstructured, wanted []workload, s stage) error {
	faulty := slices.IndexFunc(wanted, func(w workload) bool { return w.replicas > 0 })
	for i, w := range wanted {
		live, err := r.define(ctx, w)
		if err != nil {
			return fmt.Errorf("playing %s: %w", k, err)
		}
		own := s
		if s == unready && i != faulty {
			own = converged
		}
		if err := r.progress(ctx, w, live, own); err != nil {
			return fmt.Errorf("playing %s: %w", k, err)
		}
	}
	return r.removeOthers(ctx, owner, wanted)
}

// define makes sure that a workload has its definition, and returns it.
func (r *reconciler) define(ctx context.Context, w workload) (*unstructured.Unstructured, error) {
	namespace, name := w.object.GetNamespace(), w.object.GetName()
	live := r.watches.get(w.resource, namespace, name)
	if live == nil {
		created, err := r.create(ctx, w)
		if !apierrors.IsAlreadyExists(err) {
			return created, err
		}
		// The cache is behind, or the object lacks the label that it is held by.
		if live, err = r.workloads(w.resource, namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return nil, describe("reading", w.resource, namespace, name, err)
		}
	}
	switch {
	case isDefinedAs(live, w.object):
		return live, nil
	case mustBeMadeAnew(live, w.object):
		if err := r.remove(ctx, w.resource, live); err != nil {
			return nil, err
		}
		return r.create(ctx, w)
	}
	updated, err := r.workloads(w.resource, namespace).Update(ctx, redefined(live, w.object), metav1.UpdateOptions{FieldManager: fieldManager})
	return updated, describe("updating", w.resource, namespace, name, err)
}

func (r *reconciler) create(ctx context.Context, w workload) (*unstructured.Unstructured, error) {
	namespace, name := w.object.GetNamespace(), w.object.GetName()
	created, err := r.workloads(w.resource, namespace).Create(ctx, w.object, metav1.CreateOptions{FieldManager: fieldManager})
	return created, describe("creating", w.resource, namespace, name, err)
}

// isDefinedAs trusts the annotation: nobody but the stand-in writes these
// definitions. The annotation covers the owner.
func isDefinedAs(live, wanted *unstructured.Unstructured) bool {
	return live.GetAnnotations()[desiredAnnotation] == wanted.GetAnnotations()[desiredAnnotation]
}

// mustBeMadeAnew tells that a StatefulSet differs in what cannot be changed.
func mustBeMadeAnew(live, wanted *unstructured.Unstructured) bool {
	for _, field := range []string{"podManagementPolicy", "serviceName"} {
		if nested(live.Object, "spec")[field] != nested(wanted.Object, "spec")[field] {
			return true
		}
	}
	return false
}

func redefined(live, wanted *unstructured.Unstructured) *unstructured.Unstructured {
	next := live.DeepCopy()
	next.SetLabels(merged(live.GetLabels(), wanted.GetLabels()))
	next.SetAnnotations(merged(live.GetAnnotations(), wanted.GetAnnotations()))
	next.SetOwnerReferences(wanted.GetOwnerReferences())
	next.Object["spec"] = nested(wanted.Object, "spec")
	return next
}

// progress reports a workload at a stage.
func (r *reconciler) progress(ctx context.Context, w workload, live *unstructured.Unstructured, s stage) error {
	var before counts
	if err := decode(live, "status", &before); err != nil {
		return err
	}
	after := before.at(s, live.GetGeneration(), w.replicas, w.revision)
	if w.resource == deploymentResource {
		after.CurrentRevision, after.UpdateRevision = "", ""
	}
	if after == before {
		return nil
	}
	status, err := after.status(w.resource, w.replicas, time.Now())
	if err != nil {
		return err
	}
	return r.report(ctx, w.resource, live, status)
}

// removeOthers deletes the workloads of an object that it no longer wants.
func (r *reconciler) removeOthers(ctx context.Context, owner *unstructured.Unstructured, wanted []workload) error {
	for _, resource := range workloadResources() {
		for _, live := range r.watches.ownedBy(resource, owner) {
			isWanted := func(w workload) bool { return w.resource == resource && w.object.GetName() == live.GetName() }
			if slices.ContainsFunc(wanted, isWanted) {
				continue
			}
			if err := r.remove(ctx, resource, live); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeAllWorkloads deletes all workloads of an object. It asks the API server
// for them: the cache may not hold the youngest.
func (r *reconciler) removeAllWorkloads(ctx context.Context, owner *unstructured.Unstructured) error {
	selector := metav1.ListOptions{LabelSelector: fmt.Sprintf("%s=%s,%s=%s", instanceLabel, owner.GetName(), managedByLabel, managedBy)}
	for _, resource := range workloadResources() {
		found, err := r.workloads(resource, owner.GetNamespace()).List(ctx, selector)
		if err != nil {
			return fmt.Errorf("listing %s of %s %s/%s: %w", resource, owner.GetKind(), owner.GetNamespace(), owner.GetName(), err)
		}
		for i := range found.Items {
			if !metav1.IsControlledBy(&found.Items[i], owner) {
				continue
			}
			if err := r.remove(ctx, resource, &found.Items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reconciler) remove(ctx context.Context, resource string, live *unstructured.Unstructured) error {
	policy, uid := metav1.DeletePropagationBackground, live.GetUID()
	err := r.workloads(resource, live.GetNamespace()).Delete(ctx, live.GetName(), metav1.DeleteOptions{
		PropagationPolicy: &policy,
		Preconditions:     &metav1.Preconditions{UID: &uid},
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return describe("deleting", resource, live.GetNamespace(), live.GetName(), err)
}

func (r *reconciler) workloads(resource, namespace string) dynamic.ResourceInterface {
	return r.client.Resource(gvr(resource)).Namespace(namespace)
}

// describe adds what was tried to an error, if there is one.
func describe(doing, resource, namespace, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s %s/%s: %w", doing, resource, namespace, name, err)
}
