// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package graft

import (
	"errors"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"k8s.io/kube-openapi/pkg/util/proto"
)

// readableV2 reads a document in the ways in which others read it: kube-apiserver,
// which merges it into that of the cluster and would answer 503 to everybody who
// asks for this in protobuf, and clients such as kubectl.
func readableV2(document []byte) error {
	parsed, err := openapi_v2.ParseDocument(document)
	if err != nil {
		return brief(err)
	}
	_, err = proto.NewOpenAPIData(parsed)
	return err
}

// readableV3 does the same for a document of the newer form.
func readableV3(document []byte) error {
	parsed, err := openapi_v3.ParseDocument(document)
	if err != nil {
		return brief(err)
	}
	_, err = proto.NewOpenAPIV3Data(parsed)
	return err
}

// brief cuts off an error that has a line for each place that it is found at.
func brief(err error) error {
	const enough = 500
	if text := err.Error(); len(text) > enough {
		return errors.New(text[:enough] + "...")
	}
	return err
}
