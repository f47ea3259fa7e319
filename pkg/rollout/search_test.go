// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"testing"
	"time"
)

// The small model: three inline zones, contents old, new and somebody else's,
// and a clock that only tells whether deadlines and the bake are over. A small
// budget says how much may happen from outside.

// smallZone is a cluster with what is remembered of it.
type smallZone struct {
	content byte // 'o'ld, 'n'ew, 'm'ore than new, 'x' for somebody else's, '-' for none
	health  byte // 'h'ealthy, 'w'orking, 'f'ailed, 'd'eleting
	byUs    bool // changed by us, not healthy since
	record  Record
}

// small is one state. It is comparable, which makes the search simple.
type small struct {
	zones  [3]smallZone
	want   byte
	paused bool
	// What may still happen.
	edits, pauses, breaks, deletions, drifts, fails, crashes int8
}

const (
	smallTimeout = 5 * time.Minute
	smallPause   = time.Minute
)

func (s *small) observe() Observed {
	o := Observed{Now: noon, Paused: s.paused, Strategy: Strategy{MaxUnavailable: 1, MinAvailableZones: 1, ReadyTimeout: smallTimeout, UpdatePause: smallPause}}
	for i := range s.zones {
		z := &s.zones[i]
		seen := Zone{Name: string(rune('a' + i)), Inline: true, Revision: string(s.want), Record: z.record}
		if z.content != '-' {
			seen.Cluster = &Cluster{Ownership: Ours, Generation: 1, Deleting: z.health == 'd', Failed: z.health == 'f'}
			if z.health != 'h' {
				seen.Cluster.Unhealthy = "health"
			}
			if z.content != s.want {
				seen.Cluster.Difference = Spec
			}
		}
		o.Zones = append(o.Zones, seen)
	}
	return o
}

// timeless leaves of a record what matters: whether times are set, and over.
func timeless(r Record) Record {
	r.Since = noon
	if !r.Started.IsZero() && noon.Sub(r.Started) >= smallTimeout {
		r.Started = noon.Add(-smallTimeout)
	}
	if noon.Sub(r.Finished) >= smallPause {
		r.Finished = time.Time{}
	}
	return r
}

// search walks through all states, by breadth.
type search struct {
	seen  map[small]small // with the state that it was reached from
	queue []small
	edges int
	fault string
	at    small
}

func (s *search) reach(from, to small) {
	s.edges++
	if _, known := s.seen[to]; !known {
		s.seen[to] = from
		s.queue = append(s.queue, to)
	}
}

func (s *search) fail(at small, format string, args ...any) {
	if s.fault == "" {
		s.fault, s.at = fmt.Sprintf(format, args...), at
	}
}

// pass is one pass of the controller: nothing but its records, all of it, or all
// but the note of the generation.
func (s *search) pass(from small) {
	o := from.observe()
	d := Decide(o)
	if complaint := unstable(o, d) + unexplained(o, d); complaint != "" {
		s.fail(from, "%s", complaint)
		return
	}
	recorded := from
	for i := range d.Zones {
		recorded.zones[i].record = timeless(d.Zones[i].Record)
	}
	if from.crashes > 0 && d.Action.Type != Nothing {
		crashed := recorded
		crashed.crashes--
		s.reach(from, crashed)
	}
	if d.Action.Type == Nothing {
		s.reach(from, recorded)
		return
	}
	i := int(d.Action.Cluster[0] - 'a')
	s.check(from, recorded, d.Action, i)
	z := &recorded.zones[i]
	z.content, z.health, z.byUs = from.want, 'w', true
	if d.Action.Type == UpdateCluster {
		if from.crashes > 0 {
			crashed := recorded
			crashed.crashes--
			s.reach(from, crashed)
		}
		z.record.Generation = 1
	}
	s.reach(from, recorded)
}

func (s *search) check(from, recorded small, action Action, i int) {
	z := &from.zones[i]
	switch {
	case from.paused:
		s.fail(from, "%v while paused", action)
	case action.Type == CreateCluster:
		if z.content != '-' {
			s.fail(from, "%v of what exists", action)
		}
		return
	case action.Type != UpdateCluster || z.content == '-' || z.content == from.want || z.health == 'd':
		s.fail(from, "%v is out of place", action)
	}
	for j := range from.zones {
		other := &from.zones[j]
		if j == i || other.content == '-' || other.health == 'h' {
			continue
		}
		if z.health == 'h' {
			s.fail(from, "%v, which is healthy, while %c is not", action, 'a'+j)
		}
		over := recorded.zones[j].record.Started.Equal(noon.Add(-smallTimeout))
		if other.byUs && other.health == 'w' && !over {
			s.fail(from, "%v while %c is in work", action, 'a'+j)
		}
	}
	for j := range from.zones {
		if r := recorded.zones[j].record; j != i && z.health == 'h' && from.zones[j].content != '-' && !r.Finished.IsZero() {
			s.fail(from, "%v while %c bakes", action, 'a'+j)
		}
	}
	if n := recorded.zones[i].record.Reapplied; n > maxReapplied {
		s.fail(from, "%v for the %dth time", action, n)
	}
}

