// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
)

// The names of what is grafted in. A CustomResourceDefinition is published under
// its reversed group, its version and its kind: these two look like version
// "installed" of group distributed.victoriametrics.com, which is ours.
const (
	specName  = "com.victoriametrics.distributed.installed.VMClusterSpec"
	patchName = "com.victoriametrics.distributed.installed.VMClusterSpecPatch"
)

// places are the properties that hold a spec or a patch on one, wherever they are.
var places = map[string]string{
	"spec":         specName,
	"overrideSpec": patchName,
}

// errNoPlace is for a document that has none of these.
func errNoPlace() error {
	return fmt.Errorf("the OpenAPI document has no place for the schema of a VMCluster's spec: none of the properties %v refers to %s",
		slices.Sorted(maps.Keys(places)), rawjson.Object{}.OpenAPIModelName())
}

// pointers goes through the definitions of the older form.
func pointers(definitions spec.Definitions) iter.Seq2[string, *spec.Schema] {
	return func(yield func(string, *spec.Schema) bool) {
		for name, schema := range definitions {
			if !yield(name, &schema) {
				return
			}
		}
	}
}

// redirect returns copies of the schemas that have a place for what is grafted in,
// and that now refer to it. References begin with prefix.
func redirect(schemas iter.Seq2[string, *spec.Schema], prefix string) map[string]*spec.Schema {
	changed := map[string]*spec.Schema{}
	for name, schema := range schemas {
		if copied, ok := redirectProperties(schema, prefix); ok {
			changed[name] = copied
		}
	}
	return changed
}

func redirectProperties(schema *spec.Schema, prefix string) (copied *spec.Schema, changed bool) {
	for name, target := range places {
		property, ok := redirectProperty(schema.Properties[name], prefix, target)
		if !ok {
			continue
		}
		if copied == nil {
			clone := *schema
			clone.Properties = maps.Clone(schema.Properties)
			copied = &clone
		}
		copied.Properties[name] = property
	}
	return copied, copied != nil
}

// redirectProperty changes a reference where it is, which is inside allOf if the
// property has a description of its own and the document is of the newer form.
func redirectProperty(property spec.Schema, prefix, target string) (spec.Schema, bool) {
	from, to := prefix+rawjson.Object{}.OpenAPIModelName(), spec.MustCreateRef(prefix+target)
	if property.Ref.String() == from {
		property.Ref = to
		return property, true
	}
	for i := range property.AllOf {
		if property.AllOf[i].Ref.String() == from {
			property.AllOf = slices.Clone(property.AllOf)
			property.AllOf[i].Ref = to
			return property, true
		}
	}
	return property, false
}
