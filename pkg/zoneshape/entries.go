// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// editEntries unwraps the items of a list that stands where the canonical list
// of entries belongs.
func editEntries(doc []byte, at span, path *field.Path) ([]edit, error) {
	if !isList(doc, at) {
		return nil, nil
	}
	list, unwrapped, err := entries(doc, at, path)
	if err != nil || !unwrapped {
		return nil, err
	}
	return []edit{{at, list}}, nil
}

// editEntry unwraps a value that stands where one entry belongs.
func editEntry(doc []byte, at span, path *field.Path) ([]edit, error) {
	w, err := wrapping(doc, at, path)
	if err != nil || w == nil {
		return nil, err
	}
	if isList(doc, w.inner) {
		return nil, invalid(path.Child(keyVMClusters), "is a list where one entry belongs; write one operation for each entry")
	}
	entry, err := w.entry(doc, path.Child(keyVMClusters))
	if err != nil {
		return nil, err
	}
	return []edit{{at, entry}}, nil
}

// entries returns the list of entries for a list of items, and whether any item
// had to be unwrapped. An item that is no object stays, so that the decoder
// refuses it and names its place.
func entries(doc []byte, at span, path *field.Path) (list []byte, unwrapped bool, err error) {
	items, err := elements(doc, at)
	if err != nil {
		return nil, false, err
	}
	var found [][]byte
	for i, item := range items {
		w, err := wrapping(doc, item, path.Index(i))
		if err != nil {
			return nil, false, err
		}
		if w == nil {
			found = append(found, item.of(doc))
			continue
		}
		unwrapped = true
		inside, err := w.entries(doc, path.Index(i).Child(keyVMClusters))
		if err != nil {
			return nil, false, err
		}
		found = append(found, inside...)
	}
	return fmt.Appendf(nil, "[%s]", bytes.Join(found, []byte{','})), unwrapped, nil
}
