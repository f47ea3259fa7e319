// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	"slices"
	"time"
)

// The subresources by which users say how a rollout is to go on, each a POST with a
// right of its own.
const (
	SubresourcePromote = "promote"
	SubresourceAbort   = "abort"
	SubresourceRetry   = "retry"
	SubresourceUndo    = "undo"
	SubresourceSkip    = "skip"
	SubresourceRestart = "restart"
)

// IsVerb tells whether a subresource is one of them.
func IsVerb(subresource string) bool {
	switch subresource {
	case SubresourcePromote, SubresourceAbort, SubresourceRetry, SubresourceUndo, SubresourceSkip, SubresourceRestart:
		return true
	}
	return false
}

// maxLasting is how many changes that were called off are remembered, and how many that
// were undone. One that is asked for again, by a manifest that was put back say, still is.
const maxLasting = 10

// Lasts is true for a word that is remembered, whatever becomes of the object.
func (w Word) Lasts() bool {
	return w.Verb == WordAbort || w.Verb == WordUndo || w.Verb == WordRestart
}

// Outlives is true for a word that is remembered beside the store: without it, a manifest
// that is applied again would do what somebody has decided against.
func (w Word) Outlives() bool { return w.Lasts() || w.Verb == WordSkip }

// Undone tells whether a revision was undone, and finds the word that says to which.
func (s *VMDistributedClusterStatus) Undone(revision string) (Word, bool) {
	return s.Said(WordUndo, "", revision)
}

// Restarted tells whether all zones were ever to be rolled out once more, and finds the
// last word that says so.
func (s *VMDistributedClusterStatus) Restarted() (Word, bool) {
	i := slices.IndexFunc(s.Words, func(w Word) bool { return w.Verb == WordRestart })
	if i < 0 {
		return Word{}, false
	}
	return s.Words[i], true
}

// RestartedAt is when that was, as the annotation of the pods has it; "" for never.
func (s *VMDistributedClusterStatus) RestartedAt() string {
	word, said := s.Restarted()
	if !said {
		return ""
	}
	return word.At.UTC().Format(time.RFC3339)
}

// Restart adds the word that has all zones be rolled out once more, in the place of the
// last one.
func (s *VMDistributedClusterStatus) Restart(word Word) {
	s.Words = slices.DeleteFunc(s.Words, func(w Word) bool { return w.Verb == WordRestart })
	s.Words = append(s.Words, word)
}

// Said tells whether a word was said, and is not taken back, and finds it.
func (s *VMDistributedClusterStatus) Said(verb WordVerb, zone, revision string) (Word, bool) {
	i := slices.IndexFunc(s.Words, func(w Word) bool { return w.means(verb, zone, revision) })
	if i < 0 {
		return Word{}, false
	}
	return s.Words[i], true
}

// Say adds a word, unless it was said before.
func (s *VMDistributedClusterStatus) Say(word Word) {
	if _, said := s.Said(word.Verb, word.Zone, word.Revision); said {
		return
	}
	s.Words = append(s.Words, word)
	if !word.Lasts() {
		return
	}
	alike := 0
	for i := range slices.Backward(s.Words) {
		if s.Words[i].Verb != word.Verb {
			continue
		}
		if alike++; alike > maxLasting {
			s.Words = slices.Delete(s.Words, i, i+1)
			return
		}
	}
}

// TakeBack removes a word, and tells whether there was one.
func (s *VMDistributedClusterStatus) TakeBack(verb WordVerb, zone, revision string) bool {
	before := len(s.Words)
	s.Words = slices.DeleteFunc(s.Words, func(w Word) bool { return w.means(verb, zone, revision) })
	return len(s.Words) < before
}

func (w Word) means(verb WordVerb, zone, revision string) bool {
	return w.Verb == verb && w.Zone == zone && w.Revision == revision
}

// Counts is false for a word that has had its time: the zone, or all of them, are to
// become something else. That a change was called off or undone is kept.
func (w Word) Counts(revision string, zones map[string]string) bool {
	switch {
	case w.Lasts():
		return true
	case w.Zone != "":
		return zones[w.Zone] == w.Revision
	}
	return revision == w.Revision
}
