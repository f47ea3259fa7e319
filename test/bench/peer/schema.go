// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"fmt"
	"maps"
	"strings"
)

type fields = map[string]any

const (
	schemaPrefix = "#/components/schemas/"
	kindKey      = "x-kubernetes-group-version-kind"
)

// notInDefinitions are keys of a published schema that a CustomResourceDefinition may
// not have, or that only clients go by.
var notInDefinitions = []string{kindKey, "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key", "x-kubernetes-unions"}

// document is an OpenAPI document, version 3.
type document struct{ schemas fields }

// kind returns the schema of a kind with all that it refers to written out, and its
// metadata left to the API server.
func (d document) kind(group, version, kind string) (fields, error) {
	for name, schema := range d.schemas {
		of, ok := schema.(fields)
		if !ok || !isKind(of, group, version, kind) {
			continue
		}
		resolved, err := d.resolve(of, name)
		if err != nil {
			return nil, err
		}
		if properties, ok := resolved["properties"].(fields); ok {
			properties["metadata"] = fields{"type": "object"}
		}
		return resolved, nil
	}
	return nil, fmt.Errorf("looking for the schema of %s in %s/%s: the OpenAPI document has none", kind, group, version)
}

func isKind(schema fields, group, version, kind string) bool {
	kinds, _ := schema[kindKey].([]any)
	for _, k := range kinds {
		if of, _ := k.(fields); of["group"] == group && of["version"] == version && of["kind"] == kind {
			return true
		}
	}
	return false
}

// resolve returns a copy of a schema without references.
func (d document) resolve(schema fields, at string) (fields, error) {
	out, err := d.referred(schema, at)
	if err != nil {
		return nil, err
	}
	for key, value := range schema {
		if key != "$ref" && key != "allOf" {
			out[key] = value
		}
	}
	if all, ok := schema["allOf"].([]any); ok && !refers(all) {
		out["allOf"] = all
	}
	for _, key := range notInDefinitions {
		delete(out, key)
	}
	// What Go leaves out is no default that an object has to be valid with.
	if empty, ok := out["default"].(fields); ok && len(empty) == 0 || out["default"] == "" {
		delete(out, "default")
	}
	return out, d.resolveBelow(out, at)
}

// referred starts with what the schema refers to: its own fields go before these.
func (d document) referred(schema fields, at string) (fields, error) {
	ref, ok := schema["$ref"].(string)
	if all, _ := schema["allOf"].([]any); !ok && refers(all) {
		ref, ok = all[0].(fields)["$ref"].(string)
	}
	if !ok {
		return fields{}, nil
	}
	target, found := d.schemas[strings.TrimPrefix(ref, schemaPrefix)].(fields)
	if !found {
		return nil, fmt.Errorf("resolving %s at %s: the OpenAPI document has no such schema", ref, at)
	}
	return d.resolve(target, at)
}

// refers is true of the way in which a reference is written that has siblings.
func refers(all []any) bool {
	if len(all) != 1 {
		return false
	}
	only, _ := all[0].(fields)
	_, ok := only["$ref"].(string)
	return ok
}

func (d document) resolveBelow(out fields, at string) error {
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := out[key].(fields); ok {
			resolved, err := d.resolve(below, at+"."+key)
			if err != nil {
				return err
			}
			out[key] = resolved
		}
	}
	properties, ok := out["properties"].(fields)
	if !ok {
		return nil
	}
	properties = maps.Clone(properties)
	out["properties"] = properties
	for name, below := range properties {
		schema, ok := below.(fields)
		if !ok {
			return fmt.Errorf("reading the schema of %s.%s: it is no object", at, name)
		}
		resolved, err := d.resolve(schema, at+"."+name)
		if err != nil {
			return err
		}
		properties[name] = resolved
	}
	return nil
}
