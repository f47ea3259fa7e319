// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Result is a request body in the canonical shape.
type Result struct {
	// Body is the body to send on.
	Body []byte
	// MediaType is what Body is written in. It differs from the media type that
	// came in where YAML had to be rewritten as JSON, and where a merge patch
	// would lose what it says.
	MediaType string
	// Changed says whether Body differs from the body that came in.
	Changed bool
}

// Normalise returns a request body with spec.zones in the canonical shape. The
// media type is bare: lower case, without parameters.
//
// A body that is canonical already, that does not parse, or whose media type
// says nothing about zones comes back as it is; the server knows best what is
// wrong with it. The error is a *field.Error where a field of the body cannot
// be understood, and tells the user what to write instead.
func Normalise(mediaType string, body []byte) (Result, error) {
	if rewrite := rewriterOf(mediaType); rewrite != nil {
		return rewrite(mediaType, body)
	}
	return Result{Body: body, MediaType: mediaType}, nil
}

// rewriterOf returns what rewrites bodies of a media type, nil if nothing does.
func rewriterOf(mediaType string) func(mediaType string, body []byte) (Result, error) {
	switch mediaType {
	case runtime.ContentTypeJSON, string(types.StrategicMergePatchType):
		return rewriteJSON
	case string(types.MergePatchType):
		return rewriteMergePatch
	case runtime.ContentTypeYAML, string(types.ApplyYAMLPatchType):
		return rewriteYAML
	case string(types.JSONPatchType):
		return rewritePatch
	}
	return nil
}

// rewriteJSON rewrites an object, or a patch that has the form of one.
func rewriteJSON(mediaType string, body []byte) (Result, error) {
	return rewriteWith(editObject, nil, mediaType, body)
}

// rewritePatch rewrites a JSON patch.
func rewritePatch(mediaType string, body []byte) (Result, error) {
	return rewriteWith(editPatch, field.NewPath("patch"), mediaType, body)
}

// editor finds the edits that one value of a JSON document needs. The document
// is valid JSON; path is how errors call the value.
type editor func(doc []byte, at span, path *field.Path) ([]edit, error)

func rewriteWith(find editor, path *field.Path, mediaType string, body []byte) (Result, error) {
	untouched := Result{Body: body, MediaType: mediaType}
	if !json.Valid(body) {
		return untouched, nil
	}
	edits, err := find(body, span{0, len(body)}, path)
	if err != nil || len(edits) == 0 {
		return untouched, err
	}
	return Result{Body: splice(body, edits), MediaType: mediaType, Changed: true}, nil
}
