// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"k8s.io/component-base/metrics"
)

func newRefusedGauge() *metrics.Gauge {
	return metrics.NewGauge(&metrics.GaugeOpts{
		Name:           "vmdistributed_store_refused",
		Help:           "1 while nothing is answered out of the store, because it is not, or not known to be, the one that the cluster knows; else 0.",
		StabilityLevel: metrics.ALPHA,
	})
}

// Metrics are what the guard tells, to be registered once in a process.
func (g *Guard) Metrics() []metrics.Registerable { return []metrics.Registerable{g.refused} }
