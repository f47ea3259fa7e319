// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package history keeps the revisions of VMDistributedClusters on record: one
// ControllerRevision for each, in the namespace of the object. They have no owner, so
// that they outlive a store that is lost, and say what it takes to go back: the zones as
// spec had them.
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

const (
	// ManagedByLabel is on every record of every object, with the value ManagedBy.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is this server, whatever replica.
	ManagedBy = "vmdistributed-apiserver"
	// ObjectLabel has the name of the object, or what stands for one that is too long.
	ObjectLabel = victoriametrics.AnnotationPrefix + "vmdistributedcluster"
	// RevisionLabel has the hash.
	RevisionLabel = victoriametrics.AnnotationPrefix + "revision"

	authorAnnotation   = victoriametrics.AnnotationPrefix + "author"
	startedAnnotation  = victoriametrics.AnnotationPrefix + "started"
	finishedAnnotation = victoriametrics.AnnotationPrefix + "finished"
	outcomeAnnotation  = victoriametrics.AnnotationPrefix + "outcome"
	noteAnnotation     = victoriametrics.AnnotationPrefix + "note"
	// CauseAnnotation is that of Deployments.
	CauseAnnotation = "kubernetes.io/change-cause"

	// maxCause is how many bytes of a cause are kept: it may be as long as all
	// annotations of an object.
	maxCause = 1024
	// maxNote is how many of a note are: a reason, with who has given it and when, more
	// than once.
	maxNote = 4096
)

// Record is a revision that is on record.
type Record struct {
	Revision string
	// Number is the higher the later a rollout of it began.
	Number int64
	// Zones are what is wanted.
	Zones vmdistributed.Zones
	// Author has asked for it, and Cause says why; each may be unknown.
	Author, Cause string
	// Started and Finished are about the last rollout of it.
	Started, Finished time.Time
	// Outcome is empty while that goes on.
	Outcome vmdistributed.RevisionOutcome
	// Note says who has decided against it or a part of it, when and why.
	Note string
	// Problem says why nothing can be done by the record; empty where it is sound.
	Problem string

	// object is what it was read from, nil for a new one.
	object *appsv1.ControllerRevision
}

// content is the data of a ControllerRevision: the part of an object that it is about.
type content struct {
	Spec struct {
		Zones v1alpha1.Zones `json:"zones"`
	} `json:"spec"`
}

// read makes a record of a ControllerRevision.
func read(object *appsv1.ControllerRevision) Record {
	annotations := object.Annotations
	record := Record{
		Revision: object.Labels[RevisionLabel], Number: object.Revision,
		Author: annotations[authorAnnotation], Cause: annotations[CauseAnnotation],
		Started: timeIn(annotations[startedAnnotation]), Finished: timeIn(annotations[finishedAnnotation]),
		Outcome: vmdistributed.RevisionOutcome(annotations[outcomeAnnotation]), Note: annotations[noteAnnotation],
		object: object,
	}
	zones, err := zonesIn(object.Data.Raw, record.Revision)
	if err != nil {
		record.Problem = fmt.Sprintf("ControllerRevision %s/%s: %v", object.Namespace, object.Name, err)
		return record
	}
	record.Zones = zones
	return record
}

// zonesIn reads the zones, and holds them against the hash: what somebody else has
// written there is not what was once asked for.
func zonesIn(data []byte, wanted string) (vmdistributed.Zones, error) {
	var read content
	if err := json.Unmarshal(data, &read); err != nil {
		return vmdistributed.Zones{}, fmt.Errorf("reading its data: %w", err)
	}
	var zones vmdistributed.Zones
	if err := v1alpha1.Convert_v1alpha1_Zones_To_vmdistributed_Zones(&read.Spec.Zones, &zones, nil); err != nil {
		return vmdistributed.Zones{}, fmt.Errorf("converting its data: %w", err)
	}
	found, err := revision.OfList(zones.VMClusters)
	if err != nil {
		return vmdistributed.Zones{}, err
	}
	if found := revision.OfZones(found); found != wanted {
		return vmdistributed.Zones{}, fmt.Errorf("its data is that of revision %s, and it is labelled %s", found, wanted)
	}
	return zones, nil
}

// write returns the ControllerRevision that says what the record does.
func (r *Record) write(of types.NamespacedName) (*appsv1.ControllerRevision, error) {
	object := r.object.DeepCopy()
	if object == nil {
		data, err := dataOf(r.Zones)
		if err != nil {
			return nil, err
		}
		object = &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, Name: nameOf(of, r.Revision)}, Data: data}
	}
	setAll(&object.Labels, map[string]string{ManagedByLabel: ManagedBy, ObjectLabel: labelOf(of.Name), RevisionLabel: r.Revision})
	setAll(&object.Annotations, map[string]string{
		victoriametrics.OwnerAnnotation: of.String(), authorAnnotation: r.Author, CauseAnnotation: cutOff(r.Cause, maxCause),
		startedAnnotation: textOf(r.Started), finishedAnnotation: textOf(r.Finished), outcomeAnnotation: string(r.Outcome),
		noteAnnotation: r.Note,
	})
	object.Revision = r.Number
	return object, nil
}

func dataOf(zones vmdistributed.Zones) (runtime.RawExtension, error) {
	var written content
	if err := v1alpha1.Convert_vmdistributed_Zones_To_v1alpha1_Zones(&zones, &written.Spec.Zones, nil); err != nil {
		return runtime.RawExtension{}, fmt.Errorf("converting the zones: %w", err)
	}
	data, err := json.Marshal(written)
	return runtime.RawExtension{Raw: data}, err
}

// setAll sets what has a value, and takes away what has none.
func setAll(of *map[string]string, values map[string]string) {
	for key, value := range values {
		switch {
		case value == "":
			delete(*of, key)
			continue
		case *of == nil:
			*of = map[string]string{}
		}
		(*of)[key] = value
	}
}

func timeIn(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{} // what is not known is left out
	}
	return at
}

func textOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func cutOff(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "..."
}

// maxLabel is how long the value of a label may be, and keptOfName how much of a longer
// name is for people to read.
const maxLabel, keptOfName = 63, 40

// labelOf stands for the name of an object where that may be too long.
func labelOf(name string) string {
	if len(name) <= maxLabel {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:keptOfName], "-.") + "-" + hex.EncodeToString(sum[:5])
}

// nameOf is that of a ControllerRevision. The one of a StatefulSet does not begin so.
func nameOf(of types.NamespacedName, revision string) string {
	return "vmdc-" + labelOf(of.Name) + "-" + revision
}
