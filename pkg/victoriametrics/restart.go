// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// RestartAnnotation is on the pods of a VMCluster, by podMetadata of its components: when
// somebody last had them be started anew. As with kubectl rollout restart, another value
// is another pod template, and what was restarted once keeps it.
const RestartAnnotation = AnnotationPrefix + "restartedAt"

// podsOf are the paths of what describes the pods of each component.
func podsOf() [][]string {
	return [][]string{{vmstorage.field}, {vmselect.field}, {vminsert.field}, {"requestsLoadBalancer", "spec"}}
}

// WithRestart returns a spec whose pods carry the annotation. Components that the spec
// does not have stay out of it.
func WithRestart(spec map[string]any, at string) map[string]any {
	if at == "" {
		return spec
	}
	return mergePatches(nil, spec, restartOf(spec, at))
}

// OverrideWithRestart returns an override with which the pods of a referenced VMCluster
// carry the annotation, whichever components that has once it is overridden. It is an
// error when the record of the present override can't be read.
func OverrideWithRestart(live *unstructured.Unstructured, patch map[string]any, at string) (map[string]any, error) {
	if at == "" {
		return patch, nil
	}
	own, err := OwnDefinition(live)
	if err != nil {
		return nil, err
	}
	return mergePatches(own, patch, restartOf(override.Apply(own, patch), at)), nil
}

// restartOf is the merge patch that annotates the pods of each component of a spec.
func restartOf(spec map[string]any, at string) map[string]any {
	patch := map[string]any{}
	for _, path := range podsOf() {
		if object(spec, path[0]) == nil || path[0] == "requestsLoadBalancer" && object(spec, path[0])["enabled"] != true {
			continue
		}
		pods := map[string]any{"podMetadata": map[string]any{"annotations": map[string]any{RestartAnnotation: at}}}
		for i := len(path) - 1; i > 0; i-- {
			pods = map[string]any{path[i]: pods}
		}
		patch[path[0]] = pods
	}
	return patch
}

// mergePatches returns one merge patch on a document that does what two do, one after the
// other. What the first removes, and the second puts something into, it removes by its
// members.
func mergePatches(on, first, second map[string]any) map[string]any {
	merged := copyOf(first)
	for key, value := range second {
		inner, isObject := value.(map[string]any)
		if !isObject {
			merged[key] = value
			continue
		}
		before := object(merged, key)
		if removed, there := merged[key]; there && removed == nil {
			before = map[string]any{}
			for member := range object(on, key) {
				before[member] = nil
			}
		}
		merged[key] = mergePatches(object(on, key), before, inner)
	}
	return merged
}
