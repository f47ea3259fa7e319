// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import "slices"

// The subresources by which users say how a rollout is to go on, each a POST with a
// right of its own.
const (
	SubresourcePromote = "promote"
	SubresourceAbort   = "abort"
	SubresourceRetry   = "retry"
)

// IsVerb tells whether a subresource is one of them.
func IsVerb(subresource string) bool {
	switch subresource {
	case SubresourcePromote, SubresourceAbort, SubresourceRetry:
		return true
	}
	return false
}

// maxAborts is how many changes that were called off are remembered. One that is asked
// for again, by a manifest that was put back say, is still called off.
const maxAborts = 10

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
	aborts := 0
	for i := range slices.Backward(s.Words) {
		if s.Words[i].Verb != WordAbort {
			continue
		}
		if aborts++; aborts > maxAborts {
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
// become something else. That a change was called off is kept.
func (w Word) Counts(revision string, zones map[string]string) bool {
	switch w.Verb {
	case WordAbort:
		return true
	case WordPromote:
		return zones[w.Zone] == w.Revision
	}
	return revision == w.Revision
}
