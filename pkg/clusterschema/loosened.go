// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clusterschema

import (
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiserver/pkg/cel/environment"
	openapispec "k8s.io/kube-openapi/pkg/validation/spec"
)

// Loosened returns the schema of a merge patch on what a schema is of. It is what is
// published of an overrideSpec, and what one is held against whose VMCluster is not
// there yet.
func Loosened(s *structuralschema.Structural) *structuralschema.Structural {
	s = s.DeepCopy()
	AlongMerge(s, loosen)
	return s
}

// AlongMerge visits what a merge patch merges: objects, and their members. A list is
// replaced as a whole, so that its items are as they are in a spec.
func AlongMerge(s *structuralschema.Structural, visit func(*structuralschema.Structural)) {
	visit(s)
	for name, property := range s.Properties {
		AlongMerge(&property, visit)
		s.Properties[name] = property
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		AlongMerge(s.AdditionalProperties.Structural, visit)
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

// validatorOf checks values by a structural schema as kube-apiserver does by the
// definition that one was made of.
func validatorOf(s *structuralschema.Structural) (validation.SchemaValidator, error) {
	converted := s.ToKubeOpenAPI()
	if err := complement(converted, validation.StripUnsupportedFormatsPostProcessorForVersion(environment.DefaultCompatibilityVersion())); err != nil {
		return nil, err
	}
	return validation.NewSchemaValidatorFromOpenAPI(converted), nil
}

// complement does what the conversion of a structural schema leaves out, and that
// of a definition does.
func complement(s *openapispec.Schema, strip validation.PostProcessFunc) error {
	if either, _ := s.Extensions.GetBool("x-kubernetes-int-or-string"); either {
		s.Type = openapispec.StringOrArray{"integer", "string"}
	}
	if err := strip(s); err != nil {
		return err
	}
	for name, property := range s.Properties {
		if err := complement(&property, strip); err != nil {
			return err
		}
		s.Properties[name] = property
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		if err := complement(s.AdditionalProperties.Schema, strip); err != nil {
			return err
		}
	}
	if s.Items != nil && s.Items.Schema != nil {
		return complement(s.Items.Schema, strip)
	}
	return nil
}
