// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package graft tests pkg/graft on the definition of VMCluster that the operator
// ships, descriptions and all, as it is in the operator's module.
package graft

import (
	"encoding/json"
	"strings"
	"testing"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"google.golang.org/protobuf/proto"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/kube-openapi/pkg/builder"
	"k8s.io/kube-openapi/pkg/builder3"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	generatedopenapi "github.com/vmdistributed/vmdistributed-apiserver/generated/openapi"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/graft"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	// room is what the server gives each document.
	room = 2 << 20
	// expected is what these documents may have with the operator that is pinned: a
	// third of the room, so that there is some for the next ones.
	expected = room / 3
)

// installed is the schema of a VMCluster's spec as the definition has it.
func installed(t *testing.T) (structural *structuralschema.Structural, raw *spec.Schema) {
	t.Helper()
	definition, err := controlplane.OperatorCRD(t.Context(), "vmclusters")
	must(t, err)
	for _, version := range definition.Spec.Versions {
		if version.Name != "v1beta1" {
			continue
		}
		props := version.Schema.OpenAPIV3Schema.Properties["spec"]
		internal := &apiextensions.JSONSchemaProps{}
		must(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&props, internal, nil))
		structural, err = structuralschema.NewStructural(internal)
		must(t, err)
		raw = &spec.Schema{}
		text, err := json.Marshal(props)
		must(t, err)
		must(t, json.Unmarshal(text, raw))
		return structural, raw
	}
	t.Fatal("the operator has no VMCluster v1beta1")
	return nil, nil
}

func newer(t *testing.T) *spec3.OpenAPI {
	t.Helper()
	schemas, err := builder3.BuildOpenAPIDefinitionsForResources(&common.OpenAPIV3Config{
		GetDefinitions: generatedopenapi.GetOpenAPIDefinitions, GetDefinitionName: asItIs,
	}, v1alpha1.VMDistributedCluster{}.OpenAPIModelName())
	must(t, err)
	return &spec3.OpenAPI{
		Version: "3.0.0", Info: info(), Paths: &spec3.Paths{}, Components: &spec3.Components{Schemas: schemas},
	}
}

func older(t *testing.T) *spec.Swagger {
	t.Helper()
	document, err := builder.BuildOpenAPIDefinitionsForResources(&common.Config{
		Info: info(), GetDefinitions: generatedopenapi.GetOpenAPIDefinitions, GetDefinitionName: asItIs,
	}, v1alpha1.VMDistributedCluster{}.OpenAPIModelName())
	must(t, err)
	return document
}

func info() *spec.Info {
	return &spec.Info{InfoProps: spec.InfoProps{Title: "test", Version: "1"}}
}

func asItIs(name string) (string, spec.Extensions) { return name, nil }

// TestTheOperatorsVMClusterCanBePublishedInFull, in both forms, in JSON and in
// protobuf, and takes no more than its share of the room.
func TestTheOperatorsVMClusterCanBePublishedInFull(t *testing.T) {
	structural, _ := installed(t)
	v2, detail2, err := graft.V2(older(t), structural, room)
	must(t, err)
	v3, detail3, err := graft.V3(newer(t), structural, room)
	must(t, err)
	for name, got := range map[string]graft.Detail{"v2": detail2, "v3": detail3} {
		if got != graft.Described {
			t.Errorf("%s tells %s", name, got)
		}
	}

	text := marshal(t, v2)
	parsed2, err := openapi_v2.ParseDocument(text)
	must(t, err)
	check(t, "v2", text, parsed2, &openapi_v2.Document{})
	text = marshal(t, v3)
	parsed3, err := openapi_v3.ParseDocument(text)
	must(t, err)
	check(t, "v3", text, parsed3, &openapi_v3.Document{})
}

// check looks at the size of a document, at its references, and at what comes back
// from protobuf.
func check(t *testing.T, form string, text []byte, parsed, back proto.Message) {
	t.Helper()
	if len(text) > expected {
		t.Errorf("%s has %d bytes, which leaves too little room for growth: at most %d are expected", form, len(text), expected)
	}
	binary, err := proto.Marshal(parsed)
	must(t, err)
	must(t, proto.Unmarshal(binary, back))
	if !proto.Equal(parsed, back) {
		t.Errorf("%s comes back from protobuf as something else", form)
	}
	t.Logf("%s: %d bytes of JSON, %d of protobuf", form, len(text), len(binary))

	var document map[string]any
	must(t, json.Unmarshal(text, &document))
	for _, reference := range references(document) {
		at := any(document)
		for step := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
			here, _ := at.(map[string]any)
			at = here[step]
		}
		if at == nil {
			t.Errorf("%s: %s leads nowhere", form, reference)
		}
	}
}

func references(value any) (all []string) {
	switch value := value.(type) {
	case map[string]any:
		if reference, ok := value["$ref"].(string); ok {
			all = append(all, reference)
		}
		for _, member := range value {
			all = append(all, references(member)...)
		}
	case []any:
		for _, item := range value {
			all = append(all, references(item)...)
		}
	}
	return all
}

// TestTheOperatorsSchemaCantBePublishedAsItIs: kube-apiserver would answer 503 to
// whoever asks for the schema of the cluster in protobuf.
func TestTheOperatorsSchemaCantBePublishedAsItIs(t *testing.T) {
	_, raw := installed(t)
	document := older(t)
	document.Definitions["raw"] = *raw
	if _, err := openapi_v2.ParseDocument(marshal(t, document)); err == nil {
		t.Error("it could: the older form does more than it must")
	}
}

// TestAFieldThatAnUpgradeBringsIsPublished.
func TestAFieldThatAnUpgradeBringsIsPublished(t *testing.T) {
	structural, _ := installed(t)
	upgraded := structural.DeepCopy()
	component := upgraded.Properties["vmselect"]
	component.Properties["fromTheFuture"] = structuralschema.Structural{Generic: structuralschema.Generic{Type: "string", Description: "not yet"}}
	for _, test := range []struct {
		schema *structuralschema.Structural
		want   int
	}{{structural, 0}, {upgraded, 2}} {
		v2, _, err := graft.V2(older(t), test.schema, room)
		must(t, err)
		v3, _, err := graft.V3(newer(t), test.schema, room)
		must(t, err)
		for form, document := range map[string]any{"v2": v2, "v3": v3} {
			if got := strings.Count(string(marshal(t, document)), `"fromTheFuture":`); got != test.want {
				t.Errorf("%s has the field %d times, want %d", form, got, test.want)
			}
		}
	}
}

func marshal(t *testing.T, document any) []byte {
	t.Helper()
	text, err := json.Marshal(document)
	must(t, err)
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
