// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"maps"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// lastAppliedSpec is where the operator keeps the spec that it last acted upon.
const lastAppliedSpec = "lastAppliedSpec"

// observe reads from an object what decide needs, and returns the object whose
// spec is in force: itself or, under Stale, as it was when last observed.
func observe(obj *unstructured.Unstructured, orders orders, last episode) (observed, *unstructured.Unstructured, error) {
	o := observed{orders: orders, generation: obj.GetGeneration(), since: last.since}
	if err := decode(obj, "status", &o.status); err != nil {
		return o, nil, err
	}
	applied := nested(obj.Object, "status", lastAppliedSpec)
	played := obj
	if orders.behaviour == Stale && applied != nil {
		played = obj.DeepCopy()
		played.Object["spec"] = applied
		o.generation = o.status.ObservedGeneration
	}
	spec := nested(played.Object, "spec")
	o.paused, _, _ = unstructured.NestedBool(spec, "paused")
	o.changed = applied == nil || !equality.Semantic.DeepEqual(spec, applied)
	return o, played, nil
}

// statusAfter returns the whole status of an object that reports a decision;
// extra holds fields that its kind adds to it.
func statusAfter(obj, played *unstructured.Unstructured, d decision, extra map[string]any) (map[string]any, error) {
	result := nested(obj.Object, "status")
	if d.status == nil {
		return result, nil
	}
	result = without(result, "reason")
	reported, err := encode(d.status)
	if err != nil {
		return nil, err
	}
	maps.Copy(result, reported)
	maps.Copy(result, extra)
	if d.takeUp {
		result[lastAppliedSpec] = without(nested(played.Object, "spec"))
	}
	return result, nil
}
