// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs a Kubernetes control plane on this machine, without
// containers: etcd, kube-apiserver with its aggregation layer, and, when asked
// for, kube-controller-manager, kube-scheduler, kwok in the place of nodes, the
// custom resource definitions of the VictoriaMetrics operator, the operator
// itself or its stand-in, who answers for pods in which nothing runs, and the
// project's own server behind the aggregator.
//
// It has two life styles. In a test the programs live and die with the process
// that started them. For "make up" they are detached, recorded under Dir/run,
// found again by the next Start on the same Dir, and ended by Down.
//
// Everything listens on 127.0.0.1, on ports chosen at start; everything written
// lies below Options.Dir; so any number of control planes run side by side.
package controlplane
