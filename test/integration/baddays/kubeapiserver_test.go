// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"testing"
)

// TestKubeAPIServerKilledInTheMiddleOfARollout takes the store, the Lease and all that is
// observed away at once.
func TestKubeAPIServerKilledInTheMiddleOfARollout(t *testing.T) {
	r := newRoom(t, shared)
	r.stick("zone-b")
	r.begin()
	before, heard := r.estate(), said(t, leadingNoMore, shared.replicas...)
	r.endChronicle()
	must(t, shared.control.Kill("kube-apiserver"))
	untilSaid(t, leadingNoMore, heard, shared.replicas...)
	shared.expectLive(t)
	must(t, shared.control.Restart(t.Context(), "kube-apiserver"))
	r.expectEstate(before)
	r.free("zone-a")
	r.untilStuck("zone-b")
	must(t, shared.control.Kill("kube-apiserver"))
	must(t, shared.control.Restart(t.Context(), "kube-apiserver"))
	r.free("zone-b")
	r.expectConcluded()
}
