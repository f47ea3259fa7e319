// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// OverridePlan is what has to be written to a referenced VMCluster.
type OverridePlan struct {
	// Patch is a JSON merge patch on the whole object, guarded by its
	// resourceVersion; nil when there is nothing to do.
	Patch map[string]any
	Difference
	// Foreign are those of Difference.Paths on which an earlier override of ours
	// stood and somebody else has written since. Their value is the new original,
	// and Patch overrides it once more. Who does so again and again contends.
	Foreign []string
	// ForeignManagers are the field managers that own any of Foreign.
	ForeignManagers []string
	// Target is the spec once Patch is written.
	Target map[string]any
}

// PlanOverride puts an override on a referenced VMCluster, changes it, or takes
// it away, when patch is nil or empty.
//
// The cluster's own definition is the live spec without the recorded override.
// The new override goes over it, and is recorded together with its inverse. The
// owner's mark is set with it; a missing one alone is a Metadata difference. Once
// the override is gone the record is removed and the mark stays. The revision
// annotation of an earlier life as inline cluster is removed.
//
// It is an error when another VMDistributedCluster's mark is on the cluster, and
// when the mark or the record cannot be read.
func PlanOverride(live *unstructured.Unstructured, patch map[string]any, owner types.NamespacedName, ownerUID types.UID) (OverridePlan, error) {
	if have, marked, err := OwnerOf(live); err != nil {
		return OverridePlan{}, err
	} else if marked && have != owner {
		return OverridePlan{}, fmt.Errorf(
			"VMCluster %s/%s is managed by VMDistributedCluster %s, so %s cannot manage it too: take it out of the zones of one of them",
			live.GetNamespace(), live.GetName(), have, owner)
	}
	record, err := OverrideRecordOf(live)
	if err != nil {
		return OverridePlan{}, err
	}
	spec := object(live.Object, "spec")
	original, foreign := withoutOverride(spec, record)
	target := override.Apply(original, patch)
	annotations, err := overrideAnnotations(live, record, recordOf(original, patch), owner)
	if err != nil {
		return OverridePlan{}, err
	}
	return overridePlan(live, override.Diff(spec, target), annotations, foreign, target, ownerUID), nil
}

// OwnDefinition returns the spec of a referenced VMCluster as it is without our
// override. It is an error when the record of the override cannot be read.
func OwnDefinition(live *unstructured.Unstructured) (map[string]any, error) {
	record, err := OverrideRecordOf(live)
	if err != nil {
		return nil, err
	}
	own, _ := withoutOverride(object(live.Object, "spec"), record)
	return own, nil
}

// withoutOverride returns the original, and the overridden paths that somebody else
// has written since.
func withoutOverride(spec map[string]any, record *OverrideRecord) (original map[string]any, foreign []string) {
	if record == nil {
		return copyOf(spec), nil
	}
	return override.Rebase(spec, record.Applied, record.Inverse)
}

// recordOf returns the record of an override, nil for none.
func recordOf(original, patch map[string]any) *OverrideRecord {
	if len(patch) == 0 {
		return nil
	}
	return &OverrideRecord{Applied: patch, Inverse: override.Inverse(original, patch)}
}

// overrideAnnotations returns the annotations that have to change, null for
// those that go.
func overrideAnnotations(live *unstructured.Unstructured, have, want *OverrideRecord, owner types.NamespacedName) (map[string]any, error) {
	changes := map[string]any{}
	if live.GetAnnotations()[OwnerAnnotation] != owner.String() {
		changes[OwnerAnnotation] = owner.String()
	}
	if _, there := live.GetAnnotations()[RevisionAnnotation]; there {
		changes[RevisionAnnotation] = nil
	}
	switch {
	case want == nil && have != nil:
		changes[OverrideAnnotation] = nil
	case want != nil && !want.equal(have):
		value, err := want.annotation()
		if err != nil {
			return nil, fmt.Errorf("cannot record the override of VMCluster %s/%s as JSON: %w", live.GetNamespace(), live.GetName(), err)
		}
		changes[OverrideAnnotation] = value
	}
	return changes, nil
}

// equal compares nulls too, which are what a merge patch removes with.
func (r *OverrideRecord) equal(other *OverrideRecord) bool {
	return other != nil && samePatch(r.Applied, other.Applied) && samePatch(r.Inverse, other.Inverse)
}

func samePatch(a, b map[string]any) bool {
	return override.Equal(a, b) && slices.EqualFunc(override.Paths(a), override.Paths(b), slices.Equal[[]string])
}

func overridePlan(live *unstructured.Unstructured, diff, annotations map[string]any, foreign []string, target map[string]any, ownerUID types.UID) OverridePlan {
	plan := OverridePlan{Target: target, Difference: Difference{Kind: DifferenceNone}}
	if diff == nil && len(annotations) == 0 {
		return plan
	}
	if ownerUID != "" && live.GetAnnotations()[OwnerUIDAnnotation] != string(ownerUID) {
		annotations[OwnerUIDAnnotation] = string(ownerUID)
	}
	plan.Kind = DifferenceMetadata
	plan.Patch = map[string]any{"metadata": guarded(live, annotations)}
	if diff != nil {
		paths := override.Paths(diff)
		contended := foreignPaths(paths, foreign)
		plan.Difference = Difference{Kind: DifferenceSpec, Paths: dottedPaths(paths), Managers: otherManagers(live, paths)}
		plan.Foreign, plan.ForeignManagers = dottedPaths(contended), otherManagers(live, contended)
		plan.Patch["spec"] = diff
	}
	return plan
}

// foreignPaths returns the changed paths that lie at, above or below a foreign
// one. package override renders foreign paths for people, so they are found
// again by rendering the beginnings of the changed ones.
func foreignPaths(changed [][]string, foreign []string) [][]string {
	var contended [][]string
	for _, path := range changed {
		whole := dotted(path)
		below := slices.ContainsFunc(foreign, func(f string) bool { return isBelow(f, whole) })
		if below || beginsForeign(path, foreign) {
			contended = append(contended, path)
		}
	}
	return contended
}

func beginsForeign(path []string, foreign []string) bool {
	for n := 1; n <= len(path); n++ {
		if slices.Contains(foreign, dotted(path[:n])) {
			return true
		}
	}
	return false
}

func isBelow(path, above string) bool {
	return len(path) > len(above) && path[:len(above)] == above && (path[len(above)] == '.' || path[len(above)] == '[')
}
