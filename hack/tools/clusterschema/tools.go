// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package tools pins the operator's Go types, of which the built-in schema of
// VMCluster is made, and the generator that makes it.
package tools

import (
	_ "github.com/VictoriaMetrics/operator/api/operator/v1beta1"
	_ "sigs.k8s.io/controller-tools/cmd/controller-gen"
)
