// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"github.com/google/go-cmp/cmp"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

const (
	zoneSpec     = "spec.zones.vmclusters.[].spec"
	zoneOverride = "spec.zones.vmclusters.[].overrideSpec"

	plenty = 1 << 20
)

// graftedV3 is the base with the example in it.
func graftedV3(t testing.TB) *spec3.OpenAPI {
	t.Helper()
	document, detail, err := V3(baseV3(t), example(t), plenty)
	must(t, err)
	if detail != Described {
		t.Fatalf("it tells %s", detail)
	}
	return document
}

func graftedV2(t testing.TB) *spec.Swagger {
	t.Helper()
	document, detail, err := V2(baseV2(t), example(t), plenty)
	must(t, err)
	if detail != Described {
		t.Fatalf("it tells %s", detail)
	}
	return document
}

// both are the two forms, read.
func both(t testing.TB) map[string]tree {
	t.Helper()
	return map[string]tree{"v2": read(t, graftedV2(t)), "v3": read(t, graftedV3(t))}
}

func TestFieldsOfAVMClusterAreFoundBelowAZone(t *testing.T) {
	for form, document := range both(t) {
		for path, want := range map[string]string{
			zoneSpec:                                "spec of a cluster",
			zoneSpec + ".retention":                 "how long to keep samples",
			zoneSpec + ".storage.replicas":          "number of replicas",
			zoneSpec + ".storage.ports.[].port":     "number of the port",
			zoneOverride + ".storage.replicas":      "number of replicas",
			zoneOverride + ".storage.ports.[].port": "number of the port",
		} {
			if got := document.schema(t, path)["description"]; got != want {
				t.Errorf("%s: %s is for %v, want %q", form, path, got, want)
			}
		}
		zone := child(document.schema(t, "spec.zones.vmclusters.[]"), "properties")
		if text, _ := child(zone, "overrideSpec")["description"].(string); !strings.Contains(text, "merge patch") {
			t.Errorf("%s: what overrideSpec itself is for has gone: %q", form, text)
		}
	}
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	for form, document := range both(t) {
		count := 0
		walk(document, func(object tree) {
			if reference, ok := object["$ref"].(string); ok {
				count++
				document.resolve(t, object)
				if strings.ContainsAny(strings.TrimPrefix(reference, document.prefix()), "/~%") {
					t.Errorf("%s: %s has to be escaped", form, reference)
				}
			}
		})
		if count < 10 {
			t.Errorf("%s: there are only %d references", form, count)
		}
	}
}

// TestAPatchIsAPart: what is true of a whole spec is not said of a patch.
func TestAPatchIsAPart(t *testing.T) {
	for form, document := range both(t) {
		for _, path := range []string{"", ".retention", ".storage", ".storage.replicas", ".storage.ports", ".resources", ".resources.{}", ".embedded"} {
			schema := document.schema(t, zoneOverride+path)
			for _, word := range []string{
				"required", "default", "minProperties", "oneOf", "anyOf", "x-kubernetes-validations", "x-kubernetes-embedded-resource",
			} {
				if value, there := schema[word]; there {
					t.Errorf("%s: overrideSpec%s has %s: %v", form, path, word, value)
				}
			}
		}
		if required := document.schema(t, zoneSpec)["required"]; !reflect.DeepEqual(required, []any{"retention"}) {
			t.Errorf("%s: a whole spec requires %v", form, required)
		}
		if got := document.schema(t, zoneOverride+".storage.replicas")["minimum"]; got != 0.0 {
			t.Errorf("%s: the least number of replicas is %v", form, got)
		}
	}
}

// TestListsInAPatchAreWhole, since a merge patch replaces them.
func TestListsInAPatchAreWhole(t *testing.T) {
	for form, document := range both(t) {
		for _, path := range []string{".storage.ports.[]", ".storage.ports.[].protocol"} {
			whole, patch := document.schema(t, zoneSpec+path), document.schema(t, zoneOverride+path)
			if diff := cmp.Diff(whole, patch); diff != "" {
				t.Errorf("%s: items of a list differ (-spec +overrideSpec):\n%s", form, diff)
			}
		}
		if got := document.schema(t, zoneOverride+".storage.ports.[]")["required"]; !reflect.DeepEqual(got, []any{"port"}) {
			t.Errorf("%s: an item requires %v", form, got)
		}
	}
}

