// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package likeness holds the stand-in against the VictoriaMetrics operator: the
// same scenes are played by both, each on a control plane of its own, and what
// the objects said and became must be the same. It fails when the operator
// changes its ways, and tells where the stand-in has to follow.
package likeness
