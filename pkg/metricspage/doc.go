// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metricspage reads metrics in the Prometheus text format from pods. It
// knows nothing about whose pods they are, and keeps nothing but the pages of
// the last moment.
package metricspage
