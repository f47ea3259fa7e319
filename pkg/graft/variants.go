// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
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
	return clusterschema.Loosened(inner)
}

// nullable allows null wherever a patch may remove something.
func nullable(patched *structuralschema.Structural) *structuralschema.Structural {
	patched = patched.DeepCopy()
	clusterschema.AlongMerge(patched, func(s *structuralschema.Structural) {
		s.Nullable = true
		if s.ValueValidation != nil && s.ValueValidation.Enum != nil {
			s.ValueValidation.Enum = append(s.ValueValidation.Enum, structuralschema.JSON{})
		}
	})
	// Null in the place of the whole patch is the patch left out.
	patched.Nullable = false
	return patched
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
