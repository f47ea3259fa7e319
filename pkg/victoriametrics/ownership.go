// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// The annotations by which we know our VMClusters again. None of them reaches a
// workload or a pod: children carry the annotations of spec.managedMetadata and
// pods those of a component's podMetadata, never those of the VMCluster itself
// (FinalAnnotations and PodAnnotations in types/vmcluster_types.go). Writing
// them does not move metadata.generation either; the operator looks at the
// object once more and finds nothing to do.
const (
	// AnnotationPrefix begins the keys of all our annotations.
	AnnotationPrefix = "distributed.victoriametrics.com/"
	// OwnerAnnotation holds "namespace/name" of the VMDistributedCluster that
	// manages the VMCluster.
	OwnerAnnotation = AnnotationPrefix + "owner"
	// OwnerUIDAnnotation holds its uid, for people to read. Nothing depends on
	// it: the uid changes when a manifest is applied again after a loss.
	OwnerUIDAnnotation = AnnotationPrefix + "owner-uid"
	// RevisionAnnotation holds the Revision of the definition that was last
	// applied to an inline cluster.
	RevisionAnnotation = AnnotationPrefix + "revision"
	// OverrideAnnotation holds the OverrideRecord of a referenced cluster.
	OverrideAnnotation = AnnotationPrefix + "override"
)

// OwnerOf returns the VMDistributedCluster that a VMCluster is marked with. A
// mark that cannot be read is an error, and nobody's.
func OwnerOf(cluster metav1.Object) (owner types.NamespacedName, marked bool, err error) {
	value, marked := cluster.GetAnnotations()[OwnerAnnotation]
	if !marked {
		return types.NamespacedName{}, false, nil
	}
	namespace, name, found := strings.Cut(value, "/")
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, true, fmt.Errorf(
			"annotation %s of VMCluster %s/%s is %q, want namespace/name of a VMDistributedCluster: correct it, or remove it to release the cluster",
			OwnerAnnotation, cluster.GetNamespace(), cluster.GetName(), value)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, true, nil
}

// IsOwnedBy reports whether a VMCluster carries the mark of owner.
func IsOwnedBy(cluster metav1.Object, owner types.NamespacedName) bool {
	have, marked, err := OwnerOf(cluster)
	return marked && err == nil && have == owner
}

// RevisionOf returns the revision that was last applied to an inline cluster, ""
// for none.
func RevisionOf(cluster metav1.Object) string {
	return cluster.GetAnnotations()[RevisionAnnotation]
}

// OverrideRecord says what an override did to the spec of a referenced cluster.
// As an annotation it is {"applied":{...},"inverse":{...}}, both JSON merge
// patches on the spec.
type OverrideRecord struct {
	// Applied is the override as it was written.
	Applied map[string]any `json:"applied"`
	// Inverse takes it back.
	Inverse map[string]any `json:"inverse"`
}

// OverrideRecordOf returns the record of a referenced cluster, nil when no
// override is on it.
func OverrideRecordOf(cluster metav1.Object) (*OverrideRecord, error) {
	value, found := cluster.GetAnnotations()[OverrideAnnotation]
	if !found {
		return nil, nil
	}
	record, err := parseOverrideRecord(value)
	if err != nil {
		return nil, fmt.Errorf(
			"cannot read annotation %s of VMCluster %s/%s, which says what the spec was before the override: %w; "+
				"restore the annotation, or set the spec to what it is to be without the override and remove the annotation",
			OverrideAnnotation, cluster.GetNamespace(), cluster.GetName(), err)
	}
	return record, nil
}

func parseOverrideRecord(value string) (*OverrideRecord, error) {
	document := map[string]any{}
	if err := utiljson.Unmarshal([]byte(value), &document); err != nil {
		return nil, err
	}
	record := &OverrideRecord{Applied: object(document, "applied"), Inverse: object(document, "inverse")}
	if record.Applied == nil {
		return nil, fmt.Errorf("it has no object %q", "applied")
	}
	if record.Inverse == nil {
		return nil, fmt.Errorf("it has no object %q", "inverse")
	}
	return record, nil
}

// annotation renders the record, the same way every time.
func (r OverrideRecord) annotation() (string, error) {
	value, err := json.Marshal(r)
	return string(value), err
}

// ReleasePatch returns the JSON merge patch that takes our marks off a VMCluster
// and leaves its spec as it is, nil when it carries none. It is guarded by the
// resourceVersion of live.
func ReleasePatch(live *unstructured.Unstructured) map[string]any {
	return removeAnnotations(live, OwnerAnnotation, OwnerUIDAnnotation, RevisionAnnotation, OverrideAnnotation)
}

// ForgetOverridePatch returns the JSON merge patch that removes the record of an
// override from a cluster that is inline from now on, nil when there is none.
// Server-side apply cannot do it, and a record that stayed would bring back old
// values, should the cluster be referred to with an override again.
func ForgetOverridePatch(live *unstructured.Unstructured) map[string]any {
	return removeAnnotations(live, OverrideAnnotation)
}

func removeAnnotations(live *unstructured.Unstructured, keys ...string) map[string]any {
	gone := map[string]any{}
	for _, key := range keys {
		if _, there := live.GetAnnotations()[key]; there {
			gone[key] = nil
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return map[string]any{"metadata": guarded(live, gone)}
}

// guarded returns the metadata of a merge patch that applies to the state of
// live only.
func guarded(live *unstructured.Unstructured, annotations map[string]any) map[string]any {
	metadata := map[string]any{"resourceVersion": live.GetResourceVersion()}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return metadata
}
