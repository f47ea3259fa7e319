// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clusterschema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
)

// definition is a CustomResourceDefinition with a little of everything that a
// schema can say, in the names of the real one.
func definition() *apiextensionsv1.CustomResourceDefinition {
	integer := apiextensionsv1.JSONSchemaProps{Type: "integer", Format: "int32"}
	text := apiextensionsv1.JSONSchemaProps{Type: "string"}
	replicas := integer
	replicas.Minimum = ptr.To(0.0)
	mode := text
	mode.Enum = []apiextensionsv1.JSON{{Raw: []byte(`"a"`)}, {Raw: []byte(`"b"`)}}
	defaulted := text
	defaulted.Default = &apiextensionsv1.JSON{Raw: []byte(`"x"`)}
	ports := apiextensionsv1.JSONSchemaProps{
		Type: "array", XListType: ptr.To("map"), XListMapKeys: []string{"name"},
		Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{
			Type: "object", Required: []string{"name", "protocol"}, Properties: map[string]apiextensionsv1.JSONSchemaProps{"name": text, "port": integer, "protocol": defaulted},
		}},
	}
	storage := apiextensionsv1.JSONSchemaProps{
		Type:     "object",
		Required: []string{"mode", "defaulted"},
		Properties: map[string]apiextensionsv1.JSONSchemaProps{
			"replicaCount": replicas, "least": integer, "mode": mode, "ports": ports, "defaulted": defaulted,
			"extraArgs": {Type: "object", AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &text}},
			"anything":  {Type: "object", XPreserveUnknownFields: ptr.To(true)},
		},
		XValidations: apiextensionsv1.ValidationRules{{
			Rule:    "!has(self.least) || !has(self.replicaCount) || self.replicaCount >= self.least",
			Message: "must not be below least",
		}},
	}
	alternatives := apiextensionsv1.JSONSchemaProps{
		Type: "object", MinProperties: ptr.To[int64](2), MaxProperties: ptr.To[int64](2),
		AnyOf: []apiextensionsv1.JSONSchemaProps{{Required: []string{"a"}}, {Required: []string{"b"}}},
		OneOf: []apiextensionsv1.JSONSchemaProps{{Required: []string{"a"}}, {Required: []string{"b"}}},
		Not:   &apiextensionsv1.JSONSchemaProps{Required: []string{"c", "d"}},
		Properties: map[string]apiextensionsv1.JSONSchemaProps{
			"a": integer, "b": integer, "c": integer, "d": integer, "port": {XIntOrString: true},
		},
	}
	spec := apiextensionsv1.JSONSchemaProps{
		Type:         "object",
		Properties:   map[string]apiextensionsv1.JSONSchemaProps{"vmstorage": storage, "retentionPeriod": text, "alternatives": alternatives},
		XValidations: apiextensionsv1.ValidationRules{{Rule: "self.retentionPeriod != 'never'", Message: "retention must end", FieldPath: ".retentionPeriod"}},
	}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: CRDName(), UID: "1", Generation: 7},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: "v1beta1", Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
				Type: "object",
				Properties: map[string]apiextensionsv1.JSONSchemaProps{
					"apiVersion": text, "kind": text, "metadata": {Type: "object"}, "spec": spec,
				},
				XValidations: apiextensionsv1.ValidationRules{{Rule: "self.metadata.name != 'forbidden'", Message: "the name is taken"}},
			}},
		}}},
	}
}

