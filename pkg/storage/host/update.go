// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"context"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// state is an object as it was found.
type state struct {
	// record is nil where there is none.
	record *storagev1.Record
	object runtime.Object
	data   []byte
	// stale data is written anew even if it would be the same.
	stale bool
}

func (s state) meta() storage.ResponseMeta {
	if s.record == nil {
		return storage.ResponseMeta{}
	}
	version, err := storage.APIObjectVersioner{}.ObjectResourceVersion(s.object)
	if err != nil {
		return storage.ResponseMeta{}
	}
	return storage.ResponseMeta{ResourceVersion: version}
}

// current reads an object, of the type of like, and its record.
func (s *Store) current(ctx context.Context, key string, at place, like runtime.Object) (state, error) {
	value, err := conversion.EnforcePtr(like)
	if err != nil {
		return state{}, fmt.Errorf("what %s is to be read into: %w", at, err)
	}
	now := state{object: reflect.New(value.Type()).Interface().(runtime.Object)}
	record, err := s.records.get(ctx, at, "")
	if isAbsent(err) {
		return now, storage.NewKeyNotFoundError(key, 0)
	}
	if err != nil {
		return now, hostError(err, reading, at, 0)
	}
	now.record = record
	if now.data, now.stale, err = s.codec.unpack(ctx, key, record.Payload); err == nil {
		err = s.codec.decode(now.data, record, now.object)
	}
	if err != nil {
		return now, readError(ctx, key, &unreadableError{record: record, cause: err})
	}
	return now, nil
}

// GuaranteedUpdate changes an object by what update makes of it, as often as somebody
// else was faster. It reads the object each time; what the caller has cached is not
// enough, since the record has more on it than the object.
func (s *Store) GuaranteedUpdate(ctx context.Context, key string, out runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, update storage.UpdateFunc, _ runtime.Object,
) error {
	at, err := s.place(key)
	if err != nil {
		return err
	}
	for {
		now, err := s.current(ctx, key, at, out)
		if err != nil && (!ignoreNotFound || !storage.IsNotFound(err)) {
			return err
		}
		if again, err := s.tryUpdate(ctx, key, at, now, out, preconditions, update); !again {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// tryUpdate is one round of it. It is to be made again where somebody was faster.
func (s *Store) tryUpdate(ctx context.Context, key string, at place, now state, out runtime.Object,
	preconditions *storage.Preconditions, update storage.UpdateFunc,
) (again bool, err error) {
	if err := preconditions.Check(key, now.object); err != nil {
		return false, err
	}
	changed, _, err := update(now.object, now.meta())
	if err != nil {
		return false, err
	}
	data, err := s.codec.encode(changed)
	if err != nil {
		return false, err
	}
	if now.record != nil && !now.stale && bytes.Equal(data, now.data) {
		return false, s.result(now.record, data, out)
	}
	write := s.records.update
	if now.record == nil {
		write = s.records.create
		now.record = &storagev1.Record{ObjectMeta: metav1.ObjectMeta{Namespace: at.namespace, Name: at.name}}
	}
	written, err := s.put(ctx, key, now.record, changed, data, write)
	switch {
	case apierrors.IsAlreadyExists(err) || apierrors.IsConflict(err) || isAbsent(err) && !isMissingNamespace(err):
		return true, nil
	case err != nil:
		return false, hostError(err, writing, at, len(data))
	}
	return false, s.result(written, data, out)
}
