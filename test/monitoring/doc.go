// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package monitoring tests the rules and the dashboard of artifacts/monitoring on a real
// victoria-metrics: with what it scrapes of a server during a rollout on the data plane,
// and, where a situation takes hours, with series of it that are imported.
package monitoring
