// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"strings"
)

// isServing is true for a zone that can be read from, by what is true.
func (w *world) isServing(zone *modelZone) bool {
	cluster, exists := w.clusters[zone.name]
	ours := exists && cluster.owner != Foreign && (!zone.inline || cluster.owner == Ours)
	return ours && cluster.healthy() && len(w.drained(zone.name)) == 0 && !w.emptied[zone.name]
}

// isRouted is true for a zone that a VMUser leads to, or led to.
func (w *world) isRouted(zone string) bool {
	for _, user := range w.users {
		if slices.Contains(user.open, zone) || user.drainedOf(zone) {
			return true
		}
	}
	return false
}

// remaining are the zones that are left to read from without one.
func (w *world) remaining(name string) (remaining int) {
	routed := false
	for i := range w.object.zones {
		other := w.object.zones[i].name
		routed = routed || other != name && w.isRouted(other)
	}
	for i := range w.object.zones {
		zone := &w.object.zones[i]
		if zone.name != name && w.isServing(zone) && (!routed || !w.isRouted(name) || w.isRouted(zone.name)) {
			remaining++
		}
	}
	return remaining
}

// checkOthers: not more zones are out, by us or by themselves, than may be, and
// enough are left.
func (w *world) checkOthers(name string) {
	out, halted := 0, ""
	for _, other := range w.object.zones {
		cluster, exists := w.clusters[other.name]
		if other.name == name {
			continue
		}
		if exists && !w.object.skips(&other) && (!cluster.healthy() || len(w.drained(other.name)) > 0) {
			out++
		}
		if record := w.object.records[other.name]; losses(record.Baseline.Marks()) != "" && w.object.word[other.name] != other.want {
			halted = other.name
		}
	}
	if out >= w.object.strategy.MaxUnavailable {
		w.fail("the healthy %s is touched while %d others are out", name, out)
	}
	if remaining := w.remaining(name); remaining < w.object.strategy.MinAvailableZones {
		w.fail("touching %s leaves %d zones", name, remaining)
	}
	if halted != "" && w.observeQueues(halted).Gate != NoGate {
		w.fail("%s is touched after %s has lost samples", name, halted)
	}
}

// checkDrain: a drain leaves enough zones; one of what is gone or broken leaves
// one.
func (w *world) checkDrain(d Decision) {
	name := d.Action.Cluster
	cluster, exists := w.clusters[name]
	remaining, again := w.remaining(name), len(w.drained(name)) > 0
	switch {
	case w.object.deletion != nil:
		w.fail("%s is drained by an object on its way out", name)
	case remaining == 0:
		w.fail("draining %s leaves nothing to read from", name)
	case len(d.Successors) == 0 || remaining < len(d.Successors):
		w.fail("draining %s names %v, %d are left", name, d.Successors, remaining)
	case !exists || !cluster.healthy() || again || w.object.records[name].Emptied || w.object.records[name].inFlight():
	default:
		w.checkOthers(name)
	}
	if n := w.object.records[name].Redrained; n > maxRedrained {
		w.fail("%s is drained for the %dth time", name, n)
	}
}

// checkUnread: nobody is led to a healthy zone that is about to be written, or
// reads from it, unless there is nobody else to read from.
func (w *world) checkUnread(name string) {
	if w.remaining(name) == 0 {
		return // spec.strategy.minAvailableZones says so
	}
	if open := observeReads(w.users, w.object, name).Open; len(open) > 0 {
		w.fail("%s is written while %v lead to it", name, open)
	}
	w.note()
	if readers := w.readers(name); len(readers) > 0 {
		w.fail("%s is written while it is read from: %s", name, strings.Join(readers, ", "))
	}
	if !w.object.records[name].drained() {
		return // its owner has taken it out, so nobody knows when
	}
	last, ever := w.routed[name]
	if ever && !w.idle(name) && w.now.Sub(last) < w.object.strategy.GracePeriod {
		w.fail("%s is written %s after the last read began", name, w.now.Sub(last))
	}
}

