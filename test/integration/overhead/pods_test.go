// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// EndpointSlices refuse loopback: pods have addresses of TEST-NET-1, which a
// forward proxy answers for.
const (
	authAddress, authPort = "192.0.2.1", 8427
	selectPort            = 8481
)

// selectAddress is the one of a zone's vmselect, which it shares with no other: a
// page is handed out again for a moment, to whom it does not belong as well.
func selectAddress(zone int) string { return fmt.Sprintf("192.0.2.%d", 2+zone) }

// startPods plays all pods and returns what makes a server ask them. A vmauth has
// always loaded its configuration in a later second than that of the operator's
// word, which a reload of the same second does not prove anything about. A vmselect
// never has a read in flight.
func startPods(b *testing.B) (env []string) {
	b.Helper()
	pods := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch host, _, _ := strings.Cut(r.Host, ":"); {
		case host == authAddress:
			_, _ = fmt.Fprintf(w, "process_start_time_seconds 1\nvmauth_config_last_reload_successful 1\nvmauth_config_last_reload_total 1\n"+
				"vmauth_config_last_reload_success_timestamp_seconds %d\n", time.Now().Add(time.Second).Unix())
		case strings.HasPrefix(host, "192.0.2."):
			_, _ = fmt.Fprint(w, "vm_concurrent_select_current 0\nvm_http_requests_total{path=\"/select/{}/prometheus/api/v1/query\"} 1\n")
		default:
			http.Error(w, "nobody has the address "+r.Host, http.StatusBadGateway)
		}
	}))
	b.Cleanup(pods.Close)
	return []string{"HTTP_PROXY=" + pods.URL, "NO_PROXY=127.0.0.1,localhost"}
}
