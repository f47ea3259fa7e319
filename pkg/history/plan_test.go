// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// stored is a record as it comes out of the cluster.
func stored(revision string, number int64, outcome vmdistributed.RevisionOutcome) Record {
	record := Record{Revision: revision, Number: number, Author: "ann", Started: noon, Outcome: outcome, object: &appsv1.ControllerRevision{}}
	if outcome == vmdistributed.RevisionCompleted {
		record.Finished = noon.Add(time.Minute)
	}
	return record
}

// carry returns the records as they are once the plan is carried out.
func carry(records []Record, state State) []Record {
	written, deleted := plan(records, state)
	after := slices.Clone(records)
	for _, record := range written {
		record.object = &appsv1.ControllerRevision{}
		if i := slices.IndexFunc(after, func(r Record) bool { return r.Revision == record.Revision }); i >= 0 {
			after[i] = record
		} else {
			after = append(after, record)
		}
	}
	return slices.DeleteFunc(after, func(r Record) bool {
		return slices.ContainsFunc(deleted, func(d Record) bool { return d.Revision == r.Revision })
	})
}

func told(records []Record) string {
	slices.SortFunc(records, func(a, b Record) int { return int(a.Number - b.Number) })
	text := ""
	for _, r := range records {
		text += fmt.Sprintf("%s%d:%s:%s ", r.Revision, r.Number, r.Author, r.Outcome)
	}
	return text
}

func TestWhatIsPutOnRecordFollowsFromTheState(t *testing.T) {
	later, end := noon.Add(time.Hour), noon.Add(2*time.Hour)
	a, b := stored("a", 1, vmdistributed.RevisionCompleted), stored("b", 2, "")
	for name, test := range map[string]struct {
		records []Record
		state   State
		want    string
	}{
		"the first one":                     {nil, State{Revision: "a", Author: "ann", Started: noon}, "a1:ann: "},
		"one that ran before there was any": {nil, State{Revision: "a", Complete: true}, "a1::Completed "},
		"the next one":                      {[]Record{a}, State{Revision: "b", Author: "bob", Started: later}, "a1:ann:Completed b2:bob: "},
		"one that comes to its end":         {[]Record{a, b}, State{Revision: "b", Started: noon, Finished: end, Complete: true}, "a1:ann:Completed b2:ann:Completed "},
		"another before that":               {[]Record{a, b}, State{Revision: "c", Author: "bob", Started: later}, "a1:ann:Completed b2:ann:Superseded c3:bob: "},
		"one that zones were left out of":   {[]Record{a, b}, State{Revision: "b", Started: noon, Finished: end, Partial: true}, "a1:ann:Completed b2:ann:Partial "},
		"one that they come to after all": {[]Record{a, stored("b", 2, vmdistributed.RevisionPartial)}, State{Revision: "b", Started: noon, Finished: end, Complete: true},
			"a1:ann:Completed b2:ann:Completed "},
		"one that is called off": {[]Record{a, b}, State{Revision: "b", Started: noon, Aborted: true}, "a1:ann:Completed b2:ann:Aborted "},
		"one that is let go on":  {[]Record{a, stored("b", 2, vmdistributed.RevisionAborted)}, State{Revision: "b", Started: noon}, "a1:ann:Completed b2:ann: "},
		"one that was called off and left": {[]Record{a, stored("b", 2, vmdistributed.RevisionAborted)}, State{Revision: "c", Started: later},
			"a1:ann:Completed b2:ann:Aborted c3:: "},
		"one that is undone": {[]Record{a, b}, State{Revision: "a", Started: later, Undone: []string{"b"}}, "b2:ann:Undone a3:ann: "},
		"one that comes again": {[]Record{a, stored("b", 2, vmdistributed.RevisionCompleted)}, State{Revision: "a", Author: "bob", Started: later},
			"b2:ann:Completed a3:bob: "},
		"one whose beginning was lost with the store": {[]Record{a}, State{Revision: "a", Complete: true}, "a1:ann:Completed "},
	} {
		t.Run(name, func(t *testing.T) {
			test.state.Limit = 10
			after := carry(test.records, test.state)
			if got := told(after); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if written, deleted := plan(after, test.state); len(written)+len(deleted) > 0 {
				t.Errorf("once more, %v is written and %v is deleted, want nothing", written, deleted)
			}
		})
	}
}

