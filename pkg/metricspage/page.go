// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metricspage

import (
	"bytes"
	"fmt"
	"iter"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Page is what a pod said about itself at one moment. It must not be changed,
// since it is shared.
type Page struct {
	at       time.Time
	families map[string]*dto.MetricFamily
}

// Parse reads a page in the Prometheus text format. at is a moment before which
// no value of it was taken. A line that cannot be read spoils the page as a
// whole: nobody can tell what else is missing.
func Parse(at time.Time, text []byte) (Page, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(withoutFlags(text)))
	if err != nil {
		return Page{}, err
	}
	return Page{at: at, families: families}, nil
}

// withoutFlags leaves out the command line, which VictoriaMetrics programs show
// as flag{name="...",value="..."} 1 (lib/appmetrics/appmetrics.go of
// github.com/VictoriaMetrics/VictoriaMetrics v1.148.0). Nobody here reads it, it
// may hold what is not for us to keep, and its values are quoted the way of Go,
// some of which the text format does not know.
func withoutFlags(text []byte) []byte {
	kept := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("flag{")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// At is a moment before which no value of the page was taken: when its read
// began. Who wants evidence that is newer than something compares with this, and
// not with the time at which the page was handed out.
func (p Page) At() time.Time { return p.at }

// Value returns the only sample of a metric that has these labels, given as
// name, value, name, value; it may have further ones. It is false when there is
// none, or several.
func (p Page) Value(name string, labels ...string) (float64, bool) {
	var found float64
	matches := 0
	for have, value := range p.Each(name) {
		if contains(have, labels) {
			found = value
			matches++
		}
	}
	return found, matches == 1
}

func contains(have map[string]string, labels []string) bool {
	if len(labels)%2 != 0 {
		panic(fmt.Sprintf("labels must be pairs of name and value, not %q", labels))
	}
	for i := 0; i < len(labels); i += 2 {
		if value, ok := have[labels[i]]; !ok || value != labels[i+1] {
			return false
		}
	}
	return true
}

// Each returns the samples of a metric with their labels. Of histograms and
// summaries it returns nothing.
func (p Page) Each(name string) iter.Seq2[map[string]string, float64] {
	return func(yield func(map[string]string, float64) bool) {
		for _, metric := range p.families[name].GetMetric() {
			value, ok := valueOf(metric)
			if ok && !yield(labelsOf(metric), value) {
				return
			}
		}
	}
}

func valueOf(metric *dto.Metric) (float64, bool) {
	switch {
	case metric.GetUntyped() != nil:
		return metric.GetUntyped().GetValue(), true
	case metric.GetGauge() != nil:
		return metric.GetGauge().GetValue(), true
	case metric.GetCounter() != nil:
		return metric.GetCounter().GetValue(), true
	}
	return 0, false
}

func labelsOf(metric *dto.Metric) map[string]string {
	labels := make(map[string]string, len(metric.GetLabel()))
	for _, label := range metric.GetLabel() {
		labels[label.GetName()] = label.GetValue()
	}
	return labels
}
