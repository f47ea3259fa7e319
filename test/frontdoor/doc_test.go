// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package frontdoor sends requests of every kind to the server as it is put
// together, handlers, field manager and strategy included, without a network and
// without a store: everything is a dry run over one object.
package frontdoor
