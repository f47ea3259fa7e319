// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// memory knows which objects a predicate took until now, where it asks for more than
// the cluster can tell. An object that begins or ends to match is one that comes or
// goes to the watcher.
type memory struct {
	predicate storage.SelectionPredicate
	matching  map[place]runtime.Object
}

// see takes an event about an object and returns what it is to the watcher, if
// anything. What goes is shown as it was while it matched.
func (m *memory) see(event watch.Event, record *storagev1.Record, setVersion func(runtime.Object) error) (watch.Event, bool, error) {
	at := place{record.Namespace, record.Name}
	before, was := m.matching[at]
	is := false
	if event.Type != watch.Deleted {
		var err error
		if is, err = m.predicate.Matches(event.Object); err != nil {
			return event, false, err
		}
	}
	switch {
	case is && was:
		event.Type = watch.Modified
	case is:
		event.Type = watch.Added
	case was:
		event = watch.Event{Type: watch.Deleted, Object: before}
		delete(m.matching, at)
		return event, true, setVersion(before)
	default:
		return event, false, nil
	}
	m.matching[at] = event.Object.DeepCopyObject()
	return event, true, nil
}