// outside is everything that may happen but for a pass.
func (s *search) outside(from small) {
	passed := from
	for i := range passed.zones {
		r := &passed.zones[i].record
		if !r.Started.IsZero() {
			r.Started = noon.Add(-smallTimeout)
		}
		r.Finished = time.Time{}
	}
	s.reach(from, passed)
	s.users(from)
	for i := range from.zones {
		s.befall(from, i)
	}
}

func (s *search) users(from small) {
	if from.edits > 0 {
		for _, want := range []byte{'n', 'm', 'o'} {
			to := from
			to.edits--
			to.want = want
			s.reach(from, to)
		}
	}
	if from.pauses > 0 {
		to := from
		to.pauses--
		to.paused = !to.paused
		s.reach(from, to)
	}
}

func (s *search) befall(from small, i int) {
	step := func(may bool, change func(to *small, z *smallZone)) {
		if may {
			to := from
			change(&to, &to.zones[i])
			s.reach(from, to)
		}
	}
	z := &from.zones[i]
	exists := z.content != '-'
	step(exists && z.health == 'w', func(_ *small, z *smallZone) { z.health, z.byUs = 'h', false })
	step(exists && z.health == 'd', func(_ *small, z *smallZone) { z.content, z.health, z.byUs = '-', 'h', false })
	step(exists && z.health == 'w' && from.fails > 0, func(to *small, z *smallZone) { to.fails--; z.health, z.byUs = 'f', false })
	step(exists && z.health == 'h' && from.breaks > 0, func(to *small, z *smallZone) { to.breaks--; z.health = 'w' })
	step(exists && z.health != 'd' && from.deletions > 0, func(to *small, z *smallZone) { to.deletions--; z.health, z.byUs = 'd', false })
	step(exists && z.content != 'x' && z.health != 'd' && from.drifts > 0, func(to *small, z *smallZone) {
		to.drifts--
		z.content, z.health, z.byUs = 'x', 'w', false
	})
}

// settles lets the controller, the operator and time alone go on, and says why
// that does not end well.
func (s *search) settles(from small, settled map[small]bool) string {
	at, path := from, []small{}
	for !settled[at] {
		if path = append(path, at); len(path) > 60 {
			return "60 passes do not end it"
		}
		o := at.observe()
		d := Decide(o)
		next := at.onward(d)
		if next == at {
			if s := Summarise(o, d); !s.Complete() && !at.paused && s.UpdateStatus != StatusFailed && !s.Conditions[5].True {
				return fmt.Sprintf("it ends with %+v", s)
			}
			break
		}
		at = next
	}
	for _, state := range path {
		settled[state] = true
	}
	return ""
}

// onward carries a decision out, lets the operator do all that it can, and time
// pass.
func (s small) onward(d Decision) small {
	for i := range s.zones {
		z := &s.zones[i]
		z.record = timeless(d.Zones[i].Record)
		z.record.Finished = time.Time{}
		switch {
		case d.Action.Type != Nothing && i == int(d.Action.Cluster[0]-'a'):
			z.content, z.health, z.byUs = s.want, 'w', true
			if d.Action.Type == UpdateCluster {
				z.record.Generation = 1
			}
		case z.health == 'w':
			z.health, z.byUs = 'h', false
		case z.health == 'd':
			z.content, z.health = '-', 'h'
		}
	}
	return s
}

// TestNoReachableStateBreaksARule visits every state of the small model, with
// two kinds of trouble at a time.
func TestNoReachableStateBreaksARule(t *testing.T) {
	states, steps := 0, 0
	for a := range troubles {
		for b := range a + 1 {
			start := small{want: 'n'}
			for i := range start.zones {
				start.zones[i] = smallZone{content: 'o', health: 'h', record: Record{Phase: Ready, Since: noon, Revision: "o"}}
			}
			*troubles[a](&start)++
			*troubles[b](&start)++
			s := explore(t, start)
			states, steps = states+len(s.seen), steps+s.edges
		}
	}
	t.Logf("%d states, %d steps", states, steps)
}

var troubles = []func(*small) *int8{
	func(s *small) *int8 { return &s.edits },
	func(s *small) *int8 { return &s.pauses },
	func(s *small) *int8 { return &s.breaks },
	func(s *small) *int8 { return &s.deletions },
	func(s *small) *int8 { return &s.drifts },
	func(s *small) *int8 { return &s.fails },
	func(s *small) *int8 { return &s.crashes },
}

func explore(t *testing.T, start small) *search {
	t.Helper()
	s := &search{seen: map[small]small{start: start}, queue: []small{start}}
	settled := map[small]bool{}
	for n := 0; n < len(s.queue) && s.fault == ""; n++ {
		state := s.queue[n]
		s.pass(state)
		s.outside(state)
		if complaint := s.settles(state, settled); complaint != "" {
			s.fail(state, "%s", complaint)
		}
	}
	if s.fault == "" {
		return s
	}
	text := ""
	for state := s.at; ; state = s.seen[state] {
		text = fmt.Sprintf("%+v\n%s", state, text)
		if state == start {
			break
		}
	}
	t.Fatalf("%s, after\n%s", s.fault, text)
	return nil
}
