// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// DrainAnnotationPrefix begins the keys of the annotations that record what a
// drain took out of a VMUser, one per VMDistributedCluster.
const DrainAnnotationPrefix = AnnotationPrefix + "drain."

// maxAnnotationName is the longest name part of an annotation's key.
const maxAnnotationName = 63

// DrainAnnotation returns the key of the annotation that holds the DrainRecord of
// a VMDistributedCluster, of any namespace. A name too long for a key is cut and
// told apart by a hash.
func DrainAnnotation(owner types.NamespacedName) string {
	room := maxAnnotationName - len(DrainAnnotationPrefix) + len(AnnotationPrefix)
	if len(owner.Name) <= room {
		return DrainAnnotationPrefix + owner.Name
	}
	hash := fmt.Sprintf("-%x", sha256.Sum256([]byte(owner.Name)))[:11]
	return DrainAnnotationPrefix + owner.Name[:room-len(hash)] + hash
}

// DrainRecord says what a drain took out of a VMUser. As an annotation it is a
// JSON merge patch on the VMUser that undoes the drain, with a member "drain" for
// us, which the API server prunes with a warning.
type DrainRecord struct {
	Owner types.NamespacedName
	// Zone is the name of the zone's VMCluster.
	Zone string
	// Original is spec.targetRefs before the drain.
	Original []any
	// Left is what the drain made of each entry of Original: the entry itself, a
	// changed one, or nil where it went.
	Left []any
}

// drainDocument is the annotation.
type drainDocument struct {
	Drain    drainMember    `json:"drain"`
	Metadata map[string]any `json:"metadata"`
	Spec     map[string]any `json:"spec"`
}

type drainMember struct {
	Owner string `json:"owner"`
	Zone  string `json:"zone"`
	// Taken are the entries of spec.targetRefs that the drain changed.
	Taken []takenMember `json:"taken"`
}

type takenMember struct {
	Index int `json:"index"`
	// Left is absent where the entry went.
	Left any `json:"left,omitempty"`
}

// annotation renders the record, the same way every time.
func (r DrainRecord) annotation() (string, error) {
	document := drainDocument{
		Drain:    drainMember{Owner: r.Owner.String(), Zone: r.Zone, Taken: []takenMember{}},
		Metadata: map[string]any{"annotations": map[string]any{DrainAnnotation(r.Owner): nil}},
		Spec:     map[string]any{"targetRefs": r.Original},
	}
	for i := range r.Original {
		if r.changed(i) {
			document.Drain.Taken = append(document.Drain.Taken, takenMember{Index: i, Left: r.Left[i]})
		}
	}
	value, err := json.Marshal(document)
	return string(value), err
}

// changed reports whether the drain changed an entry.
func (r DrainRecord) changed(i int) bool {
	return r.Left[i] == nil || !override.Equal(r.Original[i], r.Left[i])
}

// drainPatch writes the drained list and the record.
func (r DrainRecord) drainPatch(user *unstructured.Unstructured) (map[string]any, error) {
	value, err := r.annotation()
	if err != nil {
		return nil, fmt.Errorf("cannot record the drain of VMUser %s/%s as JSON: %w", user.GetNamespace(), user.GetName(), err)
	}
	return targetsPatch(user, r.drained(), DrainAnnotation(r.Owner), value), nil
}

// drained is spec.targetRefs as the drain left it.
func (r DrainRecord) drained() []any {
	return slices.DeleteFunc(slices.Clone(r.Left), func(left any) bool { return left == nil })
}

// targetsPatch sets spec.targetRefs and one annotation, null to remove it.
func targetsPatch(user *unstructured.Unstructured, list []any, key string, value any) map[string]any {
	annotations := map[string]any{}
	if have, there := user.GetAnnotations()[key]; !there || have != value {
		annotations[key] = value
	}
	patch := map[string]any{"metadata": guarded(user, annotations)}
	if !override.Equal(member(user.Object, "spec", "targetRefs"), list) {
		patch["spec"] = copyOf(map[string]any{"targetRefs": list})
	}
	return patch
}

// DrainRecords returns the records of all drains that a VMUser carries, ordered
// by their keys. One that cannot be read is an error: what it took is not known.
func DrainRecords(user *unstructured.Unstructured) ([]DrainRecord, error) {
	var records []DrainRecord
	annotations := user.GetAnnotations()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !strings.HasPrefix(key, DrainAnnotationPrefix) {
			continue
		}
		record, err := parseDrainRecord(annotations[key])
		if err == nil && DrainAnnotation(record.Owner) != key {
			err = fmt.Errorf("its owner is %s, whose annotation is %s", record.Owner, DrainAnnotation(record.Owner))
		}
		if err != nil {
			return nil, fmt.Errorf(
				"cannot read annotation %s of VMUser %s/%s, which says what a drain took out of it: %w; "+
					"restore the annotation, or put spec.targetRefs right and remove the annotation",
				key, user.GetNamespace(), user.GetName(), err)
		}
		records = append(records, record)
	}
	return records, nil
}

