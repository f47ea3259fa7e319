// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package besideoperator tests that the server and the real VictoriaMetrics operator,
// with all of its custom resource definitions, live in one cluster in each of the two
// ways that docs/operations.md tells of. With VMDC_TEST_LONG, the operator is watched
// for longer than it waits for the caches of kinds that nobody serves.
package besideoperator
