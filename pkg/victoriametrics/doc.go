// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package victoriametrics holds what this project knows about the kinds of the
// VictoriaMetrics operator: what its status means, which workloads a VMCluster
// has, what takes storage away, who refers to a VMCluster, how a VMAgent is
// made to scrape, what has to be written to a VMCluster, and how a zone leaves the
// read path of a VMUser and comes back.
//
// Everything is a pure function of the objects that it is given. Objects of the
// operator come as *unstructured.Unstructured: its Go types would drop fields
// that they do not know. No function changes an argument, and what a function
// returns for writing shares no memory with one.
//
// Where a comment states a fact about the operator, it names the file of the
// repository github.com/VictoriaMetrics/operator that says so. All were read at
// v0.74.1. "types" stands for api/operator/v1beta1 and "factory" for
// internal/controller/operator/factory.
package victoriametrics
