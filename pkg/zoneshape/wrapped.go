// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// wrapped is an item of the shape {"vmclusters": ...}.
type wrapped struct {
	inner  span     // the value of vmclusters
	beside []member // what stands beside vmclusters
}

// wrapping returns how an item wraps its entry, or nil if it does not. It
// refuses an item that could be read in two ways.
func wrapping(doc []byte, item span, path *field.Path) (*wrapped, error) {
	if !isObject(doc, item) {
		return nil, nil
	}
	all, err := members(doc, item)
	if err != nil {
		return nil, err
	}
	var w *wrapped
	var beside []member
	for _, m := range all {
		switch {
		case m.key != keyVMClusters:
			beside = append(beside, m)
		case w != nil:
			return nil, invalid(path.Child(keyVMClusters), "is there more than once; write one item for each zone")
		default:
			w = &wrapped{inner: m.value}
		}
	}
	if w == nil {
		return nil, nil
	}
	for _, m := range beside {
		if isEntryField(m.key) {
			return nil, invalid(path, fmt.Sprintf("has both %s and %s; move %[2]s into %[1]s, or leave %[1]s out", keyVMClusters, m.key))
		}
	}
	w.beside = beside
	return w, nil
}

// isEntryField reports whether key says by itself which zone an item means.
func isEntryField(key string) bool {
	switch key {
	case "ref", "overrideSpec", "name", "spec":
		return true
	}
	return false
}

// entries returns the entries inside a wrapped item: one, or those of a list.
// path leads to the value of vmclusters.
func (w *wrapped) entries(doc []byte, path *field.Path) ([][]byte, error) {
	if !isList(doc, w.inner) {
		entry, err := w.entry(doc, path)
		return [][]byte{entry}, err
	}
	if len(w.beside) > 0 {
		return nil, w.homeless(path)
	}
	inside, err := elements(doc, w.inner)
	if err != nil {
		return nil, err
	}
	found := make([][]byte, 0, len(inside))
	for i, at := range inside {
		entry, err := (&wrapped{inner: at}).entry(doc, path.Index(i))
		if err != nil {
			return nil, err
		}
		found = append(found, entry)
	}
	return found, nil
}

// entry returns the one entry inside a wrapped item. What stood beside
// vmclusters is moved into it: lost here, no strict validation would ever report
// it.
func (w *wrapped) entry(doc []byte, path *field.Path) ([]byte, error) {
	if !isObject(doc, w.inner) {
		if len(w.beside) > 0 {
			return nil, w.homeless(path)
		}
		return w.inner.of(doc), nil
	}
	own, err := members(doc, w.inner)
	if err != nil {
		return nil, err
	}
	keys := sets.New[string]()
	for _, m := range own {
		keys.Insert(m.key)
	}
	if keys.Has(keyVMClusters) {
		return nil, invalid(path.Child(keyVMClusters), "stands inside vmclusters already; write the entry itself here")
	}
	for _, m := range w.beside {
		if keys.Has(m.key) {
			return nil, invalid(path, fmt.Sprintf("has %q, and so has what is around it; keep the one inside", brief(m.key)))
		}
	}
	if len(w.beside) == 0 {
		return w.inner.of(doc), nil
	}
	return object(doc, own, w.beside), nil
}

// object writes an object with the members of all groups, as they are written.
func object(doc []byte, groups ...[]member) []byte {
	var parts [][]byte
	for _, group := range groups {
		for _, m := range group {
			parts = append(parts, m.whole.of(doc))
		}
	}
	return fmt.Appendf(nil, "{%s}", bytes.Join(parts, []byte{','}))
}

// homeless is the error for keys beside a vmclusters that cannot take them in.
func (w *wrapped) homeless(path *field.Path) error {
	return invalid(path, fmt.Sprintf("is not an object, so that %q beside it has no place; drop one of the two", brief(w.beside[0].key)))
}
