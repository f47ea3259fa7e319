// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/klog/v2"
)

// reconcileUser plays what the VMAuths make of a VMUser.
func (r *reconciler) reconcileUser(ctx context.Context, k key, user *unstructured.Unstructured, orders orders) (time.Duration, error) {
	now := time.Now()
	last := r.memory.recall(k, user.GetUID())
	if last.generation != user.GetGeneration() {
		last = episode{uid: user.GetUID(), generation: user.GetGeneration(), since: now}
		r.memory.keep(k, last)
	}
	u, err := observeUser(user, orders, last, r.servingAuths(ctx, user))
	if err != nil {
		return 0, err
	}
	if err := r.serveUser(ctx, user, u, now); err != nil {
		return 0, err
	}
	decided, after := decideUser(u, now)
	next, err := encode(decided)
	if err != nil {
		return 0, err
	}
	return after, r.report(ctx, userResource, user, next)
}

// serveUser brings a VMUser into the configurations of the VMAuths that are to
// apply it now, and notes which of them have not done so yet.
func (r *reconciler) serveUser(ctx context.Context, user *unstructured.Unstructured, u observedUser, now time.Time) error {
	if r.options.Pods == nil || u.held() {
		return nil
	}
	for i := range u.auths {
		auth := &u.auths[i]
		object := r.watches.get(authResource, auth.namespace, auth.name)
		if object == nil || auth.silent() || auth.selects && u.remaining(*auth, now) > 0 {
			continue
		}
		if !auth.selects {
			if err := r.options.Pods.Withdraw(ctx, object, user); err != nil {
				return fmt.Errorf("withdrawing VMUser %s/%s: %w", user.GetNamespace(), user.GetName(), err)
			}
			continue
		}
		applied, err := r.options.Pods.Serve(ctx, object, user, u.problemAt(*auth))
		if err != nil {
			return fmt.Errorf("serving VMUser %s/%s: %w", user.GetNamespace(), user.GetName(), err)
		}
		auth.pending = !applied
	}
	return nil
}

// withdraw takes a VMUser out of all configurations.
func (r *reconciler) withdraw(ctx context.Context, user *unstructured.Unstructured) error {
	if r.options.Pods == nil {
		return nil
	}
	for _, auth := range r.watches.list(authResource, metav1.NamespaceAll) {
		if err := r.options.Pods.Withdraw(ctx, auth, user); err != nil {
			return fmt.Errorf("withdrawing VMUser %s/%s: %w", user.GetNamespace(), user.GetName(), err)
		}
	}
	return nil
}

// servingAuths returns the VMAuths that have something to say on a VMUser, in
// the order of their names.
func (r *reconciler) servingAuths(ctx context.Context, user *unstructured.Unstructured) []servingAuth {
	by := selectable{namespace: user.GetNamespace(), labels: user.GetLabels()}
	if namespace := r.watches.get(namespaceResource, "", user.GetNamespace()); namespace != nil {
		by.namespaceLabels = namespace.GetLabels()
	}
	var result []servingAuth
	for _, auth := range r.watches.list(authResource, metav1.NamespaceAll) {
		serving, ok, err := serve(auth, r.options.ordersFor(auth), user, by, r.exists)
		if err != nil {
			// The VMAuth's own mistake; the VMUser has no part in it.
			klog.FromContext(ctx).Error(err, "Passing over a VMAuth", "object", keyOf(authResource, auth).String())
		}
		if ok {
			result = append(result, serving)
		}
	}
	slices.SortFunc(result, func(a, b servingAuth) int {
		return strings.Compare(a.namespace+"/"+a.name, b.namespace+"/"+b.name)
	})
	return result
}

func (r *reconciler) exists(resource string, ref objectRef) bool {
	return r.watches.get(resource, ref.Namespace, ref.Name) != nil
}
