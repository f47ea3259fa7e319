// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"slices"

	"k8s.io/apimachinery/pkg/watch"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// order keeps what a deletion does to a record on the way out of what watchers see.
// Its guard comes off just before it goes, and that is no change of the object. It
// can't be known to be one on the way out before the record is gone, so it waits,
// and so does everything that comes after it, since versions have to rise.
//
// If the record does not go (its server has died), the change is to be shown after a
// while: watchers would else go by a version that is not the object's any more.
type order struct {
	waiting []watch.Event
}

// push takes the next event and returns those that may go out now.
func (o *order) push(event watch.Event) []watch.Event {
	if event.Type == watch.Deleted {
		o.drop(placeOf(event))
	}
	o.waiting = append(o.waiting, event)
	held := slices.IndexFunc(o.waiting, isOnItsWayOut)
	if held < 0 || event.Type == watch.Error {
		held = len(o.waiting)
	}
	out := slices.Clone(o.waiting[:held])
	o.waiting = slices.Delete(o.waiting, 0, held)
	return out
}

// drop forgets that a guard came off.
func (o *order) drop(at place) {
	o.waiting = slices.DeleteFunc(o.waiting, func(event watch.Event) bool {
		return isOnItsWayOut(event) && placeOf(event) == at
	})
}

// rest returns all that waits.
func (o *order) rest() []watch.Event {
	out := o.waiting
	o.waiting = nil
	return out
}

// isOnItsWayOut tells whether an event is about a guard that came off.
func isOnItsWayOut(event watch.Event) bool {
	record, ok := event.Object.(*storagev1.Record)
	return ok && event.Type == watch.Modified && record.DeletionTimestamp == nil &&
		!slices.Contains(record.Finalizers, storagev1.GuardFinalizer)
}

func placeOf(event watch.Event) place {
	if record, ok := event.Object.(*storagev1.Record); ok {
		return place{record.Namespace, record.Name}
	}
	return place{}
}
