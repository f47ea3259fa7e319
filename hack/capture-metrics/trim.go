// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strings"
)

// kept are the beginnings of the names of the metrics that stay in a page: those
// that are read, and some of their neighbours.
var kept = []string{
	"vmagent_remotewrite_", "vm_persistentqueue_", "vmauth_config_", "vmauth_user_requests_total",
	"vm_concurrent_select_", "vm_http_requests_total", "vm_app_version", "process_start_time_seconds",
	"vm_rows_inserted_total",
}

// trim keeps what is read, without buckets and what names the machine.
func trim(c scenario, page []byte, folder string) []byte {
	var trimmed bytes.Buffer
	fmt.Fprintf(&trimmed, "# %s\n# Captured by hack/capture-metrics; buckets and the metrics of other names than %s* left out,\n# the folder of the queues renamed.\n", c.about, strings.Join(kept, "*, "))
	for line := range bytes.Lines(page) {
		if isKept(string(line)) {
			trimmed.WriteString(strings.ReplaceAll(string(line), folder, "/vmagent_pq"))
		}
	}
	return trimmed.Bytes()
}

func isKept(line string) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(line, "# TYPE "), "# HELP ")
	if strings.Contains(line, "_bucket{") {
		return false
	}
	for _, prefix := range kept {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
