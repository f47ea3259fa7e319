// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
)

func TestAHistoryTellsWhatRunsAndWhatIsWanted(t *testing.T) {
	p := newPast(t)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	p.first.Author, p.first.Cause, p.first.Started = "ann", "the beginning", now.Add(-time.Hour)
	p.first.Note, p.second.Note = "undone by bob: errors", "aborted by ann"
	p.object.Status.CurrentRevision = p.second.Revision
	_, err := p.undo(p.second.Revision)
	p.must(err)
	broken := p.first
	broken.Problem, broken.Revision = "somebody has changed it", "0123456789"
	reports, err := reportsOf(p.object, []history.Record{p.latest, p.second, broken, p.first})
	p.must(err)
	var rows []string
	for i := range reports {
		rows = append(rows, fmt.Sprint(historyCells(&reports[i], now)...))
	}
	for i, want := range []string{
		fmt.Sprint(p.latest.Revision, "3", "-", "Wanted", "-", "-", "-"),
		fmt.Sprint(p.second.Revision, "2", "Completed", "Current,ByUndo", "-", "-", "aborted by ann"),
		fmt.Sprint(p.first.Revision, "1", "Completed", "-", "60m", "ann", "the beginning; undone by bob: errors"),
	} {
		if i >= len(rows) || rows[i] != want {
			t.Errorf("row %d of %q, want %q", i, rows, want)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d rows, want those that one can go back to", len(rows))
	}
	if zones := reports[2].Zones; len(zones) != 2 || zones[0].Name != "a" || zones[1].Name != "gone" || zones[0].Revision == "" {
		t.Errorf("the zones of the first are %v", zones)
	}
	if table, err := (&HistoryREST{}).ConvertToTable(t.Context(), &vmdistributed.VMDistributedCluster{}, nil); err == nil {
		t.Errorf("something else was printed as %v", table)
	}
}
