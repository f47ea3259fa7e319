// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"hash/maphash"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// The small model: three inline zones that one VMUser leads to, contents old, new
// and somebody else's, a queue for each that is empty or not, and a clock that only
// tells whether deadlines and the bake are over. Every VMAuth loads at the same
// time, late. A small budget says how much may happen from outside.

// smallZone is a cluster with what is remembered of it.
type smallZone struct {
	content byte // 'o'ld, 'n'ew, 'm'ore than new, 'x' for somebody else's, '-' for none
	health  byte // 'h'ealthy, 'w'orking, 'f'ailed, 'd'eleting
	uid     int8
	byUs    bool // changed by us, not healthy since
	closed  bool // the VMUser does not lead to it
	drained bool // the VMUser carries our record
	unread  bool // every VMAuth has loaded that it is closed
	backlog bool // in the queue
	dropped int8 // by the queue, ever
	written bool // by us since the drain
	lost    bool // samples, since then
	emptied bool // made anew
	arrived bool // at what is wanted since that changed
	goAhead bool // by the user's word
	skipped bool // likewise
	record  Record
}

// serves is true for a zone that can be read from, by what is true.
func (z *smallZone) serves() bool {
	return z.content != '-' && z.health == 'h' && !z.closed && !z.emptied
}

// small is one state. It is comparable, which makes the search simple.
type small struct {
	zones                 [3]smallZone
	want                  byte
	paused, aborted, word bool
	gated                 bool // by an approval of every zone
	// What may still happen.
	edits, pauses, breaks, deletions, drifts, fails, crashes, reopenings, drops, aborts, approvals, skips int8
}

const (
	smallTimeout = 5 * time.Minute
	smallPause   = time.Minute
)

func (s *small) observe() Observed {
	o := Observed{Now: noon, Begun: noon.Add(-smallPause), Paused: s.paused, Aborted: calledOff(s.aborted), Strategy: Strategy{
		MaxUnavailable: 1, MinAvailableZones: 1, ReadyTimeout: smallTimeout, UpdatePause: smallPause, DrainTimeout: smallTimeout, FlushTimeout: smallTimeout,
	}}
	if s.gated {
		o.Strategy.Approval = EveryZone
	}
	for i := range s.zones {
		z := &s.zones[i]
		seen := Zone{Name: string(rune('a' + i)), Inline: true, Revision: string(s.want), Record: z.record, Approved: s.word, GoAhead: z.goAhead}
		if z.skipped {
			seen.Skipped = &Skip{By: "somebody"}
		}
		if z.arrived && z.record.Finished.IsZero() {
			seen.Record.Finished = o.Begun // and has baked
		}
		if z.content != '-' {
			seen.Cluster = &Cluster{UID: string(rune('0' + z.uid)), Ownership: Ours, Generation: 1, Deleting: z.health == 'd', Failed: z.health == 'f'}
			if z.health != 'h' {
				seen.Cluster.Unhealthy = "health"
			}
			if z.content != s.want {
				seen.Cluster.Difference = Spec
			}
		}
		s.observePaths(z, &seen)
		o.Zones = append(o.Zones, seen)
	}
	return o
}

func (s *small) observePaths(z *smallZone, seen *Zone) {
	if !z.closed {
		seen.Reads.Open = []string{"u"}
	}
	if z.drained {
		seen.Reads.Drained = []string{"u"}
	}
	seen.Reads.Loaded, seen.Reads.Idle = &Evidence{Met: s.loaded(), Text: "load"}, &Evidence{Met: true}
	queue := Queue{Replica: "r", Dropped: int64(z.dropped)}
	if z.backlog {
		queue.Pending = 1
	}
	seen.Queues = Queues{Gate: Gated, Reading: &Reading{Replicas: []Queue{queue}, Room: -1}}
}

// loaded is true where every VMAuth has loaded the VMUser as it is.
func (s *small) loaded() bool {
	for i := range s.zones {
		if s.zones[i].closed != s.zones[i].unread {
			return false
		}
	}
	return true
}

// load lets every VMAuth load it.
func (s *small) load() {
	for i := range s.zones {
		s.zones[i].unread = s.zones[i].closed
	}
}

// timeless leaves of a record what matters: whether times are set, and over.
func timeless(r Record) Record {
	r.Since, r.Took = noon, 0
	if !r.Started.IsZero() && noon.Sub(r.Started) >= smallTimeout {
		r.Started = noon.Add(-smallTimeout)
	}
	if noon.Sub(r.Finished) >= smallPause {
		r.Finished = time.Time{}
	}
	for _, at := range []*time.Time{&r.Clock, &r.Quiet} {
		if !at.IsZero() && !at.Equal(noon) {
			*at = noon.Add(-smallTimeout)
		}
	}
	for _, at := range []*time.Time{&r.Begun, &r.Drained, &r.Loaded, &r.Restored, &r.Healthy} {
		if !at.IsZero() {
			*at = noon
		}
	}
	return r
}

