// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// userSpec is the part of a VMUser's spec that makes it valid or not.
type userSpec struct {
	TargetRefs []targetRef `json:"targetRefs"`
}

// observeUser reads from a VMUser, and from the VMAuths beside it, what
// decideUser needs.
func observeUser(user *unstructured.Unstructured, orders orders, last episode, auths []servingAuth) (observedUser, error) {
	u := observedUser{orders: orders, generation: user.GetGeneration(), since: last.since, auths: auths}
	return u, decode(user, "status", &u.status)
}

// serve judges a VMUser as a VMAuth would. It returns false for a VMAuth that
// says nothing on any VMUser: one whose configuration comes from elsewhere, or
// one under deletion, whose conditions the operator leaves behind.
func serve(auth *unstructured.Unstructured, orders orders, user *unstructured.Unstructured, by selectable, exists existence) (servingAuth, bool, error) {
	result := servingAuth{orders: orders, namespace: auth.GetNamespace(), name: auth.GetName()}
	var spec authSpec
	if err := decode(auth, "spec", &spec); err != nil {
		return result, false, err
	}
	if auth.GetDeletionTimestamp() != nil || spec.SecretRef != nil || spec.LocalPath != "" {
		return result, false, nil
	}
	selects, err := spec.selects(auth.GetNamespace(), by)
	if err != nil {
		return result, false, err
	}
	result.selects = selects
	var wanted userSpec
	if err := decode(user, "spec", &wanted); err != nil {
		return result, false, err
	}
	if err := checkTargets(wanted.TargetRefs, spec.DefaultTargetRefs, exists); err != nil {
		result.problem = err.Error()
	}
	return result, true, nil
}
