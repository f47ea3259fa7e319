// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/klog/v2"
)

// reconcileObject plays a VMCluster, VMAgent or VMAuth.
func (r *reconciler) reconcileObject(ctx context.Context, k key, obj *unstructured.Unstructured, orders orders) (time.Duration, error) {
	now := time.Now()
	o, played, err := observe(obj, orders, r.memory.recall(k, obj.GetUID()))
	if err != nil {
		return 0, err
	}
	wanted, err := workloadsOf(k.resource, played)
	if err != nil {
		o.behaviour, o.reason, o.lag = Fail, err.Error(), 0
	}
	d := decide(o, now)
	if err != nil {
		d.stage = untouched
	}
	if d.begin {
		r.memory.keep(k, episode{uid: obj.GetUID(), generation: o.generation, since: now})
	}
	if d, err = r.playPods(ctx, played, d); err != nil {
		return 0, fmt.Errorf("playing the pods of %s: %w", k, err)
	}
	return d.requeueAfter, r.carryOut(ctx, k, obj, played, d, wanted)
}

// carryOut does what was decided. That a spec is taken up is said before the
// workloads change, that it is in force after they did.
func (r *reconciler) carryOut(ctx context.Context, k key, obj, played *unstructured.Unstructured, d decision, wanted []workload) error {
	extra, err := extraStatus(k.resource, played)
	if err != nil {
		return err
	}
	next, err := statusAfter(obj, played, d, extra)
	if err != nil {
		return err
	}
	if d.status != nil && d.status.UpdateStatus == expanding && !sameStatus(obj, next) {
		// The event of this write brings the object back here, for the workloads.
		klog.FromContext(ctx).V(2).Info("Expanding", "object", k.String(), "generation", d.status.ObservedGeneration)
		return r.report(ctx, k.resource, obj, next)
	}
	if d.stage != untouched {
		if err := r.playWorkloads(ctx, k, played, wanted, d.stage); err != nil {
			return err
		}
	}
	return r.report(ctx, k.resource, obj, next)
}

func sameStatus(obj *unstructured.Unstructured, status map[string]any) bool {
	return equality.Semantic.DeepEqual(nested(obj.Object, "status"), status)
}
