// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// decode reads one field of an object, such as spec, into a type that knows a
// part of it. An absent field decodes to the zero value.
func decode(obj *unstructured.Unstructured, field string, into any) error {
	raw, err := json.Marshal(obj.Object[field])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading %s of %s %s/%s: %w", field, obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
	}
	return nil
}

// encode is the reverse of decode. Whole numbers in it are int64, as
// unstructured objects have them.
func encode(value any) (map[string]any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var result map[string]any
	return result, utiljson.Unmarshal(raw, &result)
}

// nested returns the map under a field, or nil.
func nested(obj map[string]any, fields ...string) map[string]any {
	result, _, err := unstructured.NestedMap(obj, fields...)
	if err != nil {
		return nil
	}
	return result
}

// without returns a map that lacks some keys.
func without(m map[string]any, keys ...string) map[string]any {
	result := map[string]any{}
	maps.Copy(result, m)
	for _, k := range keys {
		delete(result, k)
	}
	return result
}

// merged returns the union of both maps; in a conflict, the second one wins.
func merged(first, second map[string]string) map[string]string {
	result := map[string]string{}
	maps.Copy(result, first)
	maps.Copy(result, second)
	return result
}
