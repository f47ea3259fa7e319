// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout tests rollouts on a real etcd and kube-apiserver, with the
// server's binary behind the real aggregator and a stand-in for the operator
// that can be told to misbehave. Each test has a namespace of its own, in which
// a chronicle watches the VMClusters from the first to the last moment.
//
// Tests that stop the server, or empty its store, run alone, before all others.
package rollout
