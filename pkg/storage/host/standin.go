// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/klog/v2"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// show fills an object, which is empty, with what lists and watches tell of a record. In
// the place of one that can't be read they have a stand-in: to fail would hide all others
// too, and to leave it out says that it was deleted, upon which the garbage collector
// deletes what belongs to it.
func (s *Store) show(ctx context.Context, record *storagev1.Record, object runtime.Object) error {
	err := s.codec.read(ctx, s.key(record), record, object, s.codec.decodeOnce)
	var unreadable *unreadableError
	if s.standIn == nil || !errors.As(err, &unreadable) {
		return err
	}
	klog.FromContext(ctx).Error(unreadable, "An object is shown without what is in it", "record", klog.KObj(record))
	warning.AddWarning(ctx, "", unreadable.Error()+"; it is shown without what is in it, and nothing is changed for it")
	if err := runtime.SetZeroValue(object); err != nil {
		return err
	}
	if err := describe(record, unreadable, object); err != nil {
		return err
	}
	s.standIn(object, unreadable.Error())
	return s.codec.setVersion(record, object)
}

// describe gives a stand-in what is known without the payload.
func describe(record *storagev1.Record, unreadable *unreadableError, object runtime.Object) error {
	named, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	named.SetNamespace(record.Namespace)
	named.SetName(record.Name)
	named.SetUID(objectUID(record))
	named.SetCreationTimestamp(record.CreationTimestamp)
	named.SetLabels(record.Labels)
	named.SetAnnotations(map[string]string{storagev1.UnreadableAnnotation: unreadable.cause.Error()})
	return nil
}

// objectUID is that of the object in a record, if the record says so. Else it is the
// record's own, which no other object has.
func objectUID(record *storagev1.Record) types.UID {
	whose, uid, _ := strings.Cut(record.Annotations[storagev1.ObjectAnnotation], " ")
	if uid == "" || whose != placeOfRecord(record).String() {
		return record.UID
	}
	return types.UID(uid)
}

// sayWhose has a record tell the uid of its object.
func sayWhose(record *storagev1.Record, object metav1.Object) {
	if record.Annotations == nil {
		record.Annotations = map[string]string{}
	}
	record.Annotations[storagev1.ObjectAnnotation] = placeOfRecord(record).String() + " " + string(object.GetUID())
}

func placeOfRecord(record *storagev1.Record) place { return place{record.Namespace, record.Name} }
