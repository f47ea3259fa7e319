// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pages reads what API servers tell of themselves on their pages of metrics.
package pages

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
)

// Page is a page of metrics.
type Page map[string]*dto.MetricFamily

// Read reads the page of the server that a side leads to.
func Read(ctx context.Context, side *site.Side) (Page, error) {
	raw, err := side.Do(ctx, site.Call{Method: http.MethodGet, Path: "/metrics", Accept: "text/plain"})
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s: %w", side.Name, err)
	}
	return families, nil
}

// Sum adds up the series of a metric whose labels are among those wanted; of a
// histogram, how often something was observed.
func (p Page) Sum(metric string, wanted func(labels map[string]string) bool) (sum float64) {
	p.each(metric, wanted, func(m *dto.Metric) {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue() + float64(m.GetHistogram().GetSampleCount())
	})
	return sum
}

// Total adds up all that histograms have observed.
func (p Page) Total(metric string, wanted func(labels map[string]string) bool) (sum float64) {
	p.each(metric, wanted, func(m *dto.Metric) { sum += m.GetHistogram().GetSampleSum() })
	return sum
}

func (p Page) each(metric string, wanted func(map[string]string) bool, visit func(*dto.Metric)) {
	for _, m := range p[metric].GetMetric() {
		labels := map[string]string{}
		for _, pair := range m.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		if wanted == nil || wanted(labels) {
			visit(m)
		}
	}
}

// Usage is what a process has used since it started, and what it holds.
type Usage struct{ CPUSeconds, AllocatedBytes, ResidentBytes float64 }

// Usage is that of the process that serves the page.
func (p Page) Usage() Usage {
	return Usage{
		CPUSeconds:     p.Sum("process_cpu_seconds_total", nil),
		AllocatedBytes: p.Sum("go_memstats_alloc_bytes_total", nil),
		ResidentBytes:  p.Sum("process_resident_memory_bytes", nil),
	}
}

// Since is what was used after an earlier page was read; what is held is as it is.
func (u Usage) Since(earlier Usage) Usage {
	return Usage{u.CPUSeconds - earlier.CPUSeconds, u.AllocatedBytes - earlier.AllocatedBytes, u.ResidentBytes}
}
