// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// TestConditionsSayWhereThereIsNothingToGate: a rollout that gates nothing must
// not look like one that does.
func TestConditionsSayWhereThereIsNothingToGate(t *testing.T) {
	zone := func(change func(*rollout.Zone)) []rollout.Zone {
		z := rollout.Zone{Name: "zone-a", Reads: rollout.Reads{Open: []string{"VMUser reader at spec.targetRefs[0].crd"}}, Queues: rollout.Queues{Gate: rollout.Gated}}
		change(&z)
		return []rollout.Zone{z}
	}
	listed := vmdistributed.VMDistributedClusterSpec{
		VMAgent: &vmdistributed.ObjectReference{Name: "agent"}, VMUsers: []vmdistributed.ObjectReference{{Name: "reader"}},
	}
	for name, c := range map[string]struct {
		spec          vmdistributed.VMDistributedClusterSpec
		change        func(*rollout.Zone)
		writes        []string
		reads, queues string
	}{
		"all gated":         {listed, func(*rollout.Zone) {}, nil, "Routed", "RemoteWrite"},
		"nothing listed":    {vmdistributed.VMDistributedClusterSpec{}, func(*rollout.Zone) {}, nil, "NoVMUsers", "NoVMAgent"},
		"no route":          {listed, func(z *rollout.Zone) { z.Reads.Open = nil }, nil, "NoRoute", "RemoteWrite"},
		"drained":           {listed, func(z *rollout.Zone) { z.Reads.Open, z.Reads.Drained = nil, []string{"VMUser reader"} }, nil, "Routed", "RemoteWrite"},
		"absent VMUser":     {listed, func(z *rollout.Zone) { z.Reads.Unknown = "VMUser to exist" }, nil, "ReadsUnknown", "RemoteWrite"},
		"undrainable":       {listed, func(z *rollout.Zone) { z.Reads.Undrainable = []string{"VMAuth x"} }, nil, "ReadsUndrainable", "RemoteWrite"},
		"no remote write":   {listed, func(z *rollout.Zone) { z.Queues.Gate, z.Queues.Why = rollout.NoGate, "none" }, nil, "Routed", "NoRemoteWrite"},
		"through a proxy":   {listed, func(z *rollout.Zone) { z.Queues.Gate, z.Queues.Why = rollout.Unclear, "a proxy" }, nil, "Routed", "QueuesUnclear"},
		"writes via VMAuth": {listed, func(*rollout.Zone) {}, []string{"VMUser writer to zone zone-a"}, "Routed", "WritesThroughVMAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			view := &observation{writeRoutes: c.writes, agent: &unstructured.Unstructured{}}
			view.Zones = zone(c.change)
			conditions := gateConditions(&vmdistributed.VMDistributedCluster{Spec: c.spec}, view)
			for i, want := range []string{c.reads, c.queues} {
				got := conditions[i]
				if got.Reason != want || got.Message == "" || got.True != (want == "Routed" || want == "RemoteWrite") {
					t.Errorf("got %+v, want %s", got, want)
				}
			}
			if c.writes != nil && !strings.Contains(conditions[1].Message, c.writes[0]) {
				t.Errorf("the message does not name the route: %s", conditions[1].Message)
			}
		})
	}
}