// search walks through all states, by breadth.
type search struct {
	seed  maphash.Seed
	seen  map[uint64]bool
	queue []small
	from  []int32 // which state of the queue each was reached from
	now   int32   // which state of the queue is looked at
	edges int
	fault string
}

func (s *search) reach(to small) {
	s.edges++
	if key := maphash.Comparable(s.seed, to); !s.seen[key] {
		s.seen[key] = true
		s.queue, s.from = append(s.queue, to), append(s.from, s.now)
	}
}

func (s *search) fail(format string, args ...any) {
	if s.fault == "" {
		s.fault = fmt.Sprintf(format, args...)
	}
}

// pass is one pass of the controller: nothing but its records, all of it, or all
// but the note that it has landed.
func (s *search) pass(from small) {
	o := from.observe()
	d := Decide(o)
	if complaint := unexplained(o, d) + misforetold(o); complaint != "" {
		s.fail("%s", complaint)
		return
	}
	recorded := from
	for i := range d.Zones {
		z := &recorded.zones[i]
		before := z.record
		z.record, z.skipped = timeless(d.Zones[i].Record), d.Zones[i].Skipped
		if before.Begun.IsZero() && !z.record.Begun.IsZero() {
			z.lost = false
		}
		if !z.record.inWork() {
			z.written = false
		}
		if from.gated && before.inFlight() && !z.record.inFlight() && z.record.Revision == string(from.want) {
			z.arrived = true
		}
	}
	if from.crashes > 0 && d.Action.Type != Nothing {
		crashed := recorded
		crashed.crashes--
		s.reach(crashed)
	}
	if d.Action.Type == Nothing {
		s.reach(recorded)
		return
	}
	i := int(d.Action.Cluster[0] - 'a')
	s.check(from, recorded, d.Action, i)
	s.checkApproved(from, recorded, d.Action, i)
	recorded.carryOut(d.Action.Type, i)
	if from.crashes > 0 {
		crashed := recorded
		crashed.crashes--
		s.reach(crashed)
	}
	recorded.note(d.Action.Type, i)
	s.reach(recorded)
}

func (s *small) carryOut(what ActionType, i int) {
	z := &s.zones[i]
	switch what {
	case DrainReads:
		z.closed, z.drained = true, true
	case RestoreReads:
		z.closed, z.drained = false, false
	case CreateCluster:
		z.uid++
		z.content, z.health, z.byUs = s.want, 'w', true
	default:
		z.content, z.health, z.byUs, z.written, z.backlog = s.want, 'w', true, true, true
	}
}

func (s *small) note(what ActionType, i int) {
	switch what {
	case DrainReads:
		s.zones[i].record.DrainDone = true
	case UpdateCluster:
		s.zones[i].record.Generation = 1
	}
}

func (s *search) check(from, recorded small, action Action, i int) {
	z := &from.zones[i]
	switch {
	case from.paused:
		s.fail("%v while paused", action)
	case z.skipped && action.Type != DrainReads && action.Type != RestoreReads:
		s.fail("%v, which was skipped", action)
	case from.aborted && action.Type == CreateCluster:
		s.fail("%v though called off", action)
	case action.Type == CreateCluster:
		if z.content != '-' {
			s.fail("%v of what exists", action)
		}
		return
	case action.Type == DrainReads || action.Type == RestoreReads:
		s.checkReads(from, action, i)
		return
	case from.aborted:
		s.fail("%v though called off", action)
	case action.Type != UpdateCluster || z.content == '-' || z.content == from.want || z.health == 'd':
		s.fail("%v is out of place", action)
	}
	for j := range from.zones {
		other := &from.zones[j]
		if j == i || other.content == '-' || other.health == 'h' || other.skipped {
			continue
		}
		if z.health == 'h' {
			s.fail("%v, which is healthy, while %c is not", action, 'a'+j)
		}
		over := recorded.zones[j].record.Started.Equal(noon.Add(-smallTimeout))
		if other.byUs && other.health == 'w' && !over {
			s.fail("%v while %c is in work", action, 'a'+j)
		}
	}
	if z.health == 'h' && (!z.closed || !z.unread) && from.servingBeside(i) > 0 {
		s.fail("%v, which is read from", action)
	}
	for j := range from.zones {
		if r := recorded.zones[j].record; j != i && z.health == 'h' && !from.zones[j].skipped && from.zones[j].content != '-' && !r.Finished.IsZero() {
			s.fail("%v while %c bakes", action, 'a'+j)
		}
	}
	if n := recorded.zones[i].record.Reapplied; n > maxReapplied {
		s.fail("%v for the %dth time", action, n)
	}
}

