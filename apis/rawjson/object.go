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
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Object is a JSON object, kept as it was written.
//
// +k8s:openapi-gen=true
type Object struct {
	// Raw is the text of the object; empty stands for an object without members.
	Raw []byte `json:"-"`
}

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
	var flaw *Flaw
	switch err := Check(data); {
	case errors.As(err, &flaw):
		return &json.UnmarshalTypeError{Value: flaw.Error(), Type: reflect.TypeFor[Object]()}
	case err != nil:
		return err
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

// level is an object or a list that the scan is inside of.
type level struct {
	members map[string]bool // nil inside a list
	key     string
	wantKey bool
}

// Flaw is what keeps an object from being carried through faithfully: a member that
// is there twice, since strict decoding ends at this type, so that nobody else would
// notice that one of the two is lost, or a number that no float64 holds, such as
// 1e400, since those who decode the text later can't, and the field manager of the
// API server panics.
type Flaw struct {
	// What is the matter, in words that a path follows.
	What string
	// Path is where it is in the object: keys with dots between them, lists left out.
	Path string
}

// Error says both.
func (f *Flaw) Error() string { return fmt.Sprintf("%s %q", f.What, f.Path) }

// Check returns the first *Flaw of a JSON object, or why it is none.
func Check(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var stack []level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(stack) > 0 && stack[len(stack)-1].wantKey {
			if key, ok := token.(string); ok {
				top := &stack[len(stack)-1]
				top.key, top.wantKey = key, false
				if top.members[key] {
					return &Flaw{What: "duplicate field", Path: path(stack)}
				}
				top.members[key] = true
				continue
			}
		}
		if number, ok := token.(json.Number); ok {
			if _, err := number.Float64(); err != nil {
				return &Flaw{What: "number out of range in field", Path: path(stack)}
			}
		}
		stack = advance(stack, token)
	}
}

// advance opens or closes a level, or passes a value.
func advance(stack []level, token json.Token) []level {
	switch token {
	case json.Delim('{'):
		return append(stack, level{members: map[string]bool{}, wantKey: true})
	case json.Delim('['):
		return append(stack, level{})
	case json.Delim('}'), json.Delim(']'):
		stack = stack[:len(stack)-1]
	}
	if len(stack) > 0 {
		top := &stack[len(stack)-1]
		top.wantKey = top.members != nil
	}
	return stack
}

// path joins the keys that lead to where the scan is, lists left out.
func path(stack []level) string {
	var keys []string
	for _, l := range stack {
		if l.members != nil {
			keys = append(keys, l.key)
		}
	}
	return strings.Join(keys, ".")
}
