// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The keys that lead to the entries, and are matched the way the server's
// decoder does it: to the letter.
const (
	keySpec       = "spec"
	keyZones      = "zones"
	keyVMClusters = "vmclusters"
)

// keyOverrideSpec is, with spec, what the text of an entry is under.
const keyOverrideSpec = "overrideSpec"

// editObject makes spec.zones canonical in an object, or in a patch that has
// the form of one.
func editObject(doc []byte, at span, path *field.Path) ([]edit, error) {
	return editMember(doc, at, keySpec, path, editSpec)
}

// editSpec does so in the value of spec.
func editSpec(doc []byte, at span, path *field.Path) ([]edit, error) {
	return editMember(doc, at, keyZones, path, editZones)
}

// editZones turns the value of spec.zones into the canonical object if it is a
// list.
func editZones(doc []byte, at span, path *field.Path) ([]edit, error) {
	if !isList(doc, at) {
		return nil, nil
	}
	list, _, err := entries(doc, at, path)
	if err != nil {
		return nil, err
	}
	return []edit{{at, fmt.Appendf(nil, `{"%s":%s}`, keyVMClusters, list)}}, nil
}

// editMember makes the edits inside the member called key. If the object has
// that member twice, a list in it cannot be resolved: the server would take one
// of the two, or merge them, and says so only under strict validation.
func editMember(doc []byte, at span, key string, path *field.Path, inner editor) ([]edit, error) {
	if !isObject(doc, at) {
		return nil, nil
	}
	all, err := members(doc, at)
	if err != nil {
		return nil, err
	}
	var edits []edit
	var count int
	for _, m := range all {
		if m.key != key {
			continue
		}
		count++
		more, err := inner(doc, m.value, path.Child(key))
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
	}
	if count > 1 && len(edits) > 0 {
		return nil, invalid(path.Child(key), fmt.Sprintf("is there %d times, with a list of zones in at least one of them; write it once", count))
	}
	return edits, nil
}

// invalid leaves the value out of the message: it may be the whole list.
func invalid(path *field.Path, detail string) *field.Error {
	return field.Invalid(path, field.OmitValueType{}, detail)
}
