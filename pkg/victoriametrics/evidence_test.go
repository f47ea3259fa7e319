// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
)

// captured returns a page that hack/capture-metrics took from a real process.
func captured(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "metrics", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsePage(t *testing.T, text string) metricspage.Page {
	t.Helper()
	page, err := metricspage.Parse(time.Unix(1, 0), []byte(text))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return page
}

// capturedWrite returns the remote write to a zone in the captured pages.
func capturedWrite(t *testing.T, zone string) RemoteWrite {
	t.Helper()
	agent := fromYAML(t, `
kind: VMAgent
metadata: {namespace: monitoring, name: global}
spec:
  remoteWrite:
  - url: http://vminsert-a.monitoring.svc:8480/insert/0/prometheus/api/v1/write?extra_label=from=global
  - url: http://vminsert-b.monitoring.svc:8480/insert/0/prometheus/api/v1/write
`)
	b := Cluster{Namespace: "monitoring", Name: "b"}
	writes := RemoteWrites(agent, Cluster{Namespace: "monitoring", Name: zone}, []Cluster{{Namespace: "monitoring", Name: "a"}, b})
	if len(writes.Entries) != 1 {
		t.Fatalf("remote writes to zone %s: %+v", zone, writes)
	}
	return writes.Entries[0]
}

func mustReadQueue(t *testing.T, page Metrics, zone string) QueueReading {
	t.Helper()
	reading, missing := QueueOf(page, capturedWrite(t, zone))
	if missing != "" {
		t.Fatalf("zone %s: missing %s", zone, missing)
	}
	return reading
}

func TestAQueueThatIsWrittenToIsFound(t *testing.T) {
	for _, name := range []string{"agent-healthy", "agent-showurl", "agent-secured"} {
		page := parsePage(t, captured(t, name))
		for _, zone := range []string{"a", "b"} {
			q := mustReadQueue(t, page, zone)
			if q.Failures != 0 || q.Waiting != 0 || q.Lost() != 0 || q.Sent == 0 || q.BytesSent == 0 || q.RowsPushed == 0 || q.Blocked || q.FreeBytes <= 0 || q.Started.Year() < 2020 {
				t.Errorf("%s: zone %s: %+v", name, zone, q)
			}
			if q.RowsPushedToAll != 2*q.RowsPushed {
				t.Errorf("%s: zone %s: %v rows of %v to all", name, zone, q.RowsPushed, q.RowsPushedToAll)
			}
		}
	}
}

// What nothing pending alone would take for flushed.
func TestWorkersThatSendAgainAreSeenThoughNothingIsPending(t *testing.T) {
	page := parsePage(t, captured(t, "agent-refusing"))
	if q := mustReadQueue(t, page, "b"); q.PendingBytes != 0 || q.Failures == 0 || q.Sent != 0 || q.RowsPushed == 0 || q.Lost() != 0 {
		t.Errorf("refusing zone: %+v", q)
	}
	if q := mustReadQueue(t, page, "a"); q.PendingBytes != 0 || q.Failures != 0 || q.Sent == 0 {
		t.Errorf("zone beside it: %+v", q)
	}
}

// A rest of a minute between two attempts looks as if nothing failed any more.
func TestBlocksThatRestBeforeTheyAreSentAgainAreCounted(t *testing.T) {
	refusing := captured(t, "agent-refusing")
	errors, retries := `vmagent_remotewrite_errors_total{url="2:`, `vmagent_remotewrite_retries_count_total{url="2:`
	for _, test := range []struct {
		errors, retries string
		want            float64
	}{{"10", "8", 2}, {"10", "9", 1}, {"10", "10", 0}, {"10", "11", 0}} {
		text := replaceValue(t, replaceValue(t, refusing, errors, test.errors), retries, test.retries)
		if q := mustReadQueue(t, parsePage(t, text), "b"); q.Waiting != test.want {
			t.Errorf("%s errors, %s retries: %v wait, want %v", test.errors, test.retries, q.Waiting, test.want)
		}
	}
	unavailable := captured(t, "agent-healthy") + `vmagent_remotewrite_requests_total{url="2:secret-url", status_code="503"} 3` + "\n"
	if q := mustReadQueue(t, parsePage(t, unavailable), "b"); q.Waiting != 3 || q.Failures != 3 {
		t.Errorf("three answers of 503: %+v", q)
	}
	// Each block is sent once more in another encoding, and then dropped.
	if q := mustReadQueue(t, parsePage(t, captured(t, "agent-rejected")), "b"); q.Waiting != 0 {
		t.Errorf("rejected: %+v", q)
	}
	// All of its four workers hold a block.
	if q := mustReadQueue(t, parsePage(t, captured(t, "agent-pending")), "b"); q.Waiting == 0 || q.Waiting > 4 {
		t.Errorf("pending: %+v", q)
	}
}

func TestWhatPendsOnTheDiskIsSeen(t *testing.T) {
	q := mustReadQueue(t, parsePage(t, captured(t, "agent-pending")), "b")
	if q.PendingBytes == 0 || q.FreeBytes >= 1<<30 || q.FreeBytes <= 0 {
		t.Errorf("%+v", q)
	}
}

func TestWhatIsDroppedIsSeen(t *testing.T) {
	q := mustReadQueue(t, parsePage(t, captured(t, "agent-rejected")), "b")
	if q.DroppedPackets == 0 || q.Lost() == 0 || q.Failures == 0 || q.PendingBytes != 0 {
		t.Errorf("rejected: %+v", q)
	}
	q = mustReadQueue(t, parsePage(t, captured(t, "agent-overflow")), "b")
	if q.DroppedSamples == 0 || q.Lost() == 0 || !q.Blocked {
		t.Errorf("without room: %+v", q)
	}
	full := replaceValue(t, captured(t, "agent-healthy"), `vm_persistentqueue_bytes_dropped_total{path="[^"]*/2_`, "7")
	if q := mustReadQueue(t, parsePage(t, full), "b"); q.DroppedBytes != 7 || q.Lost() != 7 {
		t.Errorf("full: %+v", q)
	}
	if q := mustReadQueue(t, parsePage(t, full), "a"); q.Lost() != 0 {
		t.Errorf("beside the full one: %+v", q)
	}
}

// replaceValue sets the value of the samples whose line begins like this, or
// takes them out for "".
func replaceValue(t *testing.T, text, begin, value string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^(` + begin + `.*) \S+\n`)
	if !line.MatchString(text) {
		t.Fatalf("no line begins like %s", begin)
	}
	if value == "" {
		return line.ReplaceAllString(text, "")
	}
	return line.ReplaceAllString(text, "${1} "+value+"\n")
}

// The lines without which nobody can tell that the queue of zone b is flushed.
var mandatory = map[string]string{
	"vmagent_remotewrite_pending_data_bytes":              `{path="[^"]*/2_`,
	"vmagent_remotewrite_requests_total":                  `{url="2:`,
	"vmagent_remotewrite_bytes_sent_total":                `{url="2:`,
	"vmagent_remotewrite_errors_total":                    `{url="2:`,
	"vmagent_remotewrite_retries_count_total":             `{url="2:`,
	"vm_persistentqueue_bytes_dropped_total":              `{path="[^"]*/2_`,
	"vmagent_remotewrite_packets_dropped_total":           `{url="2:`,
	"vmagent_remotewrite_rows_pushed_after_relabel_total": `{path="[^"]*/2_`,
	"process_start_time_seconds":                          ``,
}

func TestAQueueWithoutOneOfItsMetricsIsNotFoundAndSaysWhich(t *testing.T) {
	for _, page := range []string{"agent-healthy", "agent-showurl"} {
		for name, labels := range mandatory {
			for _, value := range []string{"", "NaN", "+Inf"} {
				changed := parsePage(t, replaceValue(t, captured(t, page), name+labels, value))
				reading, missing := QueueOf(changed, capturedWrite(t, "b"))
				if !strings.Contains(missing, name) || !strings.Contains(missing, "spec.remoteWrite[1]") || reading != (QueueReading{}) {
					t.Errorf("%s with %s %q: %+v, missing %q", page, name, value, reading, missing)
				}
				if missing == "" || labels == "" {
					continue
				}
				// What is about b only does not make a unreadable.
				if _, missing := QueueOf(changed, capturedWrite(t, "a")); missing != "" && name != "vmagent_remotewrite_rows_pushed_after_relabel_total" {
					t.Errorf("%s with %s %q: a is missing %s", page, name, value, missing)
				}
			}
		}
	}
}

func TestAQueueOfAnotherPositionOrURLIsNotFound(t *testing.T) {
	page := parsePage(t, captured(t, "agent-healthy"))
	b := capturedWrite(t, "b")
	moved, changed := b, b
	moved.Position, moved.QueueKey = 0, strings.Replace(b.QueueKey, "2_", "1_", 1)
	changed.QueueKey = queueKey(1, "http://vminsert-b.monitoring.svc:8480/insert/1/prometheus/api/v1/write")
	for name, rw := range map[string]RemoteWrite{"moved": moved, "changed": changed} {
		if reading, missing := QueueOf(page, rw); missing == "" {
			t.Errorf("%s: found %+v", name, reading)
		}
	}
}

// "1:" is no beginning of "11:".
func TestTheEleventhURLIsNotTheFirst(t *testing.T) {
	text := captured(t, "agent-healthy")
	eleventh := regexp.MustCompile(`"2:secret-url"`).ReplaceAllString(text, `"11:secret-url"`)
	page := parsePage(t, replaceValue(t, eleventh, `vmagent_remotewrite_errors_total{url="11:`, "99"))
	if q := mustReadQueue(t, page, "a"); q.Failures != 0 {
		t.Errorf("%+v", q)
	}
}

func TestReloadsAreRead(t *testing.T) {
	started, missing := ReloadOf(parsePage(t, captured(t, "auth-started")))
	if missing != "" || !started.Successful || started.At.Year() < 2020 || started.Attempts != 0 || started.Started.IsZero() {
		t.Errorf("started: %+v, %q", started, missing)
	}
	reloaded, missing := ReloadOf(parsePage(t, captured(t, "auth-reloaded")))
	if missing != "" || !reloaded.Successful || reloaded.Attempts != 1 || reloaded.At.Before(reloaded.Started) {
		t.Errorf("reloaded: %+v, %q", reloaded, missing)
	}
	broken, missing := ReloadOf(parsePage(t, captured(t, "auth-broken")))
	if missing != "" || broken.Successful || broken.Attempts != 1 {
		t.Errorf("broken: %+v, %q", broken, missing)
	}
	for _, name := range []string{"vmauth_config_last_reload_successful", "vmauth_config_last_reload_success_timestamp_seconds"} {
		for _, value := range []string{"", "NaN"} {
			reading, missing := ReloadOf(parsePage(t, replaceValue(t, captured(t, "auth-reloaded"), name, value)))
			if !strings.Contains(missing, name) || reading != (ReloadReading{}) {
				t.Errorf("%s %q: %+v, %q", name, value, reading, missing)
			}
		}
	}
}

func TestReadsAreRead(t *testing.T) {
	for page, want := range map[string]ReadsReading{
		"select-idle": {InFlight: 0, Requests: 3},
		"select-busy": {InFlight: 1, Requests: 1},
	} {
		if got, missing := ReadsOf(parsePage(t, captured(t, page))); got != want || missing != "" {
			t.Errorf("%s: %+v, %q, want %+v", page, got, missing, want)
		}
	}
	// What a vmselect of a cluster has: app/vmselect/main.go of the cluster branch.
	const cluster = `vm_concurrent_select_current 2
vm_http_requests_total{path="/select/{}/prometheus/api/v1/query"} 3
vm_http_requests_total{path="/select/{}/prometheus/api/v1/query_range"} 4
vm_http_requests_total{path="/metrics"} 100
`
	if got, missing := ReadsOf(parsePage(t, cluster)); got != (ReadsReading{InFlight: 2, Requests: 7}) || missing != "" {
		t.Errorf("vmselect: %+v, %q", got, missing)
	}
	for _, name := range []string{"vm_concurrent_select_current", "vm_http_requests_total"} {
		for _, value := range []string{"", "NaN"} {
			reading, missing := ReadsOf(parsePage(t, replaceValue(t, cluster, name, value)))
			if !strings.Contains(missing, name) || reading != (ReadsReading{}) {
				t.Errorf("%s %q: %+v, %q", name, value, reading, missing)
			}
		}
	}
}

func ExampleQueueReading_Lost() {
	fmt.Println(QueueReading{DroppedBytes: 1000, DroppedPackets: 2}.Lost())
	// Output: 1002
}
