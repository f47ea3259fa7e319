// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package spawn

import "testing"

func TestFreePortsKeepClearOfOutgoingConnections(t *testing.T) {
	taken := map[int]bool{}
	for range 50 {
		port, err := FreePort(taken)
		must(t, err)
		if taken[port] {
			t.Errorf("port %d was given twice", port)
		}
		taken[port] = true
		if limit := ephemeralStart(); limit > lowestPort+1000 && port >= limit {
			t.Errorf("port %d lies where outgoing connections start, from %d on", port, limit)
		}
	}
}
