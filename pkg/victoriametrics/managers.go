// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"bytes"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// specFields is what one field manager owns of a spec.
type specFields struct {
	manager   string
	operation metav1.ManagedFieldsOperationType
	// leaves are paths of map keys below spec. A path ends at the first list.
	leaves [][]string
}

// fieldsOfSpec reads metadata.managedFields. Entries that cannot be read count
// as absent.
func fieldsOfSpec(object metav1.Object) []specFields {
	var all []specFields
	for _, entry := range object.GetManagedFields() {
		if entry.FieldsV1 == nil || entry.Subresource != "" {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes())); err != nil {
			continue
		}
		all = append(all, specFields{manager: entry.Manager, operation: entry.Operation, leaves: leavesOfSpec(set)})
	}
	return all
}

func leavesOfSpec(set *fieldpath.Set) [][]string {
	var leaves [][]string
	for path := range set.Leaves().All() {
		names := keysOf(path)
		if len(names) > 1 && names[0] == "spec" {
			leaves = append(leaves, names[1:])
		}
	}
	return leaves
}

// keysOf returns the map keys of a path, as far as the first list.
func keysOf(path fieldpath.Path) []string {
	var keys []string
	for _, element := range path {
		if element.FieldName == nil {
			break
		}
		keys = append(keys, *element.FieldName)
	}
	return keys
}

// routesField is what of a VMUser's spec a drain writes.
var routesField = [][]string{{"targetRefs"}}

// RouteManagers returns the field managers other than ours that own
// spec.targetRefs of a VMUser, sorted. The operator is never among them: it writes
// status and finalizers of the objects that users make, and no spec
// (factory/reconcile/status.go, factory/finalize/common.go).
func RouteManagers(user metav1.Object) []string { return otherManagers(user, routesField) }

// KeepRouteManagers takes everything out of a VMUser's metadata.managedFields that
// RouteManagers does not read, which saves most of its memory.
func KeepRouteManagers(user metav1.Object) {
	var kept []metav1.ManagedFieldsEntry
	for _, fields := range fieldsOfSpec(user) {
		if fields.touchAny(routesField) {
			kept = append(kept, metav1.ManagedFieldsEntry{
				Manager: fields.manager, Operation: fields.operation,
				FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:targetRefs":{}}}`),
			})
		}
	}
	user.SetManagedFields(kept)
}

// Contested returns the places of a merge patch on the spec at which field managers
// other than ours own something, dotted, and these managers; both sorted.
func Contested(object metav1.Object, patch map[string]any) (places, managers []string) {
	var contested [][]string
	for _, path := range override.Paths(patch) {
		if others := otherManagers(object, [][]string{path}); len(others) > 0 {
			contested, managers = append(contested, path), append(managers, others...)
		}
	}
	slices.Sort(managers)
	return dottedPaths(contested), slices.Compact(managers)
}

// otherManagers returns the managers other than ours that own something at,
// above or below one of the paths.
func otherManagers(object metav1.Object, paths [][]string) []string {
	if len(paths) == 0 {
		return nil
	}
	var managers []string
	for _, fields := range fieldsOfSpec(object) {
		if fields.manager != FieldManager && fields.touchAny(paths) {
			managers = append(managers, fields.manager)
		}
	}
	slices.Sort(managers)
	return slices.Compact(managers)
}

func (f specFields) touchAny(paths [][]string) bool {
	return slices.ContainsFunc(f.leaves, func(leaf []string) bool {
		return slices.ContainsFunc(paths, func(path []string) bool { return related(leaf, path) })
	})
}

// related reports whether one path lies at or below the other.
func related(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// appliedByUs returns what we own by server-side apply, false when the object
// does not say.
func appliedByUs(object metav1.Object) (specFields, bool) {
	for _, fields := range fieldsOfSpec(object) {
		if fields.manager == FieldManager && fields.operation == metav1.ManagedFieldsOperationApply {
			return fields, true
		}
	}
	return specFields{}, false
}
