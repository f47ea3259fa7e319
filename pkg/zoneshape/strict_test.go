// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// decodeFunc decodes a canonical body.
type decodeFunc func(body []byte) (*v1alpha1.VMDistributedCluster, error)

// strictDecoder decodes the way the server does under fieldValidation=Strict.
func strictDecoder(t testing.TB, mediaType string) decodeFunc {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	options := kjson.SerializerOptions{Strict: true, Yaml: mediaType == yamlType}
	serializer := kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme, scheme, options)
	return func(body []byte) (*v1alpha1.VMDistributedCluster, error) {
		object := &v1alpha1.VMDistributedCluster{}
		_, _, err := serializer.Decode(body, nil, object)
		return object, err
	}
}

func decodeStrictly(t *testing.T, mediaType string, body []byte) (*v1alpha1.VMDistributedCluster, error) {
	t.Helper()
	return strictDecoder(t, mediaType)(body)
}

func clusterWithZones(zones string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"operator.victoriametrics.com/v1alpha1","kind":"VMDistributedCluster","metadata":{"name":"x"},"spec":{"zones":%s}}`, zones)
}

func TestStrictValidationNamesCanonicalPaths(t *testing.T) {
	for name, c := range map[string]struct{ zones, want string }{
		"unknown field in an entry":         {`[{"name":"a"},{"name":"b","bogus":1}]`, `unknown field "spec.zones.vmclusters[1].bogus"`},
		"unknown field in a wrapped entry":  {`[{"vmclusters":{"name":"b","bogus":1}}]`, `unknown field "spec.zones.vmclusters[0].bogus"`},
		"unknown field in ref":              {`[{"vmclusters":{"ref":{"name":"a","bogus":1}}}]`, `unknown field "spec.zones.vmclusters[0].ref.bogus"`},
		"unknown field beside vmclusters":   {`[{"name":"a"},{"vmclusters":{"name":"b"},"bogus":1}]`, `unknown field "spec.zones.vmclusters[1].bogus"`},
		"field in another case":             {`[{"Name":"a"}]`, `unknown field "spec.zones.vmclusters[0].Name"`},
		"duplicate field in an entry":       {`[{"name":"a","name":"b"}]`, `duplicate field "spec.zones.vmclusters[0].name"`},
		"duplicate field in a wrapped one":  {`[{"vmclusters":{"name":"a","name":"b"}}]`, `duplicate field "spec.zones.vmclusters[0].name"`},
		"an item that is no object":         {`["a"]`, `cannot unmarshal string into Go struct field Zones.spec.zones.vmclusters of type v1alpha1.Zone`},
		"a wrapped value that is no object": {`[{"vmclusters":7}]`, `cannot unmarshal number into Go struct field Zones.spec.zones.vmclusters of type v1alpha1.Zone`},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Normalise(jsonType, clusterWithZones(c.zones))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = decodeStrictly(t, result.MediaType, result.Body); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s\nwant an error that says %s\ngot %v", result.Body, c.want, err)
			}
		})
	}
}

func TestAllShapesDecodeToTheSameObject(t *testing.T) {
	const a, b = `{"ref":{"name":"a"},"overrideSpec":{"x":1.0}}`, `{"name":"b","spec":{"y":1e3}}`
	want, err := decodeStrictly(t, jsonType, clusterWithZones(`{"vmclusters":[`+a+`,`+b+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, zones := range map[string]string{
		"entries":      `[` + a + `,` + b + `]`,
		"wrapped":      `[{"vmclusters":` + a + `},{"vmclusters":` + b + `}]`,
		"mixed":        `[` + a + `,{"vmclusters":` + b + `}]`,
		"wrapped list": `[{"vmclusters":[` + a + `,` + b + `]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Normalise(jsonType, clusterWithZones(zones))
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeStrictly(t, result.MediaType, result.Body)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, error %v\nwant %+v", got, err, want)
			}
		})
	}
}

func TestTheDocumentedYAMLDecodesStrictly(t *testing.T) {
	result, err := Normalise(yamlType, []byte(listAsYAML))
	if err != nil {
		t.Fatal(err)
	}
	object, err := decodeStrictly(t, result.MediaType, result.Body)
	if err != nil || len(object.Spec.Zones.VMClusters) != 2 {
		t.Errorf("got %+v, error %v", object, err)
	}
}
