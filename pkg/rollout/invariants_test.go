// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"maps"
	"slices"
)

// carryOut does what was decided, after checking that it may be done.
func (w *world) carryOut(o Observed, d Decision, crashes func() bool) {
	name := d.Action.Cluster
	if d.Action.Type == Nothing {
		return
	}
	w.actions[d.Action.Type]++
	if w.checkAction(d); w.complaint != "" {
		w.fail("%s\nobserved %s", w.complaint, describe(o))
		return
	}
	if !d.Action.ofReads() && crashes() {
		w.say("conflict, or no answer: nothing was written")
		w.dirty = true
		return
	}
	zone := w.object.zone(name)
	switch d.Action.Type {
	case DrainReads:
		if w.drainReads(name, d.Successors, crashes) && !crashes() {
			w.replace(func(o *modelObject) {
				record := o.records[name]
				record.DrainDone = true
				o.records[name] = record
			})
		}
	case RestoreReads:
		w.restoreReads(name, crashes)
	case ForgetDrain:
		w.forgetDrain(name, crashes)
	case CreateCluster:
		if w.object.records[name].Phase == Failed {
			w.uncounted[name]++ // that the creation was overdue hides that it landed
		}
		w.next++
		w.clusters[name] = modelCluster{uid: w.next, content: zone.want, generation: 1, owner: Ours, applied: zone.want, landed: zone.want, byUs: true}
	case UpdateCluster:
		w.update(zone, crashes)
	case MarkCluster:
		w.change(name, func(c *modelCluster) { c.owner, c.applied = Ours, zone.want })
	case ReleaseCluster:
		w.change(name, func(c *modelCluster) { c.owner, c.applied, c.byUs = Unmarked, "", false })
	case DeleteCluster:
		w.change(name, func(c *modelCluster) { c.deleting = true })
	case ConfigureScrape:
		w.scrape = false
	case Finalize:
		w.gone, w.end = true, "gone"
	}
	w.dirty = true
}

func (w *world) update(zone *modelZone, crashes func() bool) {
	if cluster := w.clusters[zone.name]; cluster.landed == zone.want {
		w.overwrites[zone.name]++
		if made, allowed := w.overwrites[zone.name], maxReapplied+w.uncounted[zone.name]; made > allowed {
			w.fail("the change of somebody else to %s was overwritten %d times, want %d at most", zone.name, made, allowed)
		}
	}
	w.written[zone.name] = true
	w.change(zone.name, func(c *modelCluster) {
		c.write(zone.want)
		c.owner, c.applied, c.landed, c.byUs = Ours, zone.want, zone.want, true
	})
	if crashes() {
		w.say("crash before the generation is noted")
		w.uncounted[zone.name]++
		return
	}
	w.replace(func(o *modelObject) {
		record := o.records[zone.name]
		record.Generation = w.clusters[zone.name].generation
		o.records[zone.name] = record
	})
}

// checkAction holds an action against the rules, by what is true.
func (w *world) checkAction(d Decision) {
	object, action := w.object, d.Action
	if action.Type == DrainReads {
		w.checkDrain(d)
	}
	if action.Type == RestoreReads {
		w.checkRestore(action.Cluster)
	}
	if action.Type == ForgetDrain {
		w.checkForget(action.Cluster)
	}
	if w.halted && action.Type != Finalize {
		w.fail("%v while all is halted", action)
	}
	if object.deletion != nil {
		w.checkLeaving(action)
		return
	}
	if object.paused || object.observing {
		w.fail("%v while paused (%t) or observing (%t)", action, object.paused, object.observing)
	}
	zone := object.zone(action.Cluster)
	cluster, exists := w.clusters[action.Cluster]
	if zone == nil && action.Type != ReleaseCluster && action.Type != ConfigureScrape && !action.ofReads() {
		w.fail("%v, which is no zone", action)
		return
	}
	if writes := action.Type == CreateCluster || action.Type == UpdateCluster || action.Type == MarkCluster; writes && object.skips(zone) {
		w.fail("%v, which was skipped", action)
	}
	switch action.Type {
	case DrainReads, RestoreReads, ForgetDrain:
	case CreateCluster:
		if exists || !zone.inline {
			w.fail("%v though it exists, or is not ours to create", action)
		}
		if w.object.stopped() {
			w.fail("%v though it was called off", action)
		}
	case UpdateCluster:
		w.checkUpdate(zone, &cluster, exists)
	case MarkCluster:
		if !exists || cluster.content != zone.want || cluster.owner == Ours && cluster.applied == zone.want {
			w.fail("%v though nothing but marks may and must differ: %+v, want %s", action, cluster, zone.want)
		}
	case ReleaseCluster:
		if zone != nil || cluster.owner != Ours {
			w.fail("%v though it is a zone, or not ours", action)
		}
	case ConfigureScrape:
		if !w.scrape {
			w.fail("%v though nothing is missing", action)
		}
	default:
		w.fail("%v of an object that stays", action)
	}
}

