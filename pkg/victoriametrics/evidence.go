// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"time"
)

// Metrics is a page of metrics that a pod has shown.
type Metrics interface {
	// Each returns the samples of a metric with their labels.
	Each(name string) iter.Seq2[map[string]string, float64]
}

// QueueReading is what a VMAgent says about the queue of one remote write. The
// counters begin anew with the process.
type QueueReading struct {
	// PendingBytes waits in memory and on the disk. 0 proves nothing: the blocks
	// that are being sent, and sent again, are counted nowhere, up to one for each of
	// vmagent_remotewrite_queues; nor is what is not yet a block, for as long as
	// remoteWriteSettings.flushInterval, 1s by default.
	PendingBytes float64
	// Failures counts what went wrong with sending: errors, retries, and answers
	// other than 2xx. One attempt may count several times.
	Failures float64
	// Waiting is how many blocks rest before they are sent again. Such a rest grows to
	// a minute by default (-remoteWrite.retryMaxInterval), in which nothing is pending
	// and no new failure shows: only with Waiting at 0 are flat Failures a sign. A
	// block that is being sent shows nowhere until the answer is there or
	// remoteWrite[].sendTimeout is over, a minute by default.
	Waiting float64
	// Sent counts the blocks that the zone took, BytesSent their size.
	Sent, BytesSent float64
	// DroppedBytes were pushed out of a full queue, DroppedPackets were refused by
	// the zone for good, DroppedSamples found no room, without a queue on the disk.
	DroppedBytes, DroppedPackets, DroppedSamples float64
	// Blocked is true while a queue that is in memory only takes nothing in.
	Blocked bool
	// FreeBytes is the room left on the disk, within the queue's limit; -1 where
	// the VMAgent does not say (a new metric).
	FreeBytes float64
	// RowsPushed counts what was put into this queue, after relabeling;
	// RowsPushedToAll what was put into all queues of the VMAgent.
	RowsPushed, RowsPushedToAll float64
	// Started is when the process did.
	Started time.Time
}

// Lost is greater than it was as soon as anything was dropped. It adds up what
// has no unit in common, and is good for comparing only.
func (q QueueReading) Lost() float64 {
	return q.DroppedBytes + q.DroppedPackets + q.DroppedSamples
}

// The labels of the metrics of a queue.
const (
	pathLabel = "path"
	urlLabel  = "url"
)

// QueueOf reads the queue of a remote write. Where a value that has to be there
// is not, or is NaN, the sentence names it, and there is no reading.
//
// The metrics with label path are matched by its last part, that is, by position
// and hash of the URL: what precedes it is up to the settings. The others have
// label url only, with "N:secret-url" or, under -remoteWrite.showURL, "N:" and
// the URL, and are matched by N. Metrics and labels are from
// app/vmagent/remotewrite/{remotewrite,client}.go and
// lib/persistentqueue/{fastqueue,persistentqueue}.go of VictoriaMetrics v1.148.0.
func QueueOf(page Metrics, rw RemoteWrite) (QueueReading, string) {
	byPath := func(labels map[string]string) bool {
		return strings.HasSuffix(labels[pathLabel], "/persistent-queue/"+rw.QueueKey)
	}
	byURL := func(labels map[string]string) bool {
		return strings.HasPrefix(labels[urlLabel], fmt.Sprintf("%d:", rw.Position+1))
	}
	s := sheet{page: page}
	// A status is there from its first answer on.
	failures := s.sum("vmagent_remotewrite_errors_total", byURL) + s.sumOr(0, "vmagent_remotewrite_requests_total", byURL, failed)
	retries, rejected := s.sum("vmagent_remotewrite_retries_count_total", byURL), s.sum("vmagent_remotewrite_packets_dropped_total", byURL)
	reading := QueueReading{
		PendingBytes: s.sum("vmagent_remotewrite_pending_data_bytes", byPath),
		Failures:     failures + retries,
		// What failed is either dropped, or counts as a retry once its rest is over
		// (sendBlockHTTP, app/vmagent/remotewrite/client.go).
		Waiting:         max(0, failures-rejected-retries),
		Sent:            s.sum("vmagent_remotewrite_requests_total", byURL, succeeded),
		BytesSent:       s.sum("vmagent_remotewrite_bytes_sent_total", byURL),
		DroppedBytes:    s.sum("vm_persistentqueue_bytes_dropped_total", byPath),
		DroppedPackets:  rejected,
		DroppedSamples:  s.sumOr(0, "vmagent_remotewrite_samples_dropped_total", byPath),
		Blocked:         s.sumOr(0, "vmagent_remotewrite_queue_blocked", byPath) > 0,
		FreeBytes:       s.sumOr(-1, "vm_persistentqueue_free_disk_space_bytes", byPath),
		RowsPushed:      s.sum("vmagent_remotewrite_rows_pushed_after_relabel_total", byPath),
		RowsPushedToAll: s.sum("vmagent_remotewrite_rows_pushed_after_relabel_total"),
		Started:         s.time("process_start_time_seconds"),
	}
	if s.missing != "" {
		return QueueReading{}, fmt.Sprintf("%s of spec.remoteWrite[%d] (queue %s)", s.missing, rw.Position, rw.QueueKey)
	}
	return reading, ""
}

