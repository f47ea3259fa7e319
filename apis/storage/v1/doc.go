// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1 is the form in which objects lie in the cluster that aggregates the
// server: one record for each, a custom resource of the group
// storage.distributed.victoriametrics.com. Records are the server's own; people
// read and restore them, and change objects through their API.
//
// +k8s:deepcopy-gen=package
// +groupName=storage.distributed.victoriametrics.com
package v1
