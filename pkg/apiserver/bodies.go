// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// textOnly leaves out protobuf, which the codecs offer for every kind and ours
// can't be written in. Offered all the same, it is what the namespace controller
// takes when it empties a namespace, of our kind as of any other: the error that
// it got would keep every namespace of the cluster from ever being deleted.
type textOnly struct{ runtime.NegotiatedSerializer }

// SupportedMediaTypes lists what a client may choose from.
func (s textOnly) SupportedMediaTypes() []runtime.SerializerInfo {
	return slices.DeleteFunc(slices.Clone(s.NegotiatedSerializer.SupportedMediaTypes()), func(info runtime.SerializerInfo) bool {
		return info.MediaType == runtime.ContentTypeProtobuf
	})
}

// checkApplied says what is wrong with the types and the names of fields in the
// words that a create would get. Server-side apply finds the same later, and
// answers 500.
func checkApplied(body []byte) error {
	converted := body
	if !json.Valid(body) { // most clients send JSON, which takes far longer to read as YAML
		var err error
		if converted, err = yaml.YAMLToJSON(body); err != nil {
			return nil //nolint:nilerr // the server uses the same parser, and says why
		}
	}
	unknown, err := kjson.UnmarshalStrict(converted, &v1alpha1.VMDistributedCluster{}, kjson.DisallowUnknownFields)
	switch {
	case err != nil:
		return err
	case len(unknown) > 0:
		return runtime.NewStrictDecodingError(unknown)
	}
	return nil
}
