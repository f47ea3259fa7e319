// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// metricsPage is what the server tells Prometheus.
func metricsPage(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	config, err := shared.server.ConfigFor("metrics-reader", "system:masters")
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	text, err := client.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(text))
}

// series are those of a family that are about the room, as labels and value.
func (r *room) series(page map[string]*dto.MetricFamily, family string) []string {
	var found []string
	for _, metric := range page[family].GetMetric() {
		labels := labelsOf(metric)
		if labels["namespace"] != r.namespace {
			continue
		}
		delete(labels, "namespace")
		var told []string
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			told = append(told, name+"="+labels[name])
		}
		found = append(found, fmt.Sprintf("%s %g", strings.Join(told, ","), metric.GetGauge().GetValue()))
	}
	slices.Sort(found)
	return found
}

func labelsOf(metric *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, pair := range metric.GetLabel() {
		labels[pair.GetName()] = pair.GetValue()
	}
	return labels
}

// untilSeries waits for a family to have exactly these series of the room.
func (r *room) untilSeries(family string, want ...string) {
	r.t.Helper()
	poll(r.t, "the series of "+family, func(ctx context.Context) string {
		page, err := metricsPage(ctx)
		if err != nil {
			return err.Error()
		}
		if got := r.series(page, family); !slices.Equal(got, want) {
			return fmt.Sprintf("got %q, want %q", got, want)
		}
		return ""
	})
}

func TestMetricsTellOfAnObjectWhileItIsThere(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator", "expanding")
	r.untilSeries("vmdistributed_zone_phase",
		"name=demo,phase=Pending,reason=WaitingForOtherZone,zone=zone-b 1",
		"name=demo,phase=Pending,reason=WaitingForOtherZone,zone=zone-c 1",
		"name=demo,phase=Updating,reason=WaitingForOperator,zone=zone-a 1")
	r.untilSeries("vmdistributed_zones", "name=demo 3")
	r.untilSeries("vmdistributed_ready_zones", "name=demo 2")
	r.behave("zone-a")
	r.untilReady("demo")
	r.untilSeries("vmdistributed_updated_zones", "name=demo 3")
	r.delete("demo")
	r.untilGone("demo")
	for _, family := range []string{"vmdistributed_zone_phase", "vmdistributed_zones", "vmdistributed_condition", "vmdistributed_zone_phase_seconds"} {
		r.untilSeries(family)
	}
}

// TestMetricsAreWhatTheirDocumentationSays goes by the page of a server that has seen
// rollouts. A metric without a series is not on it; that all are documented, a test
// beside their code finds.
func TestMetricsAreWhatTheirDocumentationSays(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.apply(threeZones("v2"))
	r.untilReady("demo")
	root, err := controlplane.FindRoot()
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", "metrics.md"))
	must(t, err)
	type row struct{ kind, labels, help string }
	told := map[string]row{}
	for _, line := range regexp.MustCompile("(?m)^\\| `(vmdistributed_[a-z_]+)` \\| (\\w+) \\| ?([a-z, ]*?) ?\\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		told[line[1]] = row{line[2], line[3], line[4]}
	}
	page, err := metricsPage(t.Context())
	must(t, err)
	seen := 0
	for name, family := range page {
		if !strings.HasPrefix(name, "vmdistributed_") {
			continue
		}
		seen++
		got := row{
			kind:   strings.ToLower(family.GetType().String()),
			labels: strings.Join(slices.Sorted(maps.Keys(labelsOf(family.GetMetric()[0]))), ", "),
			help:   strings.TrimPrefix(family.GetHelp(), "[ALPHA] "),
		}
		if got != told[name] {
			t.Errorf("%s is\n%+v, and told to be\n%+v", name, got, told[name])
		}
	}
	if seen < 12 {
		t.Errorf("the page has %d metrics of ours, which are too few for this to be seen", seen)
	}
	for _, name := range []string{"rest_client_requests_total", "rest_client_request_duration_seconds", "workqueue_depth", "apiserver_request_duration_seconds", "etcd_request_duration_seconds", "leader_election_master_status"} {
		if page[name] == nil {
			t.Errorf("the page lacks %s, of which the documentation tells", name)
		}
	}
}
