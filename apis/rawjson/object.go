// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rawjson carries JSON objects through Go types byte by byte, so that
// a field which this program never heard of survives storage. Anything but an
// object (a string, a number, a list) is refused when it is decoded; null leaves
// the value as it is, as everywhere in JSON. runtime.RawExtension will not do:
// server-side apply treats it as atomic.
package rawjson

import (
	"bytes"
	"encoding/json"
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// Object is a JSON object, kept as it was written.
//
// +k8s:openapi-gen=true
type Object struct {
	// Raw is the text of the object; empty stands for an object without members.
	Raw []byte `json:"-"`
}

// The comparison that Kubernetes makes of old and new objects goes by reflection, which
// takes a text byte by byte: several times as long as it takes to read it.
func init() { utilruntime.Must(equality.Semantic.AddFunc(same)) }

func same(a, b Object) bool { return bytes.Equal(a.Raw, b.Raw) }

// MarshalJSON returns the text, or {} for the zero value.
func (o Object) MarshalJSON() ([]byte, error) {
	if len(o.Raw) == 0 {
		return []byte("{}"), nil
	}
	return o.Raw, nil
}

// UnmarshalJSON keeps a copy of data. The error for anything but an object, and
// for one with a Flaw, is a *json.UnmarshalTypeError, to which the decoder adds the
// path of the field.
func (o *Object) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	if kind := kindOf(data); kind != "object" {
		return &json.UnmarshalTypeError{Value: kind, Type: reflect.TypeFor[Object]()}
	}
	if flaw := Check(data); flaw != nil {
		return &json.UnmarshalTypeError{Value: flaw.Error(), Type: reflect.TypeFor[Object]()}
	}
	o.Raw = bytes.Clone(data)
	return nil
}

// Decode returns the members, integers as int64: nil for no object at all, and an
// empty map for one without members.
func (o *Object) Decode() (map[string]any, error) {
	if o == nil {
		return nil, nil
	}
	decoded := map[string]any{}
	if len(o.Raw) == 0 {
		return decoded, nil
	}
	if err := utiljson.Unmarshal(o.Raw, &decoded); err != nil {
		return nil, err
	}
	return decoded, nil
}

// OpenAPISchemaType makes the published schema say "object".
func (Object) OpenAPISchemaType() []string { return []string{"object"} }

// OpenAPISchemaFormat is empty: JSON has no format for objects.
func (Object) OpenAPISchemaFormat() string { return "" }

// OpenAPIModelName is the name of the type in the published schema. The default
// would hold slashes, which do not survive in references of OpenAPI v3.
func (Object) OpenAPIModelName() string { return "com.victoriametrics.distributed.rawjson.Object" }

// kindOf names the type of a JSON value in JSON's own words.
func kindOf(data []byte) string {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 {
		return "nothing"
	}
	switch data[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "bool"
	default:
		return "number"
	}
}
