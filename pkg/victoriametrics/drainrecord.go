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

// DrainRecord says what the drains of an owner took out of a VMUser. As an
// annotation it is a JSON merge patch on the VMUser that undoes them all, with a
// member "drain" for us, which the API server prunes with a warning.
type DrainRecord struct {
	Owner types.NamespacedName
	// Zones are the names of the zones' VMClusters, in the order of the drains.
	Zones []string
	// Original is spec.targetRefs without any drain.
	Original []any
	// Left is what the drains made of each entry of Original: the entry itself, a
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
	// Zone is there for one zone, Zones for several: who knows of one only can't
	// read that, instead of taking it for one.
	Zone  string   `json:"zone,omitempty"`
	Zones []string `json:"zones,omitempty"`
	// Taken are the entries of spec.targetRefs that the drains changed.
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
		Drain:    drainMember{Owner: r.Owner.String(), Taken: []takenMember{}},
		Metadata: map[string]any{"annotations": map[string]any{DrainAnnotation(r.Owner): nil}},
		Spec:     map[string]any{"targetRefs": r.Original},
	}
	if document.Drain.Zone = r.Zones[0]; len(r.Zones) > 1 {
		document.Drain.Zone, document.Drain.Zones = "", r.Zones
	}
	for i := range r.Original {
		if r.changed(i) {
			document.Drain.Taken = append(document.Drain.Taken, takenMember{Index: i, Left: r.Left[i]})
		}
	}
	value, err := json.Marshal(document)
	return string(value), err
}

// zones names them all.
func (r DrainRecord) zones() string { return strings.Join(r.Zones, " and ") }

// ownRecord is the record of an owner; one of no zone where there is none.
func ownRecord(records []DrainRecord, owner types.NamespacedName) DrainRecord {
	for _, record := range records {
		if record.Owner == owner {
			return record
		}
	}
	return DrainRecord{Owner: owner}
}

// otherOwners is a record of another owner, nil where there is none.
func otherOwners(records []DrainRecord, owner types.NamespacedName) *DrainRecord {
	for i := range records {
		if records[i].Owner != owner {
			return &records[i]
		}
	}
	return nil
}

// redrawn is the record with the drains of some zones instead, out of what the
// list would be without any: what was edited meanwhile is kept. The sentence says
// why they cannot be taken out.
func (r DrainRecord) redrawn(user *unstructured.Unstructured, drain Drain, zones []string, lastTarget LastTarget) (record DrainRecord, refusal string, err error) {
	list := targetRefs(user)
	if len(r.Zones) > 0 {
		list = r.restored(list)
	}
	return newRecord(list, user.GetNamespace(), drain, zones, lastTarget)
}

// newRecord is the record of taking zones out of a list.
func newRecord(list []any, namespace string, drain Drain, zones []string, lastTarget LastTarget) (record DrainRecord, refusal string, err error) {
	d := drain.drainer(zones, lastTarget, namespace)
	left, refusal, err := d.drain(list)
	return DrainRecord{Owner: drain.Owner, Zones: zones, Original: list, Left: left}, refusal, err
}

// changed reports whether the drains changed an entry.
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
	zones := recordedZones(&r)
	if r.err != nil {
		return DrainRecord{}, r.err
	}
	namespace, name, _ := strings.Cut(owner, "/")
	if namespace == "" || name == "" {
		return DrainRecord{}, fmt.Errorf("drain.owner is %q, want namespace/name of a VMDistributedCluster", owner)
	}
	if named := set(zones); len(named) == 0 || len(named) < len(zones) || named[0] == "" {
		return DrainRecord{}, fmt.Errorf("drain.zone or drain.zones name %q, want a zone, or several different ones", zones)
	}
	record := DrainRecord{Owner: types.NamespacedName{Namespace: namespace, Name: name}, Zones: zones}
	return record, record.readEntries(document)
}

// recordedZones are those that a record names, be it one or several.
func recordedZones(r *reader) []string {
	list, _ := r.read("array", "drain", "zones").([]any)
	if one := r.read("string", "drain", "zone"); one != nil {
		list = append(slices.Clone(list), one)
	}
	zones := texts(list)
	if r.err == nil && len(zones) < len(list) {
		r.err = fmt.Errorf("drain.zones must hold names of zones")
	}
	return zones
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