func (w *world) checkUpdate(zone *modelZone, cluster *modelCluster, exists bool) {
	switch {
	case !exists || cluster.deleting:
		w.fail("update of %s, which is not there or going", zone.name)
	case cluster.content == zone.want:
		w.fail("update of %s though nothing differs", zone.name)
	case cluster.owner == Foreign || zone.inline && cluster.owner != Ours:
		w.fail("update of %s, which is not ours", zone.name)
	case is(zone.want, refused) || is(zone.want, shrink) && !w.object.permit:
		w.fail("update of %s to %s, which is refused", zone.name, zone.want)
	}
	if w.object.stopped() {
		w.fail("update of %s though it was called off", zone.name)
	}
	w.checkSingleDisruption(zone, cluster)
	if cluster.healthy() {
		w.checkHealthyTouched(zone)
	}
}

// checkSingleDisruption: no more clusters at a time than are allowed between our
// write and health.
func (w *world) checkSingleDisruption(zone *modelZone, cluster *modelCluster) {
	working := 0
	for _, other := range w.object.zones {
		c, exists := w.clusters[other.name]
		if other.name == zone.name || !exists || !c.byUs || c.healthy() || w.object.skips(&other) {
			continue
		}
		record := w.object.records[other.name]
		over := !record.Started.IsZero() && w.now.Sub(record.Started) >= w.object.strategy.ReadyTimeout
		if cluster.healthy() || !c.failed() && !over {
			working++
		}
	}
	if working >= w.object.strategy.MaxUnavailable {
		w.fail("update of %s while %d others, which we have changed, have come neither to health nor to their end", zone.name, working)
	}
}

// checkHealthyTouched: all others are healthy, enough are left, and have baked,
// it is this one's turn, and nobody reads from it.
func (w *world) checkHealthyTouched(zone *modelZone) {
	before := true
	unfinished := w.object.records[zone.name]
	w.checkOthers(zone.name)
	for _, other := range w.object.zones {
		if other.name == zone.name {
			before = false
			continue
		}
		c, exists := w.clusters[other.name]
		if !exists || w.object.skips(&other) {
			continue
		}
		if end, ok := w.finished[other.name]; ok && w.now.Sub(end) < w.object.strategy.UpdatePause {
			w.fail("update of %s only %s after that of %s", zone.name, w.now.Sub(end), other.name)
		}
		// The record of this zone says that it is in flight by now; when it was
		// begun tells whether it was so before.
		inWork := !c.healthy() || w.object.records[other.name].inWork()
		if before && !inWork && c.content != other.want && unfinished.Started.Equal(w.now) && !unfinished.drained() {
			if record := w.object.records[other.name]; record.Phase == Refused || !w.wasUnfinished(zone.name) {
				w.fail("update of %s before %s, which comes first", zone.name, other.name)
			}
		}
	}
	w.checkApproved(zone)
	w.checkUnread(zone.name)
}

// checkApproved: no zone is written after another one, that had changed when it was begun,
// but by the word that the strategy asks for.
func (w *world) checkApproved(zone *modelZone) {
	object, record := w.object, w.object.records[zone.name]
	if object.strategy.Approval == "" || object.goAhead[zone.name] == zone.want {
		return
	}
	for _, other := range object.zones {
		end, ended := w.finished[other.name]
		cluster, exists := w.clusters[other.name]
		after := ended && !end.Before(object.begun) && end.Before(record.Begun) && exists && cluster.content == other.want
		if other.name == zone.name || !after || object.skips(&other) || !object.records[other.name].Finished.Equal(end) {
			continue
		}
		if object.strategy.Approval == EveryZone || !w.letGoOn() {
			w.fail("update of %s after that of %s, for which nobody has given their word", zone.name, other.name)
		}
	}
}

// letGoOn is true where the user has given their word for any zone.
func (w *world) letGoOn() bool {
	return slices.ContainsFunc(w.object.zones, func(z modelZone) bool { return w.object.goAhead[z.name] == z.want })
}

