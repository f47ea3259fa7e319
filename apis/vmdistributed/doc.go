// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package vmdistributed is the hub: the one form in which the server handles
// its objects, whatever group and version they are read and written in.
// Everything behind the REST layer knows these types only.
//
// +k8s:deepcopy-gen=package
package vmdistributed