// TestNullRemoves: the newer form says where null is allowed.
func TestNullRemoves(t *testing.T) {
	document := read(t, graftedV3(t))
	for path, want := range map[string]bool{
		zoneOverride:                            false,
		zoneOverride + ".retention":             true,
		zoneOverride + ".storage":               true,
		zoneOverride + ".storage.replicas":      true,
		zoneOverride + ".storage.ports":         true,
		zoneOverride + ".storage.ports.[].port": false,
		zoneOverride + ".resources.{}":          true,
		zoneSpec + ".retention":                 false,
		zoneSpec + ".removable":                 true,
	} {
		if got := document.schema(t, path)["nullable"] == true; got != want {
			t.Errorf("%s is nullable: %v, want %v", path, got, want)
		}
	}
	if got := document.schema(t, zoneOverride+".level")["enum"]; !reflect.DeepEqual(got, []any{"INFO", "WARN", nil}) {
		t.Errorf("the level may be overridden by %v", got)
	}
	if got := document.schema(t, zoneSpec+".level")["enum"]; !reflect.DeepEqual(got, []any{"INFO", "WARN"}) {
		t.Errorf("the level may be %v", got)
	}
}

// TestTheOlderFormKeepsTheFieldsOfAPatch: to say that null is allowed, it would have
// to tell nothing else.
func TestTheOlderFormKeepsTheFieldsOfAPatch(t *testing.T) {
	document := read(t, graftedV2(t))
	for path, want := range map[string]string{".storage": "object", ".storage.replicas": "integer", ".retention": "string"} {
		if got := document.schema(t, zoneOverride+path)["type"]; got != want {
			t.Errorf("overrideSpec%s has the type %v, want %s", path, got, want)
		}
	}
}

// TestDefaultsAreToldInTheNewerFormOnly, as kube-apiserver does for the definition
// itself.
func TestDefaultsAreToldInTheNewerFormOnly(t *testing.T) {
	if got := read(t, graftedV3(t)).schema(t, zoneSpec+".retention")["default"]; got != "1" {
		t.Errorf("the default of retention is %v", got)
	}
	definitions := read(t, graftedV2(t)).definitions()
	for _, name := range []string{specName, patchName} {
		walk(definitions[name], func(object tree) {
			if value, there := object["default"]; there {
				t.Errorf("%s has a default of %v", name, value)
			}
		})
	}
}

// TestTheRawSchemaWouldBreakTheClusterInProtobuf is why V2 converts it.
func TestTheRawSchemaWouldBreakTheClusterInProtobuf(t *testing.T) {
	document := *graftedV2(t)
	text, err := json.Marshal(&document)
	must(t, err)
	if _, err := openapi_v2.ParseDocument(text); err != nil {
		t.Errorf("as grafted: %v", err)
	}
	document.Definitions[specName] = *example(t).ToKubeOpenAPI()
	text, err = json.Marshal(&document)
	must(t, err)
	if _, err = openapi_v2.ParseDocument(text); err == nil {
		t.Error("the schema could be published as it is: V2 does more than it must")
	}
	if err := readableV2(text); err == nil {
		t.Error("V2 would not notice")
	}
}

// TestObjectsFitTheSchema: policies of kube-apiserver that apply configurations make
// types of the newer form, and hold objects against them.
func TestObjectsFitTheSchema(t *testing.T) {
	converter, err := managedfields.NewTypeConverter(graftedV3(t).Components.Schemas, false)
	must(t, err)
	const whole = "spec: {retention: 1d, any: {thing: [1]}, resources: {cpu: 1, memory: 1Gi}, storage: {replicas: 2, ports: [{port: 1}]}}"
	for zone, fits := range map[string]bool{
		"{" + whole + "}": true,
		"{overrideSpec: {level: null, storage: {replicas: null, ports: null}, resources: {cpu: null, memory: 2}}}": true,
		"{overrideSpec: {storage: null, any: {thing: null}}}":                                                      true,
		"{overrideSpec: {storage: {replicas: several}}}":                                                           false,
		"{spec: {storage: {ports: 1}}}":                                                                            false,
	} {
		object := &unstructured.Unstructured{}
		must(t, yaml.Unmarshal([]byte("spec: {zones: {vmclusters: ["+zone+"]}}"), &object.Object))
		object.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("VMDistributedCluster"))
		if _, err := converter.ObjectToTyped(object); (err == nil) != fits {
			t.Errorf("%s fits: %v, want %v: %v", zone, err == nil, fits, err)
		}
	}
}

