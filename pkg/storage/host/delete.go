// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// learnFor bounds how long a deletion that is done waits to learn its version.
const learnFor = 2 * time.Second

// Delete removes an object, as soon as validate agrees and nobody has changed it since.
func (s *Store) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validate storage.ValidateObjectFunc, _ runtime.Object, options storage.DeleteOptions,
) error {
	at, err := s.place(key)
	if err != nil {
		return err
	}
	for {
		now, err := s.current(ctx, key, at, out)
		if options.ExpectTransformOrDecodeError {
			now, err = unreadableOnly(key, now, err)
		}
		if err != nil {
			return err
		}
		if err := mayDelete(ctx, key, now, preconditions, validate); err != nil {
			return err
		}
		again, err := s.remove(ctx, key, at, now.record)
		if !again {
			if err != nil || now.object == nil {
				return err
			}
			return s.result(now.record, now.data, out)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// mayDelete says why an object must stay. Of one that can't be read there is nothing
// to check but what validate knows without it.
func mayDelete(ctx context.Context, key string, now state, preconditions *storage.Preconditions, validate storage.ValidateObjectFunc) error {
	if preconditions != nil && now.object != nil {
		if err := preconditions.Check(key, now.object); err != nil {
			return err
		}
	}
	return validate(ctx, now.object)
}

// unreadableOnly lets pass what can't be read, of which there is no object.
func unreadableOnly(key string, now state, readErr error) (state, error) {
	var unreadable *unreadableError
	switch {
	case errors.As(readErr, &unreadable):
		return state{record: unreadable.record}, nil
	case readErr != nil:
		return now, readErr
	}
	return now, storage.NewInvalidObjError(key, "the object can be read: delete it without the option that ignores errors of the store")
}

// remove takes the guard off a record and deletes it; each step only if nobody has
// changed it since. A server that dies in between leaves the object as it was, and
// the next write puts the guard back.
func (s *Store) remove(ctx context.Context, key string, at place, record *storagev1.Record) (again bool, err error) {
	if slices.Contains(record.Finalizers, storagev1.GuardFinalizer) {
		bare := record.DeepCopy()
		bare.Finalizers = slices.DeleteFunc(bare.Finalizers, func(f string) bool { return f == storagev1.GuardFinalizer })
		updated, err := s.records.update(ctx, bare)
		switch {
		case apierrors.IsConflict(err) || isAbsent(err):
			return true, nil
		case err != nil:
			return false, hostError(err, deleting, at, 0)
		}
		*record = *updated
		if record.DeletionTimestamp != nil && len(record.Finalizers) == 0 {
			return false, nil // it was waiting for that
		}
	}
	if len(record.Finalizers) > 0 {
		return false, storage.NewInternalError(fmt.Errorf("the record %s is held by finalizers of others: %s", at, strings.Join(record.Finalizers, ", ")))
	}
	err = s.records.remove(ctx, record)
	switch {
	case apierrors.IsConflict(err):
		return true, nil
	case isAbsent(err):
		return false, storage.NewKeyNotFoundError(key, 0)
	case err != nil:
		return false, hostError(err, deleting, at, 0)
	}
	s.learnDeletion(ctx, at, record)
	return false, nil
}

// learnDeletion gives a record that is gone the version at which it went, which the
// cluster tells to watchers only. If it can't be learned, the last one has to do.
func (s *Store) learnDeletion(ctx context.Context, at place, record *storagev1.Record) {
	ctx, cancel := context.WithTimeout(ctx, learnFor)
	defer cancel()
	watching, err := s.records.watch(ctx, at.namespace, metav1.ListOptions{
		ResourceVersion: record.ResourceVersion,
		FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, at.name).String(),
	})
	if err != nil {
		return
	}
	defer watching.Stop()
	for event := range watching.ResultChan() {
		if gone, ok := event.Object.(*storagev1.Record); ok && event.Type == watch.Deleted && gone.UID == record.UID {
			record.ResourceVersion = gone.ResourceVersion
			return
		}
	}
}
