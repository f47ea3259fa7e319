// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
)

// checkTexts refuses a canonical body with a definition or an override that can't be
// kept as it is written. The decoder does so too, but can't tell which entry of the
// list it is in. A body that is no JSON is left to the decoder.
func checkTexts(body []byte) error {
	if !json.Valid(body) {
		return nil
	}
	return descend(body, span{0, len(body)}, nil, keySpec, keyZones, keyVMClusters)
}

// descend follows keys to the list of entries.
func descend(doc []byte, at span, path *field.Path, keys ...string) error {
	if len(keys) == 0 {
		return checkEntries(doc, at, path)
	}
	return eachMember(doc, at, func(m member) error {
		if m.key != keys[0] {
			return nil
		}
		return descend(doc, m.value, path.Child(m.key), keys[1:]...)
	})
}

func checkEntries(doc []byte, at span, path *field.Path) error {
	if !isList(doc, at) {
		return nil
	}
	all, err := elements(doc, at)
	for i, entry := range all {
		if err := eachMember(doc, entry, func(m member) error { return checkText(doc, m, path.Index(i)) }); err != nil {
			return err
		}
	}
	return err
}

// checkText looks at one member of an entry.
func checkText(doc []byte, m member, path *field.Path) error {
	if m.key != keySpec && m.key != keyOverrideSpec || !isObject(doc, m.value) {
		return nil
	}
	if flaw := rawjson.Check(m.value.of(doc)); flaw != nil {
		return fmt.Errorf("reading the request body: %w", &rawjson.Flaw{What: flaw.What, Path: fmt.Sprintf("%s.%s", path.Child(m.key), brief(flaw.Path))})
	}
	return nil
}

// eachMember visits the members of a value, which has none unless it is an object.
func eachMember(doc []byte, at span, visit func(member) error) error {
	if !isObject(doc, at) {
		return nil
	}
	all, err := members(doc, at)
	for _, m := range all {
		if err := visit(m); err != nil {
			return err
		}
	}
	return err
}