// waitsForApproval is true where the user has to give it.
func waitsForApproval(d *Decision) bool {
	return slices.ContainsFunc(d.Zones, func(z ZoneState) bool { return z.Reason == ReasonWaitingForApproval })
}

// wasUnfinished tells whether a zone was in flight before the last records were
// stored.
func (w *world) wasUnfinished(name string) bool {
	n := len(w.olderObjects)
	return n > 0 && w.olderObjects[n-1].records[name].inFlight()
}

func (w *world) checkLeaving(action Action) {
	zone := w.object.zone(action.Cluster)
	cluster, exists := w.clusters[action.Cluster]
	how := w.object.deletion
	if how.NamespaceTerminating && action.Type != Finalize {
		w.fail("%v in a terminating namespace", action)
	}
	switch action.Type {
	case RestoreReads, ForgetDrain:
	case ReleaseCluster:
		if !exists || cluster.owner != Ours || zone != nil && zone.inline && !how.Retain {
			w.fail("%v, which is to be deleted, or not ours", action)
		}
	case DeleteCluster:
		if !exists || cluster.owner != Ours || zone == nil || !zone.inline || how.Retain || cluster.deleting || w.referred[action.Cluster] {
			w.fail("%v, which is not to be deleted: %+v", action, cluster)
		}
	case ConfigureScrape:
		if !w.scrape {
			w.fail("%v though nothing is missing", action)
		}
	case Finalize:
		for _, name := range w.userNames() {
			if w.users[name].drain != nil && !how.NamespaceTerminating {
				w.fail("the object goes while %s is drained", name)
			}
		}
		for name, c := range w.clusters {
			if c.owner == Ours && !how.NamespaceTerminating {
				w.fail("the object goes while %s is still ours", name)
			}
		}
	default:
		w.fail("%v of an object on its way out", action)
	}
}

// checkEnd: the rollout is complete, or says what it waits for.
func (w *world) checkEnd() {
	o, d := w.decide(w.live())
	s := Summarise(o, d)
	w.checkDrainsExplained(o, d, s)
	w.say("the end: %s", told(s))
	w.end = s.UpdateStatus
	for i := range o.Zones {
		if z := &o.Zones[i]; !o.held() && !w.object.stopped() && o.Deletion == nil && z.Cluster != nil && !z.Cluster.Healthy() && outdated(z, &d.Zones[i]) {
			w.fail("%s is not healthy, and never receives what may repair it: %+v", z.Name, d.Zones)
		}
	}
	switch {
	case d.Action.Type != Nothing:
		w.fail("the controller rests though it is to do %v", d.Action)
	case o.Deletion != nil && w.keptByDrain(&d):
	case o.Deletion != nil && o.Halt == nil:
		w.fail("the object never goes: %+v", d.Zones)
	case s.Finished() || o.held() || waitsForApproval(&d):
	case w.mustComplete(o, d):
		w.fail("the rollout never ends, and nothing speaks against it: %s; %+v", told(s), d.Zones)
	case s.UpdateStatus != StatusFailed && !s.is("Degraded"):
		w.fail("the rollout never ends and is neither stalled nor degraded: %s; %+v", told(s), d.Zones)
	}
}

// mustComplete is true where nothing is in the way that only the user can take
// out of it.
func (w *world) mustComplete(o Observed, d Decision) bool {
	if w.tooFewAtAll(o) || w.object.stopped() || slices.ContainsFunc(o.Strays, func(s Stray) bool { return s.Drained() && ailing(&s.Zone) }) {
		return false
	}
	for i := range d.Strays {
		if w.onlyByWord(d.Strays[i].Name, &d.Strays[i]) {
			return false
		}
	}
	for i, zone := range w.object.zones {
		if is(zone.want, bad) || is(zone.want, refused) || is(zone.want, shrink) && !w.object.permit {
			return false
		}
		if w.overwrites[zone.name] >= maxReapplied || w.object.records[zone.name].Reapplied >= maxReapplied {
			return false
		}
		if w.onlyByWord(zone.name, &d.Zones[i]) {
			return false
		}
		if cluster, exists := w.clusters[zone.name]; d.Zones[i].Skipped && (!exists || !cluster.healthy() || len(w.drained(zone.name)) > 0) {
			return false // it serves nobody, or no other may be taken out of the same VMUser
		}
	}
	return !slices.Contains(slices.Collect(maps.Values(w.referred)), true)
}

// ofReads is true for what is written to VMUsers.
func (a Action) ofReads() bool {
	return a.Type == DrainReads || a.Type == RestoreReads || a.Type == ForgetDrain
}
