// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	corev1 "k8s.io/api/core/v1"
)

const (
	// pace is how many requests per second a vmagent sends through a queue.
	pace = 4
	// perRequest is how many bytes are in one of them, and rowsPerRequest how many
	// samples.
	perRequest, rowsPerRequest = 1000, 10
)

// queue is the one of a remote write of a vmagent.
type queue struct {
	// path is the folder of the queue, url what is shown for its URL.
	path, url string
	// limit is how many bytes it may have on the disk, 0 for no limit.
	limit int64
}

// arguments returns the command line of a container. Of one that is given twice,
// the values are joined, as flags of VictoriaMetrics with several values do.
func arguments(of corev1.Container) map[string]string {
	found := map[string]string{}
	for _, argument := range of.Args {
		name, value, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if before, again := found[name]; again {
			value = before + "," + value
		}
		found[name] = value
	}
	return found
}

// queuesOf returns the queues that a vmagent makes of its command line. The
// folder is named by the place of the URL in it, from 1, and by the hash of what
// precedes query and fragment (newRemoteWriteCtx,
// app/vmagent/remotewrite/remotewrite.go of VictoriaMetrics v1.148.0).
func queuesOf(args map[string]string) []queue {
	var all []queue
	for i, address := range strings.Split(args["remoteWrite.url"], ",") {
		stem, _, _ := strings.Cut(address, "#")
		stem, _, _ = strings.Cut(stem, "?")
		shown := "secret-url"
		if args["remoteWrite.showURL"] == "true" {
			shown = address
		}
		limit, _ := strconv.ParseInt(args["remoteWrite.maxDiskUsagePerURL"], 10, 64)
		all = append(all, queue{
			path:  fmt.Sprintf("%s/persistent-queue/%d_%016X", args["remoteWrite.tmpDataPath"], i+1, xxhash.Sum64String(stem)),
			url:   fmt.Sprintf("%d:%s", i+1, shown),
			limit: limit,
		})
	}
	return all
}

// show writes what a vmagent says about a queue, as in the golden page
// agent-healthy.
func (q queue) show(s *sheet, running time.Duration, pending int64) {
	sent := 1 + float64(int64(running.Seconds()*pace))
	path, address := []string{"path", q.path, "url", q.url}, []string{"url", q.url}
	s.show("vmagent_remotewrite_pending_data_bytes", float64(pending), path...)
	s.show("vmagent_remotewrite_queue_blocked", 0, path...)
	s.show("vmagent_remotewrite_samples_dropped_total", 0, path...)
	s.show("vmagent_remotewrite_rows_pushed_after_relabel_total", sent*rowsPerRequest, path...)
	s.show("vmagent_remotewrite_requests_total", sent, append(address, "status_code", "2XX")...)
	s.show("vmagent_remotewrite_bytes_sent_total", sent*perRequest, address...)
	s.show("vmagent_remotewrite_errors_total", 0, address...)
	s.show("vmagent_remotewrite_retries_count_total", 0, address...)
	s.show("vmagent_remotewrite_packets_dropped_total", 0, address...)
	disk := []string{"path", q.path, "name", q.url}
	s.show("vm_persistentqueue_bytes_pending", float64(pending), disk...)
	s.show("vm_persistentqueue_bytes_dropped_total", 0, disk...)
	if q.limit > 0 {
		s.show("vm_persistentqueue_free_disk_space_bytes", float64(q.limit-pending), disk...)
	}
}