// checkApproved: a healthy zone is begun or written after another one by the user's word
// only.
func (s *search) checkApproved(from, recorded small, action Action, i int) {
	z := &from.zones[i]
	begins := action.Type == DrainReads && z.record.Begun.IsZero() && !z.emptied
	if writes := action.Type == UpdateCluster; !from.gated || !begins && !writes || z.health != 'h' || z.content == from.want || z.goAhead {
		return
	}
	for j := range from.zones {
		if other := &from.zones[j]; j != i && !other.skipped && (other.arrived || z.record.Begun.IsZero() && recorded.zones[j].record.inWork()) {
			s.fail("%v after %c, for which nobody has given their word", action, 'a'+j)
		}
	}
}

func (s *small) servingBeside(i int) (serving int) {
	for j := range s.zones {
		if j != i && s.zones[j].serves() {
			serving++
		}
	}
	return serving
}

func (s *search) checkReads(from small, action Action, i int) {
	z := &from.zones[i]
	if action.Type == RestoreReads {
		switch {
		case z.content == '-' || z.health != 'h':
			s.fail("%v, which is not healthy", action)
		case from.word:
		case z.written && (z.backlog || z.lost):
			s.fail("%v, which lacks samples", action)
		case z.emptied:
			s.fail("%v, which came back empty", action)
		}
		return
	}
	if from.servingBeside(i) == 0 {
		s.fail("%v leaves nothing to read from", action)
	}
	for j := range from.zones {
		other := &from.zones[j]
		if j == i || other.skipped || z.health != 'h' || z.drained || z.emptied || z.record.inFlight() || z.content == '-' || other.content == '-' {
			continue
		}
		if other.health != 'h' || other.drained {
			s.fail("%v, which is healthy, while %c is out", action, 'a'+j)
		}
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
		for _, at := range []*time.Time{&r.Clock, &r.Quiet} {
			if !at.IsZero() {
				*at = noon.Add(-smallTimeout)
			}
		}
	}
	s.reach(passed)
	loaded := from
	loaded.load()
	s.reach(loaded)
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
			to.want, to.aborted = want, false
			for i := range to.zones {
				to.zones[i].arrived, to.zones[i].goAhead, to.zones[i].skipped = false, false, false
			}
			s.reach(to)
		}
	}
	if from.aborts > 0 {
		to := from
		to.aborts--
		to.aborted = !to.aborted // the next word is retry
		s.reach(to)
	}
	for i := range from.zones {
		if to := from; from.approvals > 0 && !from.zones[i].goAhead {
			to.approvals--
			to.zones[i].goAhead = true
			s.reach(to)
		}
		if to := from; from.skips > 0 {
			to.skips--
			to.zones[i].skipped = !to.zones[i].skipped // the next word is retry
			s.reach(to)
		}
	}
	if from.pauses > 0 {
		to := from
		to.pauses--
		to.paused = !to.paused
		s.reach(to)
	}
}

