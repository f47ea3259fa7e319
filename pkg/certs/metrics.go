// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"k8s.io/component-base/metrics"
)

// gauges are what the metrics page tells about certificates.
type gauges struct {
	expiration  *metrics.Gauge
	apiServices *metrics.GaugeVec
	taken       *metrics.CounterVec
}

func newGauges() *gauges {
	return &gauges{
		expiration: metrics.NewGauge(&metrics.GaugeOpts{
			Name:           "vmdistributed_serving_certificate_expiration_timestamp_seconds",
			Help:           "When the certificate ends that this process serves and renews by itself, in seconds since 1970.",
			StabilityLevel: metrics.ALPHA,
		}),
		apiServices: metrics.NewGaugeVec(&metrics.GaugeOpts{
			Name:           "vmdistributed_apiservice_ca_bundle",
			Help:           "1 for what each APIService is to the server, of absent, local, otherservice, insecure, outdated, contended and injected; 0 for the rest.",
			StabilityLevel: metrics.ALPHA,
		}, []string{"apiservice", "standing"}),
		taken: metrics.NewCounterVec(&metrics.CounterOpts{
			Name:           "vmdistributed_apiservice_ca_bundle_taken_total",
			Help:           "How often spec.caBundle of an APIService was another one after this process had put its own there, by the field managers that own it.",
			StabilityLevel: metrics.ALPHA,
		}, []string{"apiservice", "owner"}),
	}
}

// show replaces what is told about APIServices.
func (g *gauges) show(all map[string]standing) {
	for name, is := range all {
		for _, standing := range standings() {
			value := 0.0
			if standing == is {
				value = 1
			}
			g.apiServices.WithLabelValues(name, string(standing)).Set(value)
		}
	}
}

// Metrics are what the keeper counts, to be registered once in a process.
func (k *Keeper) Metrics() []metrics.Registerable {
	return []metrics.Registerable{k.metrics.expiration, k.metrics.apiServices, k.metrics.taken}
}
