// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clusterschema knows what the spec of a VMCluster may be: what the
// installed CustomResourceDefinition says, and where there is none, what the Go
// types of the operator say that this program was built with.
package clusterschema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Schema is what one state of the definition says. It never changes.
type Schema struct {
	origin     string
	structural *structuralschema.Structural
	values     validation.SchemaValidator
	rules      *cel.Validator // nil where there are none

	// patch is the schema of a merge patch, patchValues what checks one.
	patch       *structuralschema.Structural
	patchValues validation.SchemaValidator
}

// Cluster is a VMCluster as a request would have it.
type Cluster struct {
	Namespace, Name string
	Spec            map[string]any
}

// Compile makes a Schema of the version that we write of a
// CustomResourceDefinition.
func Compile(crd *apiextensionsv1.CustomResourceDefinition) (*Schema, error) {
	props, err := schemaOf(crd)
	if err != nil {
		return nil, err
	}
	s, err := compile(props)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of CustomResourceDefinition %s: %w", crd.Name, err)
	}
	s.origin = fmt.Sprintf("CustomResourceDefinition %s, generation %d", crd.Name, crd.Generation)
	return s, nil
}

func schemaOf(crd *apiextensionsv1.CustomResourceDefinition) (*apiextensionsv1.JSONSchemaProps, error) {
	for i := range crd.Spec.Versions {
		version := &crd.Spec.Versions[i]
		if version.Name != victoriametrics.VMClusterKind.Version {
			continue
		}
		if version.Schema == nil || version.Schema.OpenAPIV3Schema == nil {
			return nil, fmt.Errorf("CustomResourceDefinition %s has no schema for version %s", crd.Name, version.Name)
		}
		return version.Schema.OpenAPIV3Schema, nil
	}
	return nil, fmt.Errorf("CustomResourceDefinition %s has no version %s", crd.Name, victoriametrics.VMClusterKind.Version)
}

func compile(props *apiextensionsv1.JSONSchemaProps) (*Schema, error) {
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, internal, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(internal)
	if err != nil {
		return nil, err
	}
	if _, described := structural.Properties[specField]; !described {
		return nil, errors.New("it has no property spec")
	}
	values, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, err
	}
	patch := Loosened(structural)
	patchValues, err := validatorOf(patch)
	if err != nil {
		return nil, err
	}
	return &Schema{
		structural:  structural,
		values:      values,
		rules:       cel.NewValidator(structural, true, celconfig.PerCallLimit),
		patch:       patch,
		patchValues: patchValues,
	}, nil
}

// Origin says in words where the schema comes from.
func (s *Schema) Origin() string { return s.origin }

// Spec is the schema of spec. It must not be changed.
func (s *Schema) Spec() *structuralschema.Structural {
	spec := s.structural.Properties[specField]
	return &spec
}

const specField = "spec"

// Validate returns what kube-apiserver would find wrong with a VMCluster, rules of
// the Common Expression Language included, with path in the place of the path to
// its spec. What is wrong with old in the same way, and where nothing has changed,
// is let pass (ratcheting); old is nil for a VMCluster that does not exist.
func (s *Schema) Validate(ctx context.Context, cluster Cluster, old map[string]any, path *field.Path) field.ErrorList {
	object := s.complete(cluster)
	var before map[string]any
	var ratchetValues []validation.ValidationOption
	var ratchetRules []cel.Option
	if old != nil {
		before = s.complete(Cluster{cluster.Namespace, cluster.Name, old})
		same := common.NewCorrelatedObject(object, before, &model.Structural{Structural: s.structural})
		ratchetValues = append(ratchetValues, validation.WithRatcheting(same))
		ratchetRules = append(ratchetRules, cel.WithRatcheting(same))
	}

	var errs field.ErrorList
	if before == nil {
		errs = validation.ValidateCustomResource(nil, object, s.values, ratchetValues...)
	} else {
		errs = validation.ValidateCustomResourceUpdate(nil, object, before, s.values, ratchetValues...)
	}
	errs = append(errs, objectmeta.Validate(ctx, nil, object, s.structural, false)...)
	if before == nil || len(listtype.ValidateListSetsAndMaps(nil, s.structural, before)) == 0 {
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, object)...)
	}
	if s.rules != nil && len(errs) == 0 {
		var earlier any
		if before != nil {
			earlier = before
		}
		found, _ := s.rules.Validate(ctx, nil, s.structural, object, earlier, celconfig.RuntimeCELCostBudget, ratchetRules...)
		errs = append(errs, found...)
	}
	return moved(errs, path)
}

// ValidatePatch returns what is wrong with a merge patch on a VMCluster that is not
// known: what it sets, by itself. What it lacks may be there already.
func (s *Schema) ValidatePatch(patch map[string]any, path *field.Path) field.ErrorList {
	object := runtime.DeepCopyJSON(map[string]any{specField: withoutNulls(patch)})
	fill(object, s.patch) // in lists, of which the whole is there
	errs := validation.ValidateCustomResource(nil, object, s.patchValues)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.patch, object)...)
	return moved(errs, path)
}

// Unknown lists the fields of a spec, or of a merge patch on one, that the schema
// does not have, with path in the place of the path to the spec.
func (s *Schema) Unknown(spec map[string]any, path *field.Path) []string {
	object := map[string]any{specField: runtime.DeepCopyJSON(spec)}
	unknown := pruning.PruneWithOptions(object, s.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for i := range unknown {
		unknown[i] = moveField(unknown[i], path)
	}
	return unknown
}

// complete is the whole object as kube-apiserver has it before it looks: without
// fields that it does not know, and with defaults.
func (s *Schema) complete(cluster Cluster) map[string]any {
	object := map[string]any{
		"apiVersion": victoriametrics.VMClusterKind.GroupVersion().String(),
		"kind":       victoriametrics.VMClusterKind.Kind,
		"metadata":   map[string]any{"name": cluster.Name, "namespace": cluster.Namespace},
		specField:    runtime.DeepCopyJSON(cluster.Spec),
	}
	fill(object, s.structural)
	return object
}

// fill leaves out fields that are not known, and puts defaults in.
func fill(object map[string]any, structural *structuralschema.Structural) {
	pruning.Prune(object, structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, structural)
	defaulting.Default(object, structural)
}

// moved puts path in the place of the path to the spec. Some details begin with the
// path once more, the old one, and those about alternatives have it nowhere else.
func moved(errs field.ErrorList, path *field.Path) field.ErrorList {
	for _, err := range errs {
		if quoted, rest, found := strings.Cut(err.Detail, `" must validate `); found && strings.HasPrefix(quoted, `"`) {
			err.Field, err.Detail = quoted[1:], "must validate "+rest
		}
		err.Detail = strings.TrimPrefix(err.Detail, err.Field+" in body ")
		err.Field = moveField(err.Field, path)
	}
	return errs
}

// moveField keeps what is not below spec, the place of a rule about the whole
// object, say, out of sight: to the user all of it is the spec that they wrote.
func moveField(text string, path *field.Path) string {
	rest, below := strings.CutPrefix(text, specField)
	if below && (rest == "" || rest[0] == '.' || rest[0] == '[') {
		return path.String() + rest
	}
	return path.String()
}

// withoutNulls leaves out what a merge patch removes.
func withoutNulls(value map[string]any) map[string]any {
	kept := make(map[string]any, len(value))
	for key, member := range value {
		switch member := member.(type) {
		case nil:
		case map[string]any:
			kept[key] = withoutNulls(member)
		default:
			kept[key] = member
		}
	}
	return kept
}
