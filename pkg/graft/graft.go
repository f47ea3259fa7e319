// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	"encoding/json"
	"fmt"
	"maps"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	openapiv2 "k8s.io/apiextensions-apiserver/pkg/controller/openapi/v2"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// Detail is how much of the schema a document tells.
type Detail int

const (
	// Bare documents are as they were given.
	Bare Detail = iota
	// Undescribed ones tell the fields of spec and of overrideSpec.
	Undescribed
	// SpecDescribed ones tell what the fields of spec are for, too.
	SpecDescribed
	// Described ones tell it of overrideSpec as well.
	Described
)

// String says it in words.
func (d Detail) String() string {
	switch d {
	case Described:
		return "all fields, described"
	case SpecDescribed:
		return "all fields, described in spec only"
	case Undescribed:
		return "all fields, without descriptions"
	}
	return "no fields"
}

// V3 returns base with the schema of a spec grafted in, told in as much detail as
// maxBytes of JSON have room for. Where nothing can be grafted it returns base, and
// the reason as an error. What it returns shares parts with base, which it does
// not change.
func V3(base *spec3.OpenAPI, inner *structuralschema.Structural, maxBytes int) (*spec3.OpenAPI, Detail, error) {
	if base.Components == nil {
		return base, Bare, errNoPlace()
	}
	changed := redirect(maps.All(base.Components.Schemas), "#/components/schemas/")
	return richest(base, changed, maxBytes, readableV3, func(detail Detail) *spec3.OpenAPI {
		document, components := *base, *base.Components
		components.Schemas = maps.Clone(base.Components.Schemas)
		maps.Copy(components.Schemas, changed)
		components.Schemas[specName] = whole(inner, detail).ToKubeOpenAPI()
		components.Schemas[patchName] = nullable(patch(inner, detail)).ToKubeOpenAPI()
		document.Components = &components
		return &document
	})
}

// V2 is like V3, in the older form, which knows less: of alternatives, for one, it
// tells nothing, nor that null is allowed.
func V2(base *spec.Swagger, inner *structuralschema.Structural, maxBytes int) (*spec.Swagger, Detail, error) {
	changed := redirect(pointers(base.Definitions), "#/definitions/")
	return richest(base, changed, maxBytes, readableV2, func(detail Detail) *spec.Swagger {
		document := *base
		document.Definitions = maps.Clone(base.Definitions)
		for name, schema := range changed {
			document.Definitions[name] = *schema
		}
		document.Definitions[specName] = v2Schema(whole(inner, detail))
		document.Definitions[patchName] = v2Schema(patch(inner, detail))
		return &document
	})
}

// v2Schema leaves out what a schema can't say in the older form, and defaults, as
// kube-apiserver does there.
func v2Schema(s *structuralschema.Structural) spec.Schema {
	return *openapiv2.ToStructuralOpenAPIV2(withoutDefaults(s)).ToKubeOpenAPI()
}

// richest returns the document with most details that has at most maxBytes and can
// be read.
func richest[D any](base D, changed map[string]*spec.Schema, maxBytes int, readable func([]byte) error, build func(Detail) D) (D, Detail, error) {
	if len(changed) == 0 {
		return base, Bare, errNoPlace()
	}
	var size int
	for detail := Described; detail > Bare; detail-- {
		document := build(detail)
		text, err := json.Marshal(document)
		if err != nil {
			return base, Bare, fmt.Errorf("writing the OpenAPI document with the schema of a VMCluster's spec: %w", err)
		}
		if size = len(text); size > maxBytes {
			continue
		}
		if err := readable(text); err != nil {
			return base, Bare, fmt.Errorf("reading the OpenAPI document with the schema of a VMCluster's spec: %w", err)
		}
		return document, detail, nil
	}
	return base, Bare, fmt.Errorf("the OpenAPI document would have %d bytes with the schema of a VMCluster's spec, even without descriptions, and may have %d", size, maxBytes)
}
