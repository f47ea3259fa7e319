// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	"fmt"
	"testing"
)

func TestAWordIsKeptOnceAndTakenBackAsAWhole(t *testing.T) {
	var status VMDistributedClusterStatus
	status.Say(Word{Verb: WordPromote, Zone: "a", Revision: "1", By: "ann"})
	status.Say(Word{Verb: WordPromote, Zone: "a", Revision: "1", By: "bob"})
	status.Say(Word{Verb: WordPromote, Zone: "a", Revision: "2", By: "bob"})
	status.Say(Word{Verb: WordAbort, Revision: "1", By: "bob"})
	if len(status.Words) != 3 {
		t.Fatalf("words %v, want three", status.Words)
	}
	if word, said := status.Said(WordPromote, "a", "1"); !said || word.By != "ann" {
		t.Errorf("the first word is %v, %v, want that of ann", word, said)
	}
	if _, said := status.Said(WordPromote, "b", "1"); said {
		t.Error("a word was found that nobody said")
	}
	if !status.TakeBack(WordAbort, "", "1") || status.TakeBack(WordAbort, "", "1") {
		t.Error("want the word to be taken back once")
	}
	if len(status.Words) != 2 {
		t.Errorf("words %v, want two", status.Words)
	}
}

func TestTheLatestChangesThatWereCalledOffOrUndoneAreRemembered(t *testing.T) {
	var status VMDistributedClusterStatus
	status.Say(Word{Verb: WordPromote, Zone: "a", Revision: "1"})
	for i := range maxLasting + 3 {
		status.Say(Word{Verb: WordAbort, Revision: fmt.Sprint(i)})
		status.Say(Word{Verb: WordUndo, Revision: fmt.Sprint(i), To: "good"})
	}
	if len(status.Words) != 2*maxLasting+1 {
		t.Fatalf("%d words, want %d", len(status.Words), 2*maxLasting+1)
	}
	for _, verb := range []WordVerb{WordAbort, WordUndo} {
		if _, said := status.Said(verb, "", "2"); said {
			t.Errorf("the third %s is remembered", verb)
		}
		for _, revision := range []string{"3", fmt.Sprint(maxLasting + 2)} {
			if _, said := status.Said(verb, "", revision); !said {
				t.Errorf("the %s of %s is forgotten", verb, revision)
			}
		}
	}
}

func TestAWordCountsAsLongAsWhatItIsFor(t *testing.T) {
	zones := map[string]string{"a": "1", "b": "2"}
	for _, test := range []struct {
		word Word
		want bool
	}{
		{Word{Verb: WordPromote, Zone: "a", Revision: "1"}, true},
		{Word{Verb: WordPromote, Zone: "b", Revision: "1"}, false},
		{Word{Verb: WordPromote, Zone: "c", Revision: "1"}, false},
		{Word{Verb: WordApprove, Zone: "a", Revision: "1"}, true},
		{Word{Verb: WordApprove, Zone: "b", Revision: "1"}, false},
		{Word{Verb: WordRetry, Revision: "all"}, true},
		{Word{Verb: WordRetry, Revision: "other"}, false},
		{Word{Verb: WordAbort, Revision: "all"}, true},
		{Word{Verb: WordAbort, Revision: "other"}, true},
		{Word{Verb: WordUndo, Revision: "all", To: "other"}, true},
		{Word{Verb: WordUndo, Revision: "other", To: "all"}, true},
		{Word{Verb: WordRestart, Revision: "other"}, true},
		{Word{Verb: WordSkip, Zone: "a", Revision: "1"}, true},
		{Word{Verb: WordSkip, Zone: "b", Revision: "1"}, false},
		{Word{Verb: WordRetry, Zone: "a", Revision: "1"}, true},
		{Word{Verb: WordRetry, Zone: "a", Revision: "all"}, false},
	} {
		if got := test.word.Counts("all", zones); got != test.want {
			t.Errorf("%+v counts: %v, want %v", test.word, got, test.want)
		}
	}
}
