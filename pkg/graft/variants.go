// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// whole is the schema of a spec.
func whole(inner *structuralschema.Structural, detail Detail) *structuralschema.Structural {
	if detail < SpecDescribed {
		return withoutDescriptions(inner)
	}
	return inner
}

// patch is the schema of a merge patch on a spec.
func patch(inner *structuralschema.Structural, detail Detail) *structuralschema.Structural {
	if detail < Described {
		inner = withoutDescriptions(inner)
	}
	patched := inner.DeepCopy()
	alongMerge(patched, loosen)
	return patched
}

// nullable allows null wherever a patch may remove something.
func nullable(patched *structuralschema.Structural) *structuralschema.Structural {
	patched = patched.DeepCopy()
	alongMerge(patched, func(s *structuralschema.Structural) {
		s.Nullable = true
		if s.ValueValidation != nil && s.ValueValidation.Enum != nil {
			s.ValueValidation.Enum = append(s.ValueValidation.Enum, structuralschema.JSON{})
		}
	})
	// Null in the place of the whole patch is the patch left out.
	patched.Nullable = false
	return patched
}

// alongMerge visits what a merge patch merges: objects, and their members. A list is
// replaced as a whole, so that its items are as they are in a spec.
func alongMerge(s *structuralschema.Structural, visit func(*structuralschema.Structural)) {
	visit(s)
	for name, property := range s.Properties {
		alongMerge(&property, visit)
		s.Properties[name] = property
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		alongMerge(s.AdditionalProperties.Structural, visit)
	}
}

// loosen drops what is true of the whole only, of which a patch is a part.
func loosen(s *structuralschema.Structural) {
	s.Default = structuralschema.JSON{}
	s.XEmbeddedResource = false
	s.XValidations = nil
	if s.ValueValidation == nil {
		return
	}
	values := s.ValueValidation
	values.Required = nil
	values.MinProperties, values.MaxProperties = nil, nil
	values.AllOf, values.AnyOf, values.OneOf, values.Not = nil, nil, nil, nil
}

func withoutDescriptions(s *structuralschema.Structural) *structuralschema.Structural {
	return with(s, func(s *structuralschema.Structural) { s.Description = "" })
}

func withoutDefaults(s *structuralschema.Structural) *structuralschema.Structural {
	return with(s, func(s *structuralschema.Structural) { s.Default = structuralschema.JSON{} })
}

// with returns a copy with every part changed.
func with(s *structuralschema.Structural, change func(*structuralschema.Structural)) *structuralschema.Structural {
	s = s.DeepCopy()
	visitor := structuralschema.Visitor{Structural: func(s *structuralschema.Structural) bool {
		change(s)
		return true
	}}
	visitor.Visit(s)
	return s
}
