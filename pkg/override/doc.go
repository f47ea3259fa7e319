// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package override puts an overrideSpec on the definition of a referenced
// VMCluster and takes it away again.
//
// An override is a JSON merge patch (RFC 7396): maps merge, lists are replaced
// as a whole, null removes, and an explicit zero counts. The functions work on
// documents as k8s.io/apimachinery/pkg/util/json decodes them: map[string]any,
// []any, string, bool, int64, float64 and nil. No function changes an argument,
// and no result shares memory with one.
//
// A merge patch cannot put a null into a map, so a map member that is null
// counts as absent wherever values are compared or recorded. Members that the
// patch does not reach are carried over as they are, nulls included, and so are
// lists. Numbers are compared as they are written: a client may say 1.0 where an
// API server answers 1.
package override
