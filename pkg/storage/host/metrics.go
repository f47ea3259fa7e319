// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"time"

	"k8s.io/component-base/metrics"
)

// What records are asked for, as the label operation has it.
const (
	operationCreate = "create"
	operationDelete = "delete"
	operationGet    = "get"
	operationList   = "list"
	operationUpdate = "update"
	operationWatch  = "watch"
)

// newLatency is for each operation, so that the store can be told from all else that the
// cluster is asked for.
func newLatency() *metrics.HistogramVec {
	return metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "vmdistributed_store_request_duration_seconds",
		Help:           "How long requests for records took under --storage=host, by operation; a watch, until it began.",
		Buckets:        metrics.ExponentialBuckets(0.001, 2, 14),
		StabilityLevel: metrics.ALPHA,
	}, []string{"operation"})
}

// Metrics are what the client tells of its requests, to be registered once in a process.
func (r *Records) Metrics() []metrics.Registerable { return []metrics.Registerable{r.latency} }

// took notes how long an operation took that began then.
func (r *Records) took(operation string, begun time.Time) {
	r.latency.WithLabelValues(operation).Observe(time.Since(begun).Seconds())
}
