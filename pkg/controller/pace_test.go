// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

func TestWordsOfAStatusRestForAMoment(t *testing.T) {
	var p pace
	demo, other := cache.NewObjectName("here", "demo"), cache.NewObjectName("here", "other")
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	p.note(demo, now)
	if got := p.rests(demo, now.Add(wordsRest-1)); !got.Equal(now.Add(wordsRest)) {
		t.Errorf("they rest until %s", got)
	}
	if got := p.rests(demo, now.Add(wordsRest)); !got.IsZero() {
		t.Errorf("they rest until %s, which was long enough", got)
	}
	if got := p.rests(other, now); !got.IsZero() {
		t.Errorf("those of another object rest until %s", got)
	}
}

func TestOnlyWordsOfAStatusRest(t *testing.T) {
	before := &vmdistributed.VMDistributedClusterStatus{
		Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "A", Message: "a"}},
		Zones:      []vmdistributed.ZoneStatus{{Name: "a", Phase: vmdistributed.ZoneUpdating, Reason: "A", WaitingFor: "a"}},
	}
	for name, c := range map[string]struct {
		change func(*vmdistributed.VMDistributedClusterStatus)
		words  bool
	}{
		"nothing":   {func(*vmdistributed.VMDistributedClusterStatus) {}, true},
		"a zone":    {func(s *vmdistributed.VMDistributedClusterStatus) { s.Zones[0].Reason, s.Zones[0].WaitingFor = "B", "b" }, true},
		"condition": {func(s *vmdistributed.VMDistributedClusterStatus) { s.Conditions[0].Message = "b" }, true},
		"summary":   {func(s *vmdistributed.VMDistributedClusterStatus) { s.Reason = "b" }, true},
		"phase":     {func(s *vmdistributed.VMDistributedClusterStatus) { s.Zones[0].Phase = vmdistributed.ZoneReady }, false},
		"truth":     {func(s *vmdistributed.VMDistributedClusterStatus) { s.Conditions[0].Status = metav1.ConditionTrue }, false},
		"seen":      {func(s *vmdistributed.VMDistributedClusterStatus) { s.ObservedGeneration = 2 }, false},
		"memory":    {func(s *vmdistributed.VMDistributedClusterStatus) { s.Zones[0].Generation = 2 }, false},
		"count":     {func(s *vmdistributed.VMDistributedClusterStatus) { s.ReadyZones = 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			after := before.DeepCopy()
			c.change(after)
			if got := onlyWords(before, after); got != c.words {
				t.Errorf("only words: %t, want %t", got, c.words)
			}
		})
	}
}
