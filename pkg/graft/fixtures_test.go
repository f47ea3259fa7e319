// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/kube-openapi/pkg/builder"
	"k8s.io/kube-openapi/pkg/builder3"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	generatedopenapi "github.com/vmdistributed/vmdistributed-apiserver/generated/openapi"
)

// exampleText has one of everything that makes a difference.
const exampleText = `
type: object
description: spec of a cluster
required: [retention]
x-kubernetes-validations:
- rule: self.retention != "0"
properties:
  retention: {type: string, default: "1", description: how long to keep samples}
  level: {type: string, enum: [INFO, WARN], description: what to log}
  removable: {type: object, nullable: true, properties: {inner: {type: string}}}
  any: {type: object, x-kubernetes-preserve-unknown-fields: true, description: passed on as it is}
  embedded:
    type: object
    x-kubernetes-embedded-resource: true
    x-kubernetes-preserve-unknown-fields: true
    properties: {apiVersion: {type: string}, kind: {type: string}, metadata: {type: object}}
  resources:
    type: object
    additionalProperties:
      x-kubernetes-int-or-string: true
      anyOf: [{type: integer}, {type: string}]
  storage:
    type: object
    minProperties: 1
    required: [replicas]
    oneOf: [{required: [replicas]}, {required: [count]}]
    properties:
      replicas: {type: integer, format: int32, minimum: 0, default: 1, description: number of replicas}
      count: {type: integer}
      ports:
        type: array
        description: where to listen
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [port]
        items:
          type: object
          required: [port]
          x-kubernetes-validations:
          - rule: self.port > 0
          properties:
            port: {type: integer, description: number of the port}
            protocol: {type: string, default: TCP}
`

// example is the schema of a spec.
func example(t testing.TB) *structuralschema.Structural {
	t.Helper()
	props, internal := &apiextensionsv1.JSONSchemaProps{}, &apiextensions.JSONSchemaProps{}
	must(t, yaml.Unmarshal([]byte(exampleText), props))
	must(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, internal, nil))
	schema, err := structuralschema.NewStructural(internal)
	must(t, err)
	return schema
}

// baseV3 is what the server would publish, without its routes.
func baseV3(t testing.TB) *spec3.OpenAPI {
	t.Helper()
	schemas, err := builder3.BuildOpenAPIDefinitionsForResources(&common.OpenAPIV3Config{
		GetDefinitions:    generatedopenapi.GetOpenAPIDefinitions,
		GetDefinitionName: named,
	}, v1alpha1.VMDistributedCluster{}.OpenAPIModelName())
	must(t, err)
	return &spec3.OpenAPI{
		Version:    "3.0.0",
		Info:       &spec.Info{InfoProps: spec.InfoProps{Title: "test", Version: "1"}},
		Paths:      &spec3.Paths{},
		Components: &spec3.Components{Schemas: schemas},
	}
}

func baseV2(t testing.TB) *spec.Swagger {
	t.Helper()
	document, err := builder.BuildOpenAPIDefinitionsForResources(&common.Config{
		Info:              &spec.Info{InfoProps: spec.InfoProps{Title: "test", Version: "1"}},
		GetDefinitions:    generatedopenapi.GetOpenAPIDefinitions,
		GetDefinitionName: named,
	}, v1alpha1.VMDistributedCluster{}.OpenAPIModelName())
	must(t, err)
	return document
}

// named says of which group, version and kind a definition is.
func named(name string) (string, spec.Extensions) {
	if name != (v1alpha1.VMDistributedCluster{}).OpenAPIModelName() {
		return name, nil
	}
	return name, spec.Extensions{"x-kubernetes-group-version-kind": []any{map[string]any{
		"group": v1alpha1.GroupName, "version": v1alpha1.SchemeGroupVersion.Version, "kind": "VMDistributedCluster",
	}}}
}

// tree is a document as it is read by others.
type tree map[string]any

func read(t testing.TB, document any) tree {
	t.Helper()
	text, err := json.Marshal(document)
	must(t, err)
	var parsed tree
	must(t, json.Unmarshal(text, &parsed))
	return parsed
}

// schema follows the path of a field, and the references on it, from a kind.
func (d tree) schema(t testing.TB, path string) tree {
	t.Helper()
	at := d.resolve(t, tree{"$ref": d.prefix() + v1alpha1.VMDistributedCluster{}.OpenAPIModelName()})
	for field := range strings.SplitSeq(path, ".") {
		switch field {
		case "[]":
			at = d.resolve(t, child(at, "items"))
		case "{}":
			at = d.resolve(t, child(at, "additionalProperties"))
		default:
			at = d.resolve(t, child(child(at, "properties"), field))
		}
		if at == nil {
			t.Fatalf("there is no %s in %s", field, path)
		}
	}
	return at
}

func (d tree) prefix() string {
	if d["swagger"] != nil {
		return "#/definitions/"
	}
	return "#/components/schemas/"
}

func (d tree) definitions() tree {
	if d["swagger"] != nil {
		return child(d, "definitions")
	}
	return child(child(d, "components"), "schemas")
}

func (d tree) resolve(t testing.TB, schema tree) tree {
	t.Helper()
	if all, ok := schema["allOf"].([]any); ok && len(all) == 1 {
		schema = all[0].(map[string]any)
	}
	reference, ok := schema["$ref"].(string)
	if !ok {
		return schema
	}
	target := child(d.definitions(), strings.TrimPrefix(reference, d.prefix()))
	if target == nil {
		t.Fatalf("%s leads nowhere", reference)
	}
	return target
}

func child(of tree, name string) tree {
	member, _ := of[name].(map[string]any)
	return member
}

// walk visits every object below a value.
func walk(value any, visit func(tree)) {
	switch value := value.(type) {
	case tree:
		walk(map[string]any(value), visit)
	case map[string]any:
		visit(value)
		for _, member := range value {
			walk(member, visit)
		}
	case []any:
		for _, item := range value {
			walk(item, visit)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
