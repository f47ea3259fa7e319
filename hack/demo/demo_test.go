// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func TestOnlyALoadOfWhichNothingWasLostIsGood(t *testing.T) {
	for name, c := range map[string]struct {
		found outcome
		good  bool
	}{
		"all well":            {outcome{ok: 5, written: 7}, true},
		"a failed read":       {outcome{ok: 5, failed: 1, written: 7}, false},
		"a missing sample":    {outcome{ok: 5, written: 7, missing: 1}, false},
		"nothing was read":    {outcome{written: 7}, false},
		"nothing was written": {outcome{ok: 5}, false},
	} {
		if err := c.found.verdict(); (err == nil) != c.good {
			t.Errorf("%s: got %v", name, err)
		}
	}
	const last = "reads: 5 ok, 1 failed; samples: 7 written, 2 missing in any zone"
	if text := (outcome{ok: 5, failed: 1, written: 7, missing: 2}).String(); text != last {
		t.Errorf("got %q, want %q", text, last)
	}
}

func TestAZoneTakesFromItsFirstStepToTheLast(t *testing.T) {
	began := time.Now()
	s := &steps{started: map[string]time.Time{}, took: map[string]time.Duration{}}
	for after, phase := range []v1alpha1.ZonePhase{
		v1alpha1.ZonePending, v1alpha1.ZoneDraining, v1alpha1.ZoneUpdating, v1alpha1.ZoneFlushing,
		v1alpha1.ZoneRestoring, v1alpha1.ZoneBaking, v1alpha1.ZoneReady,
	} {
		s.note(v1alpha1.ZoneStatus{Name: "a", Phase: phase}, began.Add(time.Duration(after)*time.Second))
	}
	object := &v1alpha1.VMDistributedCluster{}
	object.Status.Zones = []v1alpha1.ZoneStatus{{Name: "a"}}
	if zones := strings.Join(s.summary(object), ", "); zones != "a in 4.0s" {
		t.Errorf("got %q", zones)
	}
}

func TestAQueueIsShownWithWhatWaitsInAllReplicas(t *testing.T) {
	queue := zoneQueue{zone: "a", entry: victoriametrics.RemoteWrite{Position: 0, QueueKey: "1_AB"}}
	page := func(pending, errors string) metricspage.Page {
		t.Helper()
		page, err := metricspage.Parse(time.Now(), []byte(`vmagent_remotewrite_pending_data_bytes{path="/q/persistent-queue/1_AB",url="1:secret-url"} `+pending+`
vmagent_remotewrite_errors_total{url="1:secret-url"} `+errors+`
vmagent_remotewrite_retries_count_total{url="1:secret-url"} 1
vmagent_remotewrite_packets_dropped_total{url="1:secret-url"} 0
vmagent_remotewrite_requests_total{url="1:secret-url",status_code="2XX"} 9
vmagent_remotewrite_bytes_sent_total{url="1:secret-url"} 9
vm_persistentqueue_bytes_dropped_total{path="/q/persistent-queue/1_AB"} 0
vmagent_remotewrite_rows_pushed_after_relabel_total{path="/q/persistent-queue/1_AB",url="1:secret-url"} 9
process_start_time_seconds 1
`))
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	for _, c := range []struct {
		pages []metricspage.Page
		want  string
	}{
		{[]metricspage.Page{page("0", "1"), page("0", "1")}, ""},
		{[]metricspage.Page{page("1024", "1"), page("512", "4")}, "1.5 KiB and 3 blocks held for another try"},
	} {
		if got := queue.line(c.pages); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := queue.line([]metricspage.Page{{}}); !strings.Contains(got, "no metric") {
		t.Errorf("of a page without metrics: %q", got)
	}
}
