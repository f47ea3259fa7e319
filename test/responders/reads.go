// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import "time"

// readsPerSecond is how many queries each vmselect gets.
const readsPerSecond = 5

// showReads writes what a vmselect says about the queries that it answers, with
// the paths of the cluster version.
func showReads(s *sheet, running time.Duration, inFlight int) {
	s.show("vm_concurrent_select_current", float64(inFlight))
	s.show("vm_concurrent_select_capacity", 8)
	s.show("vm_http_requests_total", float64(int64(running.Seconds()*readsPerSecond)), "path", "/select/{}/prometheus/api/v1/query")
}
