// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
)

// decodedBytes is of how much JSON the objects are kept before those that were not asked
// for meanwhile are forgotten; as much again may wait for that.
const decodedBytes = 16 << 20

// decoded remembers what was made of JSON. It saves parsing what a list has in common with
// the one before, and is no cache of the store: what is stored is read each time, and
// something else there makes another object.
type decoded struct {
	mu sync.Mutex
	// recent is what was asked for since older was.
	recent, older map[place]parsed
	size          int // of recent, in bytes of JSON
}

// parsed is never changed.
type parsed struct {
	data   []byte
	object runtime.Object
}

// fill sets object to what data was decoded to, if that is known.
func (d *decoded) fill(at place, data []byte, object runtime.Object) (known bool) {
	found, known := d.find(at)
	to := reflect.ValueOf(object)
	if !known || reflect.TypeOf(found.object) != to.Type() || !bytes.Equal(found.data, data) {
		return false
	}
	to.Elem().Set(reflect.ValueOf(found.object.DeepCopyObject()).Elem())
	return true
}

func (d *decoded) find(at place) (found parsed, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found, known = d.recent[at]; known {
		return found, true
	}
	if found, known = d.older[at]; known {
		d.add(at, found)
	}
	return found, known
}

// keep remembers what data, which nobody changes any more, was decoded to.
func (d *decoded) keep(at place, data []byte, object runtime.Object) {
	kept := parsed{data: data, object: object.DeepCopyObject()}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(at, kept)
}

func (d *decoded) add(at place, kept parsed) {
	if d.recent == nil || d.size+len(kept.data) > decodedBytes {
		d.recent, d.older, d.size = map[place]parsed{}, d.recent, 0
	}
	d.size += len(kept.data) - len(d.recent[at].data)
	d.recent[at] = kept
}
