// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// rewriteMergePatch rewrites a JSON merge patch. If there is a null in its list
// of zones it goes on as a strategic merge patch, which for all that it may hold
// then means the same: RFC 7396 takes a list as it is, but the library that the
// server uses drops nulls in it. An override that removes a field would be
// lost without a word, also when the user has merely opened it in kubectl edit.
func rewriteMergePatch(mediaType string, body []byte) (Result, error) {
	result, err := rewriteJSON(mediaType, body)
	if err != nil {
		return result, err
	}
	var patch map[string]any
	if json.Unmarshal(result.Body, &patch) != nil {
		return result, nil //nolint:nilerr // the server says why
	}
	spec, _ := patch[keySpec].(map[string]any)
	zones, _ := spec[keyZones].(map[string]any)
	list, _ := zones[keyVMClusters].([]any)
	if !losesNull(list) {
		return result, nil
	}
	delete(zones, keyVMClusters) // what is in there is replaced as a whole by both
	if !strategicMeansTheSame(patch) {
		return Result{Body: body, MediaType: mediaType}, invalid(field.NewPath(keySpec, keyZones, keyVMClusters),
			"holds null, which a JSON merge patch of status, finalizers or ownerReferences would lose; send one patch for each, or apply the object")
	}
	result.MediaType = string(types.StrategicMergePatchType)
	return result, nil
}

// losesNull reports whether an object anywhere in value has a member that is
// null. A null that is an item of a list stays.
func losesNull(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, losesNull)
	case map[string]any:
		for _, member := range value {
			if member == nil || losesNull(member) {
				return true
			}
		}
	}
	return false
}

// strategicMeansTheSame reports whether a patch is free of what the two kinds of
// merge patch read in different ways: directives, and lists that are merged.
func strategicMeansTheSame(patch map[string]any) bool {
	metadata, _ := patch["metadata"].(map[string]any)
	for _, merged := range []struct {
		object map[string]any
		key    string
	}{{patch, "status"}, {metadata, "finalizers"}, {metadata, "ownerReferences"}} {
		if _, there := merged.object[merged.key]; there {
			return false
		}
	}
	return !holdsDirective(patch)
}

func holdsDirective(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, holdsDirective)
	case map[string]any:
		for key, member := range value {
			if strings.HasPrefix(key, "$") || holdsDirective(member) {
				return true
			}
		}
	}
	return false
}