func (s *search) befall(from small, i int) {
	step := func(may bool, change func(to *small, z *smallZone)) {
		if may {
			to := from
			change(&to, &to.zones[i])
			s.reach(to)
		}
	}
	z := &from.zones[i]
	exists := z.content != '-'
	step(exists && z.health == 'h' && z.backlog, func(_ *small, z *smallZone) { z.backlog = false })
	step(z.backlog && z.health != 'h' && from.drops > 0, func(to *small, z *smallZone) { to.drops--; z.dropped++; z.lost = true })
	step(z.closed && from.reopenings > 0, func(to *small, z *smallZone) { to.reopenings--; z.closed = false })
	step(exists && z.health == 'w', func(_ *small, z *smallZone) { z.health, z.byUs = 'h', false })
	step(exists && z.health == 'd', func(_ *small, z *smallZone) { z.content, z.health, z.byUs, z.emptied = '-', 'h', false, true })
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
func (s *search) settles(from small, settled map[uint64]bool) string {
	at, path := from, []small{}
	for !settled[maphash.Comparable(s.seed, at)] {
		if path = append(path, at); len(path) > 60 {
			return "60 passes do not end it"
		}
		o := at.observe()
		d := Decide(o)
		next := at.onward(d)
		if next == at {
			if s := Summarise(o, d); !s.Finished() && !at.paused && s.UpdateStatus != StatusFailed && !s.is("Degraded") && !waitsForApproval(&d) {
				return fmt.Sprintf("it ends with %+v", s)
			}
			if complaint := at.leftDrained(d); complaint != "" {
				return complaint
			}
			break
		}
		at = next
	}
	for _, state := range path {
		settled[maphash.Comparable(s.seed, state)] = true
	}
	return ""
}

// onward carries a decision out, lets the operator do all that it can, and time
// pass.
func (s small) onward(d Decision) small {
	for i := range s.zones {
		z := &s.zones[i]
		z.record, z.skipped = timeless(d.Zones[i].Record), d.Zones[i].Skipped
		z.record.Finished = time.Time{}
		if !z.record.Quiet.IsZero() {
			z.record.Quiet = noon.Add(-smallTimeout)
		}
		switch {
		case d.Action.Type != Nothing && i == int(d.Action.Cluster[0]-'a'):
		case z.health == 'w':
			z.health, z.byUs = 'h', false
		case z.health == 'd':
			z.content, z.health, z.emptied = '-', 'h', true
		case z.health == 'h':
			z.backlog = false
		}
	}
	if d.Action.Type != Nothing {
		i := int(d.Action.Cluster[0] - 'a')
		s.carryOut(d.Action.Type, i)
		s.note(d.Action.Type, i)
	} else {
		s.load()
	}
	return s
}

// leftDrained says which zone is left without its reads, and nobody told.
func (s *small) leftDrained(d Decision) string {
	for i := range s.zones {
		z := &d.Zones[i]
		if s.zones[i].drained && !s.paused && !z.Hold && z.Record.Phase != Failed && s.zones[i].health == 'h' {
			return fmt.Sprintf("zone %s is left drained, and nothing says why: %+v", z.Name, z)
		}
	}
	return ""
}

// TestNoReachableStateBreaksARule visits every state of the small model, with
// two kinds of trouble at a time: with VMDC_TEST_LONG all pairs of them, else those
// with an edit or a crash.
func TestNoReachableStateBreaksARule(t *testing.T) {
	var states, steps atomic.Int64
	t.Run("pairs", func(t *testing.T) {
		for a := range troubles {
			for b := range a + 1 {
				if long := os.Getenv("VMDC_TEST_LONG") != ""; !long && b > 1 {
					continue // an edit or a crash, and something else
				}
				start := small{want: 'n'}
				for i := range start.zones {
					start.zones[i] = smallZone{uid: 1, content: 'o', health: 'h', record: Record{Phase: Ready, Since: noon, Revision: "o", UID: "1"}}
				}
				*troubles[a].budget(&start)++
				*troubles[b].budget(&start)++
				t.Run(troubles[b].name+" and "+troubles[a].name, func(t *testing.T) {
					t.Parallel()
					s := explore(t, start)
					states.Add(int64(len(s.seen)))
					steps.Add(int64(s.edges))
				})
			}
		}
	})
	t.Logf("%d states, %d steps", states.Load(), steps.Load())
}

// TestNoReachableStateBeginsAZoneThatNobodyHasApproved visits every state in which each
// zone but the first waits for the user, with one kind of trouble at a time.
func TestNoReachableStateBeginsAZoneThatNobodyHasApproved(t *testing.T) {
	states := 0
	for _, trouble := range troubles {
		start := small{want: 'n', gated: true, approvals: 2}
		for i := range start.zones {
			start.zones[i] = smallZone{uid: 1, content: 'o', health: 'h', record: Record{Phase: Ready, Since: noon, Revision: "o", UID: "1"}}
		}
		*trouble.budget(&start)++
		states += len(explore(t, start).seen)
	}
	t.Logf("%d states", states)
}

// troubles are what may happen from outside.
var troubles = []struct {
	name   string
	budget func(*small) *int8
}{
	{"edits", func(s *small) *int8 { return &s.edits }},
	{"crashes", func(s *small) *int8 { return &s.crashes }},
	{"pauses", func(s *small) *int8 { return &s.pauses }},
	{"breaks", func(s *small) *int8 { return &s.breaks }},
	{"deletions", func(s *small) *int8 { return &s.deletions }},
	{"drifts", func(s *small) *int8 { return &s.drifts }},
	{"fails", func(s *small) *int8 { return &s.fails }},
	{"reopenings", func(s *small) *int8 { return &s.reopenings }},
	{"drops", func(s *small) *int8 { return &s.drops }},
	{"aborts", func(s *small) *int8 { return &s.aborts }},
	{"skips", func(s *small) *int8 { return &s.skips }},
}

func explore(t *testing.T, start small) *search {
	t.Helper()
	s := &search{seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
	s.reach(start)
	settled := map[uint64]bool{}
	for n := 0; n < len(s.queue) && s.fault == ""; n++ {
		state := s.queue[n]
		s.now = int32(n)
		s.pass(state)
		s.outside(state)
		if complaint := s.settles(state, settled); complaint != "" {
			s.fail("%s", complaint)
		}
	}
	if s.fault == "" {
		return s
	}
	text := ""
	for at := s.now; ; at = s.from[at] {
		text = fmt.Sprintf("%+v\n%s", s.queue[at], text)
		if at == 0 {
			break
		}
	}
	t.Fatalf("%s, after\n%s", s.fault, text)
	return nil
}