func succeeded(labels map[string]string) bool { return strings.HasPrefix(labels["status_code"], "2") }

func failed(labels map[string]string) bool { return !succeeded(labels) }

// ReloadReading is what a vmauth says about its configuration.
type ReloadReading struct {
	// Successful is false while what it is to load is wrong; it goes on with what
	// it has.
	Successful bool
	// At is when it last loaded a configuration that differs from the one before:
	// reading the same again does not move it. It is up to two seconds early, being
	// of whole seconds by a clock that is set once per second.
	At time.Time
	// Attempts counts the times that it read its configuration again since its
	// start, whatever came of it; -1 where it does not say.
	Attempts float64
	// Started is when the process did, zero where it does not say.
	Started time.Time
}

// ReloadOf reads when a vmauth loaded its configuration. Where a value that has
// to be there is not, or is NaN, the sentence names it, and there is no reading.
// The metrics are from authConfigReloader, app/vmauth/auth_config.go of
// VictoriaMetrics v1.148.0; the clock is lib/fasttime.
func ReloadOf(page Metrics) (ReloadReading, string) {
	s := sheet{page: page}
	reading := ReloadReading{
		Successful: s.sum("vmauth_config_last_reload_successful") > 0,
		At:         s.time("vmauth_config_last_reload_success_timestamp_seconds"),
		Attempts:   s.sumOr(-1, "vmauth_config_last_reload_total"),
	}
	if started := s.sumOr(0, "process_start_time_seconds"); started > 0 {
		reading.Started = seconds(started)
	}
	if s.missing != "" {
		return ReloadReading{}, s.missing
	}
	return reading, ""
}

// ReadsReading is what a vmselect says about the queries that it answers.
type ReadsReading struct {
	// InFlight is how many it works on. Further ones wait only while this is at its
	// limit, so that none waits where it is 0.
	InFlight int64
	// Requests counts the requests for reading since the start of the process, those
	// for one of its own pages apart. They are counted when they begin to be worked
	// on.
	Requests float64
}

// ReadsOf reads what a vmselect is at. Where a value that has to be there is
// not, or is NaN, the sentence names it, and there is no reading.
//
// vmselect counts requests by paths like /select/{}/prometheus/api/v1/query, and
// a single-node VictoriaMetrics, which may play its part, by the same without
// what precedes /api (app/vmselect/main.go of VictoriaMetrics, in the cluster
// branch and in v1.148.0).
func ReadsOf(page Metrics) (ReadsReading, string) {
	s := sheet{page: page}
	reading := ReadsReading{
		InFlight: int64(s.sum("vm_concurrent_select_current")),
		Requests: s.sum("vm_http_requests_total", isRead),
	}
	if s.missing != "" {
		return ReadsReading{}, s.missing
	}
	return reading, ""
}

// isRead tells requests for data from writes, which a single-node
// VictoriaMetrics counts beside them, and from those for state and for pages.
func isRead(labels map[string]string) bool {
	path := labels[pathLabel]
	if strings.HasPrefix(path, "/select/") {
		return true
	}
	for _, read := range []string{
		"/api/v1/query", "/api/v1/series", "/api/v1/label", "/api/v1/export", "/api/v1/metadata", "/federate",
		"/render", "/metrics/find", "/metrics/expand", "/metrics/index.json", "/tags/autoComplete/", "/tags/findSeries",
	} {
		if strings.HasPrefix(path, read) {
			return true
		}
	}
	return false
}

// sheet reads values off a page and keeps what is missing first.
type sheet struct {
	page    Metrics
	missing string
}

// sum adds up the samples that fit, of which there has to be one.
func (s *sheet) sum(name string, fits ...func(map[string]string) bool) float64 {
	total, found := s.add(name, fits)
	if !found && s.missing == "" {
		s.missing = "no metric " + name
	}
	return total
}

// sumOr is for what may be missing.
func (s *sheet) sumOr(otherwise float64, name string, fits ...func(map[string]string) bool) float64 {
	if total, found := s.add(name, fits); found {
		return total
	}
	return otherwise
}

func (s *sheet) add(name string, fits []func(map[string]string) bool) (total float64, found bool) {
	for labels, value := range s.page.Each(name) {
		if !fitsAll(labels, fits) {
			continue
		}
		if (math.IsNaN(value) || math.IsInf(value, 0)) && s.missing == "" {
			s.missing = fmt.Sprintf("metric %s is %v", name, value)
		}
		total += value
		found = true
	}
	return total, found
}

func fitsAll(labels map[string]string, fits []func(map[string]string) bool) bool {
	for _, fit := range fits {
		if !fit(labels) {
			return false
		}
	}
	return true
}

func (s *sheet) time(name string) time.Time { return seconds(s.sum(name)) }

func seconds(unix float64) time.Time {
	whole, part := math.Modf(unix)
	return time.Unix(int64(whole), int64(part*1e9))
}
