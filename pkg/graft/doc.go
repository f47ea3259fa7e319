// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package graft puts the schema of a VMCluster's spec, as it is installed, into
// the OpenAPI documents of this server. In the Go types these places are objects
// about which nothing is known (package rawjson), which is what they stay for
// storage and for server-side apply: only what is published changes.
//
// An overrideSpec is a merge patch on a spec. It gets a schema of its own, in
// which nothing is required and null is allowed.
//
// Whoever reads the documents of the whole cluster reads these too, so none is
// made that would break a reader, or that is larger than the caller allows.
package graft
