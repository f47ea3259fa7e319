// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storage holds both stores to what Kubernetes asks of one: the suite of
// k8s.io/apiserver/pkg/storage/testing, on records in a real kube-apiserver and on
// the embedded etcd.
package storage
