// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// approving asks for approvals, and pauses for nothing else.
func approving(version, approval string) fields {
	return with(with(threeZones(version), "spec.strategy.approval", approval), "spec.strategy.updatePause", "0s")
}

func TestEveryZoneButTheFirstWaitsForItsApproval(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(approving("v1", "EveryZone")) // which creates them all at once
	r.untilReady("demo")
	r.apply(approving("v2", "EveryZone"))
	for _, zone := range []string{"zone-b", "zone-c"} {
		r.untilZone("demo", zone, "Pending", "WaitingForApproval", "the user's word to go on with zone "+zone)
		object := r.settle("demo")
		r.expectCondition(object, "Stalled", metav1.ConditionFalse, "")
		r.expectCondition(object, "Reconciling", metav1.ConditionTrue, "WaitingForApproval")
		said, err := r.own.Promote(t.Context(), "demo", promotion(), metav1.CreateOptions{})
		must(t, err)
		if len(said.Zones) != 1 || said.Zones[0].Name != zone {
			t.Errorf("the word is for %v, want %s alone", said.Zones, zone)
		}
	}
	ready := r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	for _, word := range ready.Status.Words {
		expect(t, "verb of the word for "+word.Zone, string(word.Verb), "Approve")
	}

	// Words are for a revision: the next one asks anew.
	r.apply(approving("v3", "EveryZone"))
	r.untilZone("demo", "zone-b", "Pending", "WaitingForApproval")
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-a@3")
}

func TestOneApprovalAfterTheFirstZoneIsForAllOthers(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(approving("v1", "AfterFirstZone"))
	r.untilReady("demo")
	r.apply(approving("v2", "AfterFirstZone"))
	r.untilZone("demo", "zone-b", "Pending", "WaitingForApproval")
	r.settle("demo")
	r.expectUpdates("zone-a@2")
	_, err := r.own.Promote(t.Context(), "demo", promotion("zone-b"), metav1.CreateOptions{})
	must(t, err)
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestPluginWaitsUntilAnApprovalIsAskedForAndPromotesThatZone(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(approving("v1", "EveryZone"))
	r.untilReady("demo")
	r.apply(approving("v2", "EveryZone"))
	says(t, r.vmdc(waitsForUser, "wait", "demo").stderr, "zone zone-b: WaitingForApproval: the user's word to go on with zone zone-b")
	says(t, r.vmdc(waitsForUser, "doctor", "demo").stdout, "Blocking: zone zone-b: WaitingForApproval")
	says(t, r.vmdc(done, "promote", "demo", "--zone=zone-b").stdout, "demo promoted: zone-b at revision ")
	says(t, r.vmdc(waitsForUser, "wait", "demo").stderr, "zone zone-c: WaitingForApproval")
	r.vmdc(done, "promote", "demo")
	r.vmdc(done, "wait", "demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}
