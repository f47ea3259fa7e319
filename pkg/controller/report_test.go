// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// TestAReportQuotesTheEvidenceThatItLacks: the report decides as the controller
// does, without what pods tell.
func TestAReportQuotesTheEvidenceThatItLacks(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	flushing := vmdistributed.ZoneStatus{Name: "zone-a", Phase: vmdistributed.ZoneFlushing, Reason: rollout.ReasonWaitingForQueues, WaitingFor: "queues to be empty: 4 blocks"}
	draining := vmdistributed.ZoneStatus{Name: "zone-a", Phase: vmdistributed.ZoneDraining, Reason: rollout.ReasonReadsInFlight, WaitingFor: "pod vmselect-0 answers reads"}
	loading := "every VMAuth to have taken the zone out: evidence to be gathered"
	reading := "the queues of the VMAgent to be read"
	other := func(zone vmdistributed.ZoneStatus, change func(*vmdistributed.ZoneStatus)) vmdistributed.ZoneStatus {
		change(&zone)
		return zone
	}
	unflushed := func(zone *rollout.Zone) {
		zone.Queues.Gate = rollout.Gated
		zone.Record = rollout.Record{Phase: rollout.Flushing, Updating: "r1", Started: now, Generation: 1, Begun: now, Drained: now, DrainDone: true}
		zone.Reads.Drained = []string{"VMUser read"}
	}
	undrained := func(zone *rollout.Zone) {
		zone.Cluster.Difference = rollout.Spec
		zone.Record = rollout.Record{Phase: rollout.Draining, Revision: "r0", Begun: now, Drained: now, DrainDone: true}
		zone.Reads.Drained = []string{"VMUser read"}
	}
	for name, c := range map[string]struct {
		change func(*rollout.Zone)
		status vmdistributed.ZoneStatus
		want   string // of zone-a
		behind string // of zone-b, which is to be changed next
	}{
		"the queues":                   {unflushed, flushing, flushing.WaitingFor, "zone zone-a, which is in work: " + flushing.WaitingFor},
		"reads in flight":              {undrained, draining, draining.WaitingFor, "its turn, after zone zone-a"},
		"status of another zone":       {unflushed, other(flushing, func(z *vmdistributed.ZoneStatus) { z.Name = "zone-b" }), reading, "zone zone-a, which is in work: " + reading},
		"status of another phase":      {unflushed, draining, reading, "zone zone-a, which is in work: " + reading},
		"status of before the drain":   {undrained, other(draining, func(z *vmdistributed.ZoneStatus) { z.Reason = rollout.ReasonWriting }), loading, "its turn, after zone zone-a"},
		"a zone that waits for no pod": {func(*rollout.Zone) {}, flushing, "", "the change to be written"},
	} {
		t.Run(name, func(t *testing.T) {
			observed := oneAfterTheOther(now.Add(time.Second))
			c.change(&observed.Zones[0])
			decision := rollout.Decide(observed)
			var reports []vmdistributed.ZoneReport
			for i := range observed.Zones {
				reports = append(reports, zoneReport(&observed.Zones[i], &decision.Zones[i], &zoneView{}))
			}
			quoteEvidence(reports, decision.Zones, []vmdistributed.ZoneStatus{c.status})
			for i, want := range []string{c.want, c.behind} {
				if reports[i].WaitingFor != want {
					t.Errorf("%s is %s for %s, waiting for %q, want %q", reports[i].Name, reports[i].Phase, reports[i].Reason, reports[i].WaitingFor, want)
				}
			}
			if c.want == c.status.WaitingFor && reports[0].Reason != c.status.Reason {
				t.Errorf("reason %s, want that of status, %s", reports[0].Reason, c.status.Reason)
			}
		})
	}
}

// oneAfterTheOther is what is observed of zone-a, which is up to date, and zone-b,
// which is not.
func oneAfterTheOther(now time.Time) rollout.Observed {
	zone := func(name, revision string, difference rollout.Difference) rollout.Zone {
		return rollout.Zone{
			Name: name, Inline: true, Revision: "r1",
			Cluster: &rollout.Cluster{Ownership: rollout.Ours, Generation: 1, Difference: difference},
			Record:  rollout.Record{Phase: rollout.Pending, Revision: revision},
		}
	}
	return rollout.Observed{
		Now:   now,
		Zones: []rollout.Zone{zone("zone-a", "r1", rollout.Same), zone("zone-b", "r0", rollout.Spec)},
		Strategy: rollout.Strategy{
			MaxUnavailable: 1, MinAvailableZones: 1, ReadyTimeout: time.Hour, ProgressDeadline: time.Hour,
			DrainTimeout: time.Hour, GracePeriod: time.Hour, FlushTimeout: time.Hour,
		},
	}
}

func TestTheReportTellsTheDifferenceInBoundedWords(t *testing.T) {
	wide, deep := map[string]any{}, map[string]any{"vmselect": map[string]any{"extraArgs": map[string]any{"x": strings.Repeat("é", maxValue)}}}
	for i := range maxChanges + 2 {
		wide[fmt.Sprintf("f%02d", i)] = int64(i)
	}
	look := rollout.Outlook{Would: rollout.WouldChange, Turn: 2, Refusals: []rollout.Refusal{
		{Reason: rollout.ReasonBlocked, WaitingFor: "zone b"}, {Reason: rollout.ReasonQueuesUnknown, WaitingFor: "the queues to be read", Unasked: true},
	}}
	for name, c := range map[string]struct {
		seen    zoneView
		changes string
		more    int32
	}{
		"nothing known":   {zoneView{}, "[]", 0},
		"a field":         {zoneView{before: map[string]any{"a": int64(1), "b": "x"}, after: map[string]any{"a": int64(2), "c": []any{true}}}, `[{a 1 2} {b "x" } {c  [true]}]`, 0},
		"a creation":      {zoneView{after: map[string]any{"vmselect": map[string]any{"replicaCount": int64(2)}}}, `[{vmselect.replicaCount  2}]`, 0},
		"many fields":     {zoneView{after: wide}, "", 2},
		"a value cut off": {zoneView{after: deep}, fmt.Sprintf(`[{vmselect.extraArgs.x  "%s...}]`, strings.Repeat("é", (maxValue-1)/2)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			report := vmdistributed.ZoneReport{}
			foretell(&report, &look, &c.seen)
			if report.WouldDo != vmdistributed.ZoneWouldChange || report.Turn != 2 || fmt.Sprint(report.RefusedBy) != "[Blocked: waits for zone b]" {
				t.Errorf("report %+v", report)
			}
			if got := fmt.Sprint(report.Changes); c.changes != "" && got != c.changes || report.MoreChanges != c.more {
				t.Errorf("changes %s and %d more, want %s and %d", got, report.MoreChanges, c.changes, c.more)
			}
		})
	}
}
