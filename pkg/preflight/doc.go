// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preflight tells, before anything is installed, which of the manifests fit a
// cluster, why, and what stands against them.
//
// Gather looks, and changes nothing: it gets, lists and, where it may, asks the cluster
// what somebody is allowed to do, by reviews that are stored nowhere. Judge is a function
// of what Gather found.
package preflight