func parseDrainRecord(value string) (DrainRecord, error) {
	document := map[string]any{}
	if err := utiljson.Unmarshal([]byte(value), &document); err != nil {
		return DrainRecord{}, err
	}
	r := reader{object: document}
	owner, _ := r.read("string", "drain", "owner").(string)
	zone, _ := r.read("string", "drain", "zone").(string)
	if r.err != nil {
		return DrainRecord{}, r.err
	}
	namespace, name, _ := strings.Cut(owner, "/")
	if namespace == "" || name == "" || zone == "" {
		return DrainRecord{}, fmt.Errorf("drain.owner is %q and drain.zone is %q, want namespace/name of a VMDistributedCluster, and a zone", owner, zone)
	}
	record := DrainRecord{Owner: types.NamespacedName{Namespace: namespace, Name: name}, Zone: zone}
	return record, record.readEntries(document)
}

func (r *DrainRecord) readEntries(document map[string]any) error {
	original, ok := member(document, "spec", "targetRefs").([]any)
	if !ok || len(original) == 0 {
		return fmt.Errorf("it has no spec.targetRefs")
	}
	taken, ok := member(document, "drain", "taken").([]any)
	if !ok {
		return fmt.Errorf("it has no drain.taken")
	}
	r.Original, r.Left = original, slices.Clone(original)
	for i, value := range taken {
		index, ok := integer(member(value, "index"))
		if !ok || index < 0 || index >= int64(len(original)) {
			return fmt.Errorf("drain.taken[%d].index is %v, want that of an entry of spec.targetRefs", i, member(value, "index"))
		}
		r.Left[index] = nil
		if left := object(value, "left"); left != nil {
			r.Left[index] = left
		}
	}
	return nil
}

// PlanRestore gives a VMUser back what our drain took out of it, and removes the
// record in the same write: a JSON merge patch on the whole object, guarded by
// its resourceVersion; nil when it carries no record of ours.
//
// A list that is as the drain left it becomes the original one. In any other,
// entries that went come back beside their neighbours, those that were changed
// get their target back, and all that was changed, added, removed or reordered
// meanwhile stays. What is back already is not doubled.
func PlanRestore(user *unstructured.Unstructured, owner types.NamespacedName) (map[string]any, error) {
	records, err := DrainRecords(user)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if record.Owner != owner {
			continue
		}
		if _, err := userEntries(user); err != nil {
			return nil, err
		}
		current, _ := member(user.Object, "spec", "targetRefs").([]any)
		return targetsPatch(user, record.restored(current), DrainAnnotation(owner), nil), nil
	}
	return nil, nil
}

// PlanForget takes the owner's record off a VMUser and leaves spec.targetRefs as the
// drain made it: a JSON merge patch on the whole object, guarded by its
// resourceVersion. It is for a zone that can't be given back, its VMCluster being
// gone: a reference to it would invalidate the VMUser as a whole.
func PlanForget(user *unstructured.Unstructured, owner types.NamespacedName) map[string]any {
	return map[string]any{"metadata": guarded(user, map[string]any{DrainAnnotation(owner): nil})}
}

// HasDrained is true for a VMUser that carries the record of the owner's drain of
// a zone.
func HasDrained(user *unstructured.Unstructured, owner types.NamespacedName, zone string) bool {
	records, err := DrainRecords(user)
	return err == nil && slices.ContainsFunc(records, func(r DrainRecord) bool { return r.Owner == owner && r.Zone == zone })
}

// BusyDraining says which drain a VMUser carries, unless it is the owner's of the
// zone: only one may be on a VMUser.
func BusyDraining(user *unstructured.Unstructured, owner types.NamespacedName, zone string) string {
	records, err := DrainRecords(user)
	if err != nil {
		return ""
	}
	for _, record := range records {
		if record.Owner != owner || record.Zone != zone {
			return fmt.Sprintf("VMUser %s to be given back zone %s, of which VMDistributedCluster %s has drained it: only one drain may be on a VMUser", user.GetName(), record.Zone, record.Owner)
		}
	}
	return ""
}
