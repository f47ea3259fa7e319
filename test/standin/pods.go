// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Pods is what runs behind the objects, where something does. The stand-in goes
// on deciding what is reported and when; that a spec has taken effect it then
// says only after Pods does.
//
// All methods are called again and again for the same state, each object by one
// goroutine at a time, and with objects that they must not change. They do not
// wait for what they begin: Operator.Reconsider brings the stand-in back.
type Pods interface {
	// Play makes the pods of a VMCluster, VMAgent or VMAuth what its spec says
	// and tells whether all of them run by it and are ready. With up false, the
	// pods that run by an earlier spec end, and none of this one begins.
	Play(ctx context.Context, obj *unstructured.Unstructured, up bool) (ready bool, err error)
	// Remove ends the pods of an object under deletion.
	Remove(ctx context.Context, obj *unstructured.Unstructured) error
	// Serve puts a VMUser into the configuration of a VMAuth that selects it
	// and tells whether the VMUser may be reported as applied. A VMUser with a
	// problem is left out of the configuration.
	Serve(ctx context.Context, auth, user *unstructured.Unstructured, problem string) (applied bool, err error)
	// Withdraw takes a VMUser out of the configuration of a VMAuth.
	Withdraw(ctx context.Context, auth, user *unstructured.Unstructured) error
}

// playPods brings the pods of an object to where a decision wants its workloads
// and corrects the decision by what they say.
func (r *reconciler) playPods(ctx context.Context, obj *unstructured.Unstructured, d decision) (decision, error) {
	if r.options.Pods == nil || d.stage == untouched || d.takeUp {
		// What is taken up is said first; the event of that brings the object back.
		return d, nil
	}
	ready, err := r.options.Pods.Play(ctx, obj, d.stage != begun)
	if err != nil || ready {
		return d, err
	}
	return d.withoutPods(nested(obj.Object, "status")), nil
}

// withoutPods is the decision where the pods of the spec are not ready (yet).
func (d decision) withoutPods(status map[string]any) decision {
	if d.stage == begun {
		return d
	}
	if status["updateStatus"] == operational {
		d.stage = unready
		return d
	}
	waiting := *d.status
	waiting.UpdateStatus, waiting.Reason = expanding, ""
	d.status, d.stage = &waiting, begun
	return d
}
