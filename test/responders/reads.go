// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

// readsSoFar is how many queries each vmselect got. No more come in: nobody reads
// from pods that run nothing.
const readsSoFar = 300

// showReads writes what a vmselect says about the queries that it answers, with
// the paths of the cluster version.
func showReads(s *sheet, inFlight int) {
	s.show("vm_concurrent_select_current", float64(inFlight))
	s.show("vm_concurrent_select_capacity", 8)
	s.show("vm_http_requests_total", readsSoFar, "path", "/select/{}/prometheus/api/v1/query")
}
