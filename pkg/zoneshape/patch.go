// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// editPatch normalises the values of a JSON patch, and refuses operations whose
// path takes spec.zones for a list: the patch meets the object as it reads back.
func editPatch(doc []byte, at span, path *field.Path) ([]edit, error) {
	if !isList(doc, at) {
		return nil, nil
	}
	operations, err := elements(doc, at)
	if err != nil {
		return nil, err
	}
	var edits []edit
	for i, where := range operations {
		op, err := readOperation(doc, where)
		if err != nil {
			return nil, err
		}
		more, err := op.edits(doc, path.Index(i))
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
	}
	return edits, nil
}

// operation is one operation of a JSON patch.
type operation struct {
	op, path, from string
	value          *span
}

// readOperation takes the last of duplicate members, as the server does. What
// is no operation comes back empty.
func readOperation(doc []byte, at span) (operation, error) {
	var op operation
	if !isObject(doc, at) {
		return op, nil
	}
	all, err := members(doc, at)
	for _, m := range all {
		switch m.key {
		case "op":
			op.op = text(doc, m.value)
		case "path":
			op.path = text(doc, m.value)
		case "from":
			op.from = text(doc, m.value)
		case "value":
			op.value = &m.value
		}
	}
	return op, err
}

// text returns the string at a place, or nothing if there is no string: then
// the server has its own complaint.
func text(doc []byte, at span) string {
	var s string
	if json.Unmarshal(at.of(doc), &s) != nil {
		return ""
	}
	return s
}

func (o operation) edits(doc []byte, path *field.Path) ([]edit, error) {
	switch o.op {
	case "move", "copy":
		if err := checkPointer(o.from, path.Child("from")); err != nil {
			return nil, err
		}
	}
	if err := checkPointer(o.path, path.Child("path")); err != nil {
		return nil, err
	}
	switch o.op {
	case "add", "replace", "test":
		if find := o.editor(); find != nil && o.value != nil {
			return find(doc, *o.value, path.Child("value"))
		}
	}
	return nil, nil
}

// editor returns what normalises the value of an operation on o.path, nil if
// such a value holds no zones.
func (o operation) editor() editor {
	to := parsePointer(o.path)
	switch {
	case o.path == "":
		return editObject
	case to.is(keySpec):
		return editSpec
	case to.is(keySpec, keyZones):
		return editZones
	case to.is(keySpec, keyZones, keyVMClusters):
		return editEntries
	case len(to) == 4 && to.isBelow(keySpec, keyZones, keyVMClusters) && isIndex(to[3]):
		return editEntry
	}
	return nil
}

func checkPointer(text string, path *field.Path) error {
	to := parsePointer(text)
	if !to.entersZonesAsList() {
		return nil
	}
	return field.Invalid(path, brief(text), fmt.Sprintf(
		"spec.zones reads back as an object with the list vmclusters, whatever shape it was written in; use %s", brief(to.canonical().String())))
}