// TestNothingGivenIsChanged: others are reading it.
func TestNothingGivenIsChanged(t *testing.T) {
	inner, v2, v3 := example(t), baseV2(t), baseV3(t)
	if _, _, err := V3(v3, inner, plenty); err != nil {
		t.Error(err)
	}
	if _, _, err := V2(v2, inner, plenty); err != nil {
		t.Error(err)
	}
	// Without room for descriptions, too.
	_, _, _ = V3(v3, inner, 1)
	_, _, _ = V2(v2, inner, 1)
	if !reflect.DeepEqual(inner, example(t)) {
		t.Error("the schema was changed")
	}
	if diff := cmp.Diff(read(t, baseV3(t)), read(t, v3)); diff != "" {
		t.Errorf("the newer document was changed:\n%s", diff)
	}
	if diff := cmp.Diff(read(t, baseV2(t)), read(t, v2)); diff != "" {
		t.Errorf("the older document was changed:\n%s", diff)
	}
}

// TestOnlyTheZonesChange: everything else in a document stays as it was.
func TestOnlyTheZonesChange(t *testing.T) {
	for form, pair := range map[string][2]tree{
		"v2": {read(t, baseV2(t)), read(t, graftedV2(t))},
		"v3": {read(t, baseV3(t)), read(t, graftedV3(t))},
	} {
		before, after := pair[0].definitions(), pair[1].definitions()
		for _, grafted := range []string{specName, patchName} {
			delete(after, grafted)
		}
		for name := range after {
			if cmp.Equal(before[name], after[name]) != (name != v1alpha1.Zone{}.OpenAPIModelName()) {
				t.Errorf("%s: %s: %s", form, name, cmp.Diff(before[name], after[name]))
			}
		}
		if len(before) != len(after) {
			t.Errorf("%s: there were %d definitions and are %d", form, len(before), len(after))
		}
	}
}

// TestDetailShrinksWithTheRoom: descriptions go first, those of overrideSpec before
// those of spec.
func TestDetailShrinksWithTheRoom(t *testing.T) {
	inner := example(t)
	for form, graft := range map[string]func(maxBytes int) (any, Detail, error){
		"v2": func(maxBytes int) (any, Detail, error) { return V2(baseV2(t), inner, maxBytes) },
		"v3": func(maxBytes int) (any, Detail, error) { return V3(baseV3(t), inner, maxBytes) },
	} {
		room := plenty
		for want := Described; want >= Bare; want-- {
			document, detail, err := graft(room)
			if detail != want || (err != nil) != (want == Bare) {
				t.Fatalf("%s: with %d bytes it tells %s (%v), want %s", form, room, detail, err, want)
			}
			text, err := json.Marshal(document)
			must(t, err)
			if size := len(text); detail > Bare && size > room {
				t.Errorf("%s: it has %d bytes, and may have %d", form, size, room)
			}
			parsed := read(t, document)
			checkDetail(t, form, parsed, detail)
			room = len(text) - 1
		}
	}
}

func checkDetail(t *testing.T, form string, document tree, detail Detail) {
	t.Helper()
	if detail == Bare {
		if child(document.definitions(), specName) != nil {
			t.Errorf("%s: bare, it has %s", form, specName)
		}
		return
	}
	for path, least := range map[string]Detail{zoneSpec: SpecDescribed, zoneOverride: Described} {
		_, described := document.schema(t, path+".storage.replicas")["description"]
		if described != (detail >= least) {
			t.Errorf("%s: telling %s, %s has descriptions: %v", form, detail, path, described)
		}
	}
}

// TestWhatNobodyCouldReadIsNotPublished: a definition is checked by rules that are
// not those of OpenAPI.
func TestWhatNobodyCouldReadIsNotPublished(t *testing.T) {
	inner := example(t)
	inner.ExternalDocs = &structuralschema.ExternalDocumentation{Description: "no address"}
	base := baseV2(t)
	document, detail, err := V2(base, inner, plenty)
	if document != base || detail != Bare || err == nil || len(err.Error()) > 1000 {
		t.Errorf("it tells %s: %v", detail, err)
	}
	newer := baseV3(t)
	if document, detail, err := V3(newer, inner, plenty); document != newer || detail != Bare || err == nil {
		t.Errorf("it tells %s: %v", detail, err)
	}
}

func TestADocumentWithoutZonesIsLeftAlone(t *testing.T) {
	inner := example(t)
	for name, base := range map[string]*spec3.OpenAPI{
		"no components": {},
		"no schemas":    {Components: &spec3.Components{}},
		"other schemas": {Components: &spec3.Components{Schemas: map[string]*spec.Schema{
			"x": new(spec.Schema).SetProperty("spec", *spec.RefSchema("#/components/schemas/y")),
		}}},
	} {
		if document, detail, err := V3(base, inner, plenty); document != base || detail != Bare || err == nil {
			t.Errorf("%s: it tells %s: %v", name, detail, err)
		}
	}
	base := &spec.Swagger{}
	if document, detail, err := V2(base, inner, plenty); document != base || detail != Bare || err == nil {
		t.Errorf("it tells %s: %v", detail, err)
	}
}
