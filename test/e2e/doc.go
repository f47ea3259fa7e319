// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests rollouts end to end: with etcd, kube-apiserver, the
// controller manager, the scheduler, nodes played by kwok, the real
// VictoriaMetrics operator, and the server behind the real aggregator.
package e2e