func compiled(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) *Schema {
	t.Helper()
	schema, err := Compile(crd)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	if text == "" {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

var at = field.NewPath("spec", "zones", "vmclusters").Index(1).Child("spec")

func TestSpecsAreHeldAgainstTheSchemaUnderTheUsersOwnPath(t *testing.T) {
	const path = "spec.zones.vmclusters[1].spec"
	const ok = `"retentionPeriod":"1"`
	schema := compiled(t, definition())
	for _, test := range []struct {
		name, spec, old string
		cluster         string
		want            []string // type and field
	}{
		{name: "good", spec: `{` + ok + `,"vmstorage":{"mode":"a","replicaCount":2,"ports":[{"name":"a"}],"extraArgs":{"a":"b"},"anything":{"x":[1]}}}`},
		{name: "wrong type", spec: `{` + ok + `,"vmstorage":{"mode":"a","replicaCount":"two"}}`, want: []string{"Invalid value " + path + ".vmstorage.replicaCount"}},
		{name: "object for a string", spec: `{"retentionPeriod":{}}`, want: []string{"Invalid value " + path + ".retentionPeriod"}},
		{name: "below the minimum", spec: `{` + ok + `,"vmstorage":{"mode":"a","replicaCount":-1}}`, want: []string{"Invalid value " + path + ".vmstorage.replicaCount"}},
		{name: "none of an enumeration", spec: `{` + ok + `,"vmstorage":{"mode":"c"}}`, want: []string{"Unsupported value " + path + ".vmstorage.mode"}},
		{name: "lacks what is required", spec: `{` + ok + `,"vmstorage":{}}`, want: []string{"Required value " + path + ".vmstorage.mode"}},
		{name: "null where something is required", spec: `{` + ok + `,"vmstorage":{"mode":null}}`, want: []string{"Required value " + path + ".vmstorage.mode"}},
		{name: "none of the alternatives", spec: `{` + ok + `,"alternatives":{"c":1,"port":1}}`, want: []string{
			"Invalid value " + path + ".alternatives", "Required value " + path + ".alternatives.a", "Invalid value " + path + ".alternatives"}},
		{name: "null for a default", spec: `{` + ok + `,"vmstorage":{"mode":"a","defaulted":null}}`},
		{name: "in a list", spec: `{` + ok + `,"vmstorage":{"mode":"a","ports":[{"name":"a"},{"port":1}]}}`, want: []string{"Required value " + path + ".vmstorage.ports[1].name"}},
		{name: "twice in a list", spec: `{` + ok + `,"vmstorage":{"mode":"a","ports":[{"name":"a"},{"name":"a"}]}}`, want: []string{"Duplicate value " + path + ".vmstorage.ports[1]"}},
		{name: "in a map", spec: `{` + ok + `,"vmstorage":{"mode":"a","extraArgs":{"a.b":1}}}`, want: []string{"Invalid value " + path + ".vmstorage.extraArgs.a.b"}},
		{name: "rule", spec: `{` + ok + `,"vmstorage":{"mode":"a","least":3,"replicaCount":2}}`, want: []string{"Invalid value " + path + ".vmstorage"}},
		{name: "rule with a path of its own", spec: `{"retentionPeriod":"never"}`, want: []string{"Invalid value " + path + ".retentionPeriod"}},
		{name: "rule about the whole object", cluster: "forbidden", spec: `{` + ok + `}`, want: []string{"Invalid value " + path}},
		{name: "unknown field", spec: `{` + ok + `,"vmstorage":{"mode":"a","replicacount":1}}`},

		{name: "wrong as before", spec: `{"retentionPeriod":"2","vmstorage":{"mode":"c"}}`, old: `{` + ok + `,"vmstorage":{"mode":"c"}}`},
		{name: "wrong in another way", spec: `{` + ok + `,"vmstorage":{"mode":"d"}}`, old: `{` + ok + `,"vmstorage":{"mode":"c"}}`, want: []string{"Unsupported value " + path + ".vmstorage.mode"}},
		{name: "wrong beside what was wrong", spec: `{"retentionPeriod":1,"vmstorage":{"mode":"c"}}`, old: `{` + ok + `,"vmstorage":{"mode":"c"}}`, want: []string{"Invalid value " + path + ".retentionPeriod"}},
		{name: "rule broken as before", spec: `{"retentionPeriod":"2","vmstorage":{"mode":"a","least":3,"replicaCount":2}}`, old: `{` + ok + `,"vmstorage":{"mode":"a","least":3,"replicaCount":2}}`},
		{name: "twice in a list as before", spec: `{"retentionPeriod":"2","vmstorage":{"mode":"a","ports":[{"name":"a"},{"name":"a"}]}}`, old: `{` + ok + `,"vmstorage":{"mode":"a","ports":[{"name":"a"},{"name":"a"}]}}`},
		{name: "good now", spec: `{` + ok + `,"vmstorage":{"mode":"a"}}`, old: `{"vmstorage":{"mode":"c"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := Cluster{Namespace: "ns", Name: "zone", Spec: decoded(t, test.spec)}
			if test.cluster != "" {
				cluster.Name = test.cluster
			}
			before := fmt.Sprint(cluster.Spec)
			wantErrors(t, schema.Validate(t.Context(), cluster, decoded(t, test.old), at), test.want)
			if after := fmt.Sprint(cluster.Spec); after != before {
				t.Errorf("the spec was changed into %s", after)
			}
		})
	}
}

func TestPatchOnWhatIsNotKnownIsCheckedForWhatItSets(t *testing.T) {
	schema := compiled(t, definition())
	for _, test := range []struct {
		name, patch string
		want        []string
	}{
		{"part of an object", `{"vmstorage":{"replicaCount":2}}`, nil},
		{"removal", `{"vmstorage":{"mode":null},"retentionPeriod":null}`, nil},
		{"wrong type", `{"vmstorage":{"replicaCount":"2"}}`, []string{"Invalid value spec.zones.vmclusters[1].spec.vmstorage.replicaCount"}},
		{"none of an enumeration", `{"vmstorage":{"mode":"c"}}`, []string{"Unsupported value spec.zones.vmclusters[1].spec.vmstorage.mode"}},
		{"one of what there may be two", `{"alternatives":{"c":1}}`, nil},
		{"all of what there may be one", `{"alternatives":{"a":1,"b":1,"d":1}}`, nil},
		{"wrong type among alternatives", `{"alternatives":{"c":"1"}}`, []string{"Invalid value spec.zones.vmclusters[1].spec.alternatives.c"}},
		{"number or text", `{"alternatives":{"port":"http"}}`, nil},
		{"neither number nor text", `{"alternatives":{"port":{}}}`, []string{"Invalid value spec.zones.vmclusters[1].spec.alternatives.port"}},
		// A list is replaced as a whole, so that its items are as they are in a spec.
		{"item that lacks what is required", `{"vmstorage":{"ports":[{"port":1}]}}`, []string{"Required value spec.zones.vmclusters[1].spec.vmstorage.ports[0].name"}},
		{"item that lacks what has a default", `{"vmstorage":{"ports":[{"name":"a","protocol":null}]}}`, nil},
		{"item that is there twice", `{"vmstorage":{"ports":[{"name":"a"},{"name":"a"}]}}`, []string{"Duplicate value spec.zones.vmclusters[1].spec.vmstorage.ports[1]"}},
	} {
		t.Run(test.name, func(t *testing.T) { wantErrors(t, schema.ValidatePatch(decoded(t, test.patch), at), test.want) })
	}
}

func wantErrors(t *testing.T, errs field.ErrorList, want []string) {
	t.Helper()
	var got []string
	for _, err := range errs {
		got = append(got, err.Type.String()+" "+err.Field)
		if strings.Contains(err.Detail, "in body") {
			t.Errorf("%s is told under another path: %s", err.Field, err.Detail)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors are %q, want %q: %v", got, want, errs)
	}
}

func TestUnknownFieldsAreNamedWherePeopleLookForThem(t *testing.T) {
	spec := decoded(t, `{"vmstorag":{},"vmstorage":{"mode":"a","replicacount":1,"ports":[{"name":"a","x":null}],"anything":{"y":1},"extraArgs":{"z":"1"}}}`)
	got := compiled(t, definition()).Unknown(spec, at)
	const path = "spec.zones.vmclusters[1].spec"
	want := []string{path + ".vmstorag", path + ".vmstorage.ports[0].x", path + ".vmstorage.replicacount"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("unknown are %q, want %q", got, want)
	}
}

func TestDefinitionThatCannotBeUsedIsAnError(t *testing.T) {
	for name, change := range map[string]func(*apiextensionsv1.CustomResourceDefinition){
		"another version": func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Spec.Versions[0].Name = "v1" },
		"no schema":       func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Spec.Versions[0].Schema = nil },
		"no spec": func(crd *apiextensionsv1.CustomResourceDefinition) {
			delete(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties, "spec")
		},
	} {
		t.Run(name, func(t *testing.T) {
			crd := definition()
			change(crd)
			if _, err := Compile(crd); err == nil || !strings.Contains(err.Error(), CRDName()) {
				t.Errorf("the error is %v, want one that names the definition", err)
			}
		})
	}
}

// TestBuiltInSchemaKnowsTheRealKind: what the samples use, and what they must not.
func TestBuiltInSchemaKnowsTheRealKind(t *testing.T) {
	schema, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(schema.Origin(), "v0.") {
		t.Errorf("the schema comes from %s, want a version of the operator", schema.Origin())
	}
	good := decoded(t, `{"retentionPeriod":"1","replicationFactor":2,"vmstorage":{"replicaCount":2,"image":{"tag":"v1"},"resources":{"limits":{"cpu":1}},
		"storage":{"volumeClaimTemplate":{"spec":{"resources":{"requests":{"storage":"10Gi"}}}}},"extraArgs":{"dedup.minScrapeInterval":"1ms"}},
		"vmselect":{"replicaCount":2,"affinity":{"nodeAffinity":{}}},"vminsert":{"port":"8480","extraEnvs":[{"name":"A","value":"b"}]}}`)
	wantErrors(t, schema.Validate(t.Context(), Cluster{"ns", "a", good}, nil, at), nil)
	if unknown := schema.Unknown(good, at); len(unknown) > 0 {
		t.Errorf("unknown are %q", unknown)
	}
	bad := decoded(t, `{"vmstorage":{"replicaCount":"2"},"vmselekt":{}}`)
	wantErrors(t, schema.Validate(t.Context(), Cluster{"ns", "a", bad}, nil, at), []string{"Invalid value spec.zones.vmclusters[1].spec.vmstorage.replicaCount"})
	if unknown := schema.Unknown(bad, at); !slices.Equal(unknown, []string{"spec.zones.vmclusters[1].spec.vmselekt"}) {
		t.Errorf("unknown are %q", unknown)
	}
}
