// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// State is what there is to put on record of an object.
type State struct {
	// Revision is rolled out, or was last, and Zones are what that wants.
	Revision string
	Zones    vmdistributed.Zones
	// Author and Cause are of the request that has asked for it; empty where they are
	// unknown, or somebody went back to a revision of others.
	Author, Cause string
	// Started and Finished are about its rollout; zero where nothing is known.
	Started, Finished time.Time
	// Complete is true where all zones run it, whenever that came about.
	Complete bool
	// Partial is true where its rollout has finished, and zones were skipped.
	Partial bool
	// Aborted is true while it is called off.
	Aborted bool
	// Undone are the revisions that were taken back.
	Undone []string
	// Decisions are those of users against a revision, as far as they are remembered.
	Decisions []Decision
	// Needed are those that stay, however old they are.
	Needed []string
	// Limit is how many others do.
	Limit int
}

// Decision is what a user has said against a revision or, by a skip, a part of it.
type Decision struct {
	// Outcome is what comes of it: Aborted, Undone, or Partial by a skip.
	Outcome  vmdistributed.RevisionOutcome
	Revision string
	// Text says by whom, when and why.
	Text string
}

// plan returns the records that are to be written, new ones among them, and those that
// are to be deleted.
func plan(records []Record, state State) (written, deleted []Record) {
	latest := int64(0)
	for i := range records {
		if records[i].Revision != state.Revision {
			latest = max(latest, records[i].Number)
		}
	}
	known := false
	for _, record := range records {
		after := record
		if record.Revision == state.Revision {
			known = true
			after = present(record, state, latest)
		} else {
			after.Outcome, after.Note = past(record, state), pastNote(record, state)
		}
		if !same(record, after) {
			written = append(written, after)
		}
	}
	if !known {
		written = append(written, present(Record{Revision: state.Revision, Zones: state.Zones}, state, latest))
	}
	return written, outdated(records, state)
}

// present is the record of the revision that is rolled out.
func present(record Record, state State, latest int64) Record {
	if record.Number <= latest {
		record.Number = latest + 1
	}
	if begun := !state.Started.IsZero() && !state.Started.Equal(record.Started); begun || record.object == nil {
		record.Author = cmp.Or(state.Author, record.Author)
	}
	record.Cause = cmp.Or(cutOff(state.Cause, maxCause), record.Cause)
	record.Note = presentNote(state)
	if !state.Started.IsZero() {
		record.Started, record.Finished = state.Started, state.Finished
	}
	switch {
	case state.Partial:
		record.Outcome = vmdistributed.RevisionPartial
	case !state.Finished.IsZero() || state.Started.IsZero() && state.Complete:
		record.Outcome = vmdistributed.RevisionCompleted
	case state.Aborted:
		record.Outcome = vmdistributed.RevisionAborted
	default:
		record.Outcome = ""
	}
	return record
}

// past is how the rollout of another revision has ended.
func past(record Record, state State) vmdistributed.RevisionOutcome {
	if slices.Contains(state.Undone, record.Revision) {
		return vmdistributed.RevisionUndone
	}
	return cmp.Or(record.Outcome, vmdistributed.RevisionSuperseded)
}

// presentNote tells of what is decided of the revision that is rolled out. That it was undone
// once is over.
func presentNote(state State) string {
	note := ""
	for _, decision := range state.Decisions {
		if decision.Revision == state.Revision && decision.Outcome != vmdistributed.RevisionUndone {
			note = joined(note, decision.Text)
		}
	}
	return note
}

// pastNote adds what is decided of another revision to what is known of that: words are
// forgotten before a record is.
func pastNote(record Record, state State) string {
	note := record.Note
	if len(note) >= maxNote {
		return note // it was cut off
	}
	for _, decision := range state.Decisions {
		if decision.Revision == record.Revision && !strings.Contains(note, decision.Text) {
			note = joined(note, decision.Text)
		}
	}
	return note
}

func joined(note, more string) string {
	return cutOff(strings.TrimPrefix(note+"; "+more, "; "), maxNote)
}

func same(a, b Record) bool {
	return a.Number == b.Number && a.Author == b.Author && a.Cause == b.Cause && a.Outcome == b.Outcome && a.Note == b.Note &&
		a.Started.Equal(b.Started) && a.Finished.Equal(b.Finished)
}

// outdated are the oldest of those that nothing leads to any more.
func outdated(records []Record, state State) []Record {
	var others []Record
	for _, record := range records {
		if record.Revision != state.Revision && !slices.Contains(state.Needed, record.Revision) {
			others = append(others, record)
		}
	}
	slices.SortFunc(others, func(a, b Record) int { return cmp.Compare(a.Number, b.Number) })
	return others[:max(0, len(others)-state.Limit)]
}

// Previous is the revision to go back to from one: the last that came to all zones, and
// was neither taken back nor called off since.
func Previous(records []Record, from string, excluded func(revision string) bool) (Record, bool) {
	var found Record
	for _, record := range records {
		ran := !record.Finished.IsZero() && record.Outcome != vmdistributed.RevisionPartial || record.Outcome == vmdistributed.RevisionCompleted
		if record.Problem != "" || record.Revision == from || !ran || excluded(record.Revision) {
			continue
		}
		if found.Revision == "" || record.Number > found.Number {
			found = record
		}
	}
	return found, found.Revision != ""
}
