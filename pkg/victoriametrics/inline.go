// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// NotOursError says that a VMCluster exists under the name of an inline zone and
// is not marked as managed by the VMDistributedCluster. It is never written.
type NotOursError struct {
	Cluster types.NamespacedName
	Owner   types.NamespacedName
	// Marked is the owner that it is marked with instead, nil for none.
	Marked *types.NamespacedName
}

func (e *NotOursError) Error() string {
	whose := "carries no mark of ours"
	if e.Marked != nil {
		whose = fmt.Sprintf("is managed by VMDistributedCluster %s", *e.Marked)
	}
	return fmt.Sprintf("VMCluster %s exists and %s, so VMDistributedCluster %s leaves it alone: refer to it with ref, or give the zone another name",
		e.Cluster, whose, e.Owner)
}

// InlineDifference compares a VMCluster with the definition of an inline zone
// and its Revision. It returns a *NotOursError for a cluster without the mark of
// owner. An owner-uid that differs is not a difference.
//
// The kind is Spec where the live spec does not contain the definition, or where
// a new revision drops what an earlier one had set: Paths has both. A revision
// that differs while applying the definition would provably change nothing in
// the spec is Metadata: the paths that we own are all in the definition, and
// lists are equal. Where metadata.managedFields does not tell what we own, a
// differing revision counts as Spec, with no paths.
func InlineDifference(live *unstructured.Unstructured, spec map[string]any, owner types.NamespacedName, revision string) (Difference, error) {
	if err := checkOwner(live, owner); err != nil {
		return Difference{}, err
	}
	liveSpec := object(live.Object, "spec")
	paths := missing(liveSpec, spec, nil, listContains)
	sameRevision := RevisionOf(live) == revision
	told := false
	if !sameRevision {
		var ours specFields
		if ours, told = appliedByUs(live); told {
			paths = append(paths, dropped(ours, liveSpec, spec)...)
		}
	}
	switch {
	case len(paths) > 0:
		return Difference{Kind: DifferenceSpec, Paths: dottedPaths(paths), Managers: otherManagers(live, paths)}, nil
	case sameRevision:
		return Difference{Kind: DifferenceNone}, nil
	case !told:
		return Difference{Kind: DifferenceSpec}, nil
	}
	if lists := missing(liveSpec, spec, nil, listEqual); len(lists) > 0 {
		return Difference{Kind: DifferenceSpec, Paths: dottedPaths(lists), Managers: otherManagers(live, lists)}, nil
	}
	return Difference{Kind: DifferenceMetadata}, nil
}

func checkOwner(live *unstructured.Unstructured, owner types.NamespacedName) error {
	have, marked, err := OwnerOf(live)
	if err != nil {
		return err
	}
	cluster := types.NamespacedName{Namespace: live.GetNamespace(), Name: live.GetName()}
	switch {
	case !marked:
		return &NotOursError{Cluster: cluster, Owner: owner}
	case have != owner:
		return &NotOursError{Cluster: cluster, Owner: owner, Marked: &have}
	}
	return nil
}

// dropped returns the paths that we own, that live has, and that the definition
// no longer mentions: applying it removes them.
func dropped(ours specFields, live, spec map[string]any) [][]string {
	var paths [][]string
	for _, leaf := range ours.leaves {
		if member(live, leaf...) != nil && !mentions(spec, leaf) {
			paths = append(paths, leaf)
		}
	}
	return paths
}

func mentions(spec map[string]any, path []string) bool {
	last := len(path) - 1
	_, there := object(spec, path[:last]...)[path[last]]
	return there
}

// InlineTarget is what applying the definition of an inline zone will make of the
// live spec, as far as that can be told without asking the API server: a schema or
// a webhook may add to it. What we set earlier and the definition no longer mentions
// goes, unless somebody else has set it too.
func InlineTarget(live *unstructured.Unstructured, spec map[string]any) map[string]any {
	liveSpec := object(live.Object, "spec")
	target := copyOf(liveSpec)
	for _, path := range missing(liveSpec, spec, nil, listContains) {
		putAt(target, path, member(spec, path...))
	}
	if ours, told := appliedByUs(live); told {
		for _, path := range dropped(ours, liveSpec, spec) {
			if len(otherManagers(live, [][]string{path})) == 0 {
				putAt(target, path, nil)
			}
		}
	}
	return target
}

// putAt sets the value at a path; nil takes it away.
func putAt(document map[string]any, path []string, value any) {
	if len(path) == 0 {
		return
	}
	for _, key := range path[:len(path)-1] {
		below, ok := document[key].(map[string]any)
		if !ok {
			below = map[string]any{}
			document[key] = below
		}
		document = below
	}
	last := path[len(path)-1]
	if value == nil {
		delete(document, last)
		return
	}
	document[last] = runtime.DeepCopyJSONValue(value)
}

// InlineApply returns the body that server-side apply takes for an inline zone,
// under FieldManager and with force. With a resourceVersion it applies to that
// state only; with "" it creates the cluster, or changes whatever is there.
func InlineApply(namespace, name string, owner types.NamespacedName, ownerUID types.UID, revision string, spec map[string]any, resourceVersion string) *unstructured.Unstructured {
	annotations := map[string]any{
		OwnerAnnotation:    owner.String(),
		RevisionAnnotation: revision,
	}
	if ownerUID != "" {
		annotations[OwnerUIDAnnotation] = string(ownerUID)
	}
	body := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": namespace, "name": name, "annotations": annotations},
		"spec":     copyOf(spec),
	}}
	body.SetGroupVersionKind(VMClusterKind)
	if resourceVersion != "" {
		body.SetResourceVersion(resourceVersion)
	}
	return body
}

// copyOf deep copies a document; of nil it makes an empty one, since a VMCluster
// needs a spec.
func copyOf(document map[string]any) map[string]any {
	if document == nil {
		return map[string]any{}
	}
	return runtime.DeepCopyJSON(document)
}