// checkRestore: only a healthy zone that holds all samples is given back, or one
// of which the user has said so.
func (w *world) checkRestore(name string) {
	cluster, exists := w.clusters[name]
	if !exists || !cluster.healthy() {
		w.fail("%s is given back and not healthy: %+v", name, cluster)
	}
	if zone := w.object.zone(name); zone != nil && w.object.word[name] == zone.want {
		return
	}
	if backlog := w.backlog(name); w.written[name] && backlog != "" {
		w.fail("%s is given back though %s", name, backlog)
	}
	if w.written[name] && w.observeQueues(name).Gate == Unclear {
		w.fail("%s is given back though its queues can't be told", name)
	}
	if w.emptied[name] {
		w.fail("%s is given back though it came back empty", name)
	}
}

// checkForget: only the record of what is gone, and no zone any more, is dropped.
func (w *world) checkForget(name string) {
	if _, exists := w.clusters[name]; exists || w.object.zone(name) != nil && w.object.deletion == nil {
		w.fail("the drain of %s is forgotten, which exists or is a zone", name)
	}
}

// checkDrainsExplained: no zone is left drained unless status says why.
func (w *world) checkDrainsExplained(o Observed, d Decision, s Summary) {
	for _, name := range w.userNames() {
		drain := w.users[name].drain
		if drain == nil {
			continue
		}
		for _, zone := range drain.zones {
			told := o.held() || o.Deletion != nil || w.object.zone(zone) == nil
			for i := range d.Zones {
				z := &d.Zones[i]
				told = told || z.Name == zone && (z.Hold || z.Record.Phase == Failed || s.is("Degraded"))
			}
			if s.Complete() || !told {
				w.fail("%s is left drained of %s, and nothing says why: %+v", name, zone, d.Zones)
			}
		}
	}
}

// onlyByWord is true for a zone that waits for the user, and has a reason to.
func (w *world) onlyByWord(name string, state *ZoneState) bool {
	if !state.Hold {
		return false
	}
	switch state.Reason {
	case ReasonEmptied:
		return w.object.records[name].Emptied
	case ReasonMinAvailableZones:
		for _, record := range w.object.records {
			if record.Emptied {
				return true
			}
		}
	case ReasonQueuesUnclear:
		return w.gates[name] == Unclear
	case ReasonDataDropped:
		return true
	case ReasonContended:
		return w.object.records[name].Contended != "" || state.Record.Contended != ""
	}
	return false
}

// tooFewAtAll is true where not enough others can ever be left.
func (w *world) tooFewAtAll(o Observed) bool {
	routed := 0
	for i := range o.Zones {
		if o.Zones[i].routed() {
			routed++
		}
	}
	minimum := o.Strategy.MinAvailableZones
	return len(o.Zones)-1 < minimum || routed > 0 && routed-1 < minimum
}

// noteRecord sees the work on a zone begin and end.
func (w *world) noteRecord(name string, before, after Record) {
	if before.Begun.IsZero() && !after.Begun.IsZero() || before.Baseline == "" && after.Baseline != "" {
		w.forgive(name) // what was dropped before there was a baseline is not to be known
	}
	if before.inWork() && !after.inWork() {
		delete(w.written, name)
	}
	if after.UID != "" && before.UID != after.UID && before.UID != "" && w.isRouted(name) {
		w.emptied[name] = true
	}
	if zone := w.object.zone(name); !w.isRouted(name) || zone != nil && w.object.word[name] == zone.want {
		delete(w.emptied, name)
	}
}

// keptByDrain is true where an object on its way out waits for what only the user
// can bring about: nothing comes back to what is gone, or lacks samples.
func (w *world) keptByDrain(d *Decision) bool {
	for _, name := range w.userNames() {
		drain := w.users[name].drain
		if drain == nil {
			continue
		}
		for _, zone := range drain.zones {
			if cluster, exists := w.clusters[zone]; !exists || !cluster.healthy() {
				return true
			}
			for _, state := range slices.Concat(d.Zones, d.Strays) {
				if state.Name == zone && w.onlyByWord(zone, &state) {
					return true
				}
			}
		}
	}
	return false
}