func TestWhoDecidedAgainstARevisionStaysOnRecord(t *testing.T) {
	abort := Decision{vmdistributed.RevisionAborted, "b", "aborted by ann at noon: errors"}
	undo := Decision{vmdistributed.RevisionUndone, "b", "undone by bob at one: errors"}
	skip := Decision{vmdistributed.RevisionPartial, "b", "zone-a skipped by cat at two: its disks"}
	noted := func(outcome vmdistributed.RevisionOutcome, note string) []Record {
		record := stored("b", 2, outcome)
		record.Note = note
		return []Record{record}
	}
	for name, test := range map[string]struct {
		records []Record
		state   State
		want    string
	}{
		"an abort":                        {noted("", ""), State{Revision: "b", Started: noon, Aborted: true, Decisions: []Decision{abort}}, abort.Text},
		"an abort that is taken back":     {noted(vmdistributed.RevisionAborted, abort.Text), State{Revision: "b", Started: noon}, ""},
		"an abort that is not remembered": {noted(vmdistributed.RevisionAborted, abort.Text), State{Revision: "c", Started: noon}, abort.Text},
		"an undo":                         {noted("", ""), State{Revision: "a", Started: noon, Undone: []string{"b"}, Decisions: []Decision{undo}}, undo.Text},
		"an undo after an abort": {noted(vmdistributed.RevisionAborted, abort.Text), State{Revision: "a", Started: noon, Undone: []string{"b"}, Decisions: []Decision{abort, undo}},
			abort.Text + "; " + undo.Text},
		"an undo that somebody went back on": {noted(vmdistributed.RevisionUndone, undo.Text), State{Revision: "b", Started: noon, Decisions: []Decision{undo}}, ""},
		"a skip":                             {noted("", ""), State{Revision: "b", Started: noon, Finished: noon, Partial: true, Decisions: []Decision{skip}}, skip.Text},
		"a skip, once another is rolled out": {noted(vmdistributed.RevisionPartial, skip.Text), State{Revision: "c", Started: noon}, skip.Text},
		"more than is kept":                  {noted("", ""), State{Revision: "b", Started: noon, Decisions: []Decision{{vmdistributed.RevisionPartial, "b", strings.Repeat("x", 2*maxNote)}}}, strings.Repeat("x", maxNote) + "..."},
		"more than is kept, cut off within a letter": {noted("", ""), State{Revision: "c", Started: noon, Undone: []string{"b"},
			Decisions: []Decision{{vmdistributed.RevisionUndone, "b", "x" + strings.Repeat("ü", maxNote)}}}, "x" + strings.Repeat("ü", maxNote/2-1) + "..."},
	} {
		t.Run(name, func(t *testing.T) {
			test.state.Limit = 10
			after := carry(test.records, test.state)
			for _, record := range after {
				if record.Revision == "b" && record.Note != test.want {
					t.Errorf("got %q, want %q", record.Note, test.want)
				}
			}
			if written, _ := plan(after, test.state); len(written) > 0 {
				t.Errorf("once more, %v is written, want nothing", written)
			}
		})
	}
}

func TestTheOldestThatNothingLeadsToAreDropped(t *testing.T) {
	var records []Record
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		records = append(records, stored(name, int64(i+1), vmdistributed.RevisionCompleted))
	}
	for limit, want := range map[int]string{
		10: "a b c d e ", 3: "a b c d e ", 2: "a c d e ", 1: "a d e ", 0: "a e ",
	} {
		_, deleted := plan(records, State{Revision: "e", Started: noon, Finished: noon.Add(time.Minute), Needed: []string{"a"}, Limit: limit})
		left := ""
		for _, r := range records {
			if !slices.ContainsFunc(deleted, func(d Record) bool { return d.Revision == r.Revision }) {
				left += r.Revision + " "
			}
		}
		if left != want {
			t.Errorf("with a limit of %d there are %s, want %s", limit, left, want)
		}
	}
}

func TestTheOneBeforeRanAndWasNotGivenUp(t *testing.T) {
	broken := stored("e", 5, vmdistributed.RevisionCompleted)
	broken.Problem = "somebody has changed it"
	records := []Record{
		stored("a", 1, vmdistributed.RevisionCompleted), stored("b", 2, vmdistributed.RevisionCompleted),
		stored("c", 3, vmdistributed.RevisionSuperseded), stored("d", 4, vmdistributed.RevisionCompleted), broken, stored("f", 6, ""),
	}
	partial := stored("g", 7, vmdistributed.RevisionPartial)
	partial.Finished = noon
	records = append(records, partial)
	calledOff := func(revision string) bool { return revision == "d" }
	if got, found := Previous(records, "f", calledOff); !found || got.Revision != "b" {
		t.Errorf("before f was %s, %v, want b", got.Revision, found)
	}
	if got, found := Previous(records, "b", calledOff); !found || got.Revision != "a" {
		t.Errorf("instead of b there is %s, %v, want a", got.Revision, found)
	}
	if got, found := Previous(records[:1], "a", calledOff); found {
		t.Errorf("before a was %s, want none", got.Revision)
	}
}
