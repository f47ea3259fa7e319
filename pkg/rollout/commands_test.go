// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"time"
)

// command is something that the user does.
func (w *world) command() {
	object := w.object
	switch zones := len(object.zones); w.random.IntN(33) {
	case 0, 1, 2, 3, 4, 5, 6:
		w.edit(w.random.IntN(3) > 0)
	case 7, 8, 9:
		w.say("user: paused=%t", !object.paused)
		w.replace(func(o *modelObject) { o.paused = !o.paused })
	case 10:
		if zones > 1 {
			w.removeZone(object.zones[w.random.IntN(zones)].name)
		}
	case 11, 12:
		if name := oneOf(w.random, "a", "b", "c", "d"); object.zone(name) == nil {
			zone, at := w.newZone(name), w.random.IntN(zones+1)
			w.say("user: adds %+v at %d", zone, at)
			w.respec(func(o *modelObject) { o.zones, o.begun = slices.Insert(o.zones, at, zone), w.now })
		}
	case 13:
		w.say("user: reorders the zones")
		order := w.random.Perm(zones)
		w.replace(func(o *modelObject) {
			for i, from := range order {
				o.zones[i] = object.zones[from]
			}
		})
	case 14, 15:
		strategy := w.anyStrategy()
		w.say("user: strategy is %+v", strategy)
		w.replace(func(o *modelObject) { o.strategy = strategy })
	case 16:
		w.say("user: storage may be taken away: %t", !object.permit)
		w.replace(func(o *modelObject) { o.permit = !o.permit })
	case 17:
		w.scrape = true
		w.dirty = true
		w.say("the VMAgent needs a write")
	case 18, 19:
		w.deleteObject()
	case 20, 21:
		called := !object.aborted || w.random.IntN(2) == 0
		w.say("user: aborts (or tries again): %t", called)
		w.replace(func(o *modelObject) { o.aborted = called })
	case 22, 23:
		zone := oneOf(w.random, object.zones...)
		w.say("user: gives their word for %s at %s", zone.name, zone.want)
		w.replace(func(o *modelObject) { o.word[zone.name] = zone.want })
	case 24, 25:
		zone := oneOf(w.random, object.zones...)
		w.say("user: lets %s be changed to %s", zone.name, zone.want)
		w.replace(func(o *modelObject) { o.goAhead[zone.name] = zone.want })
	case 26, 27, 28:
		zone := oneOf(w.random, object.zones...)
		w.say("user: skips %s at %s", zone.name, zone.want)
		w.replace(func(o *modelObject) { o.skipped[zone.name] = zone.want })
	case 29:
		zone := oneOf(w.random, object.zones...)
		w.say("user: tries %s again", zone.name)
		w.replace(func(o *modelObject) { delete(o.skipped, zone.name) })
	case 30:
		w.restart()
	case 31, 32:
		w.undo()
	}
}

// restart has every zone that runs what is wanted do so once more. It is refused where
// anything else is to become of one.
func (w *world) restart() {
	for _, zone := range w.object.zones {
		if cluster, exists := w.clusters[zone.name]; !exists || cluster.content != zone.want || w.object.stopped() || w.object.skips(&zone) || !is(zone.want, good) {
			return
		}
	}
	w.say("user: restarts all zones")
	w.replace(func(o *modelObject) {
		o.begun = w.now
		for i := range o.zones {
			o.zones[i].want = w.newContent(good)
			w.forgetOverwrites(o.zones[i].name)
		}
	})
}

// undo goes back to what the zones were brought to before, in the place of what spec asks
// for; at times nobody knows any more what that was. Said once more, it is taken back.
func (w *world) undo() {
	lost := w.random.IntN(4) == 0
	w.say("user: undoes %t, to what is lost %t", w.object.undone == nil, lost)
	if w.object.undone != nil {
		w.respec(func(o *modelObject) { o.begun = w.now })
		return
	}
	w.replace(func(o *modelObject) {
		o.begun = w.now
		o.undone = &modelUndo{spec: map[string]string{}, lost: lost}
		for i := range o.zones {
			zone := &o.zones[i]
			o.undone.spec[zone.name] = zone.want
			if was := o.records[zone.name].Revision; was != "" && !lost {
				zone.want = was
			}
		}
	})
	for _, zone := range w.object.zones {
		w.forgetOverwrites(zone.name)
	}
}

// respec is another spec, which ends an undoing.
func (w *world) respec(change func(*modelObject)) {
	undone := w.object.undone != nil
	w.replace(func(o *modelObject) {
		o.redo()
		change(o)
	})
	for _, zone := range w.object.zones {
		if undone {
			w.forgetOverwrites(zone.name)
		}
	}
}

// holdOrRelease is what stops a rollout beside a pause.
func (w *world) holdOrRelease() {
	if w.random.IntN(2) == 0 {
		w.say("user: observes only: %t", !w.object.observing)
		w.replace(func(o *modelObject) { o.observing = !o.observing })
		return
	}
	w.halted, w.dirty = !w.halted, true
	w.say("user: halts all objects: %t", w.halted)
}

func (w *world) deleteObject() {
	if w.object.deletion != nil || w.random.IntN(3) > 0 {
		return
	}
	how := &Deletion{Retain: w.random.IntN(3) == 0, NamespaceTerminating: w.random.IntN(6) == 0}
	w.say("user: deletes the object, %+v", *how)
	w.replace(func(o *modelObject) { o.deletion = how })
	for _, zone := range w.object.zones {
		w.referred[zone.name] = w.random.IntN(4) == 0
	}
}

// edit gives one or all zones a new content, or an earlier one.
func (w *world) edit(all bool) {
	one := w.random.IntN(len(w.object.zones))
	kind := oneOf(w.random, good, good, good, good, good, good, bad, shrink, refused)
	undo := w.random.IntN(6) == 0
	w.respec(func(o *modelObject) {
		o.aborted, o.begun = false, w.now
		for i := range o.zones {
			if !all && i != one {
				continue
			}
			zone := &o.zones[i]
			want := w.newContent(kind)
			if cluster, exists := w.clusters[zone.name]; undo && exists {
				want = cluster.content
			} else if was := o.records[zone.name].Revision; undo && was != "" {
				want = was
			}
			w.say("user: wants %s in %s", want, zone.name)
			zone.want = want
			w.forgetOverwrites(zone.name)
		}
	})
}

func (w *world) forgetOverwrites(name string) {
	w.overwrites[name], w.uncounted[name] = 0, 0
	if cluster, exists := w.clusters[name]; exists {
		cluster.landed = ""
		w.clusters[name] = cluster
	}
}

// removeZone takes an entry out. With it goes what is remembered.
func (w *world) removeZone(name string) {
	w.say("user: takes %s out of the list", name)
	w.respec(func(o *modelObject) {
		o.zones, o.begun = slices.DeleteFunc(o.zones, func(z modelZone) bool { return z.name == name }), w.now
		// Whoever comes back before the next pass is remembered, as in status.
	})
	w.absolve(name)
}

// absolve ends our responsibility for what a cluster goes through.
func (w *world) absolve(name string) {
	delete(w.finished, name)
	delete(w.written, name)
	delete(w.emptied, name)
	w.forgetOverwrites(name)
	if cluster, exists := w.clusters[name]; exists {
		cluster.byUs = false
		w.clusters[name] = cluster
	}
}

// mischief is something that befalls a cluster, or the store.
func (w *world) mischief() {
	names := w.names()
	if len(names) == 0 {
		return
	}
	name := oneOf(w.random, names...)
	switch w.random.IntN(26) {
	case 16, 17, 18, 19, 20, 21, 22:
		w.mischiefOnReads()
	case 23, 24, 25:
		w.mischiefOnQueues()
	case 0, 1, 2, 3, 4:
		w.driftAway(name)
	case 5, 6:
		w.say("workloads of %s break", name)
		w.change(name, func(c *modelCluster) { c.workloads, c.byUs = -1, false })
	case 7, 8:
		w.say("%s is stuck: %t", name, !w.clusters[name].stuck)
		w.change(name, func(c *modelCluster) { c.stuck = !c.stuck })
	case 9, 10:
		w.say("somebody sets paused of %s: %t", name, !w.clusters[name].paused)
		w.change(name, func(c *modelCluster) { c.paused, c.byUs = !c.paused, false; c.generation++ })
	case 11, 12:
		w.say("somebody deletes %s", name)
		w.change(name, func(c *modelCluster) { c.deleting, c.byUs = true, false })
		w.forgetOverwrites(name)
	case 13:
		w.say("somebody else claims %s", name)
		w.change(name, func(c *modelCluster) { c.owner = oneOf(w.random, Foreign, Unmarked) })
	case 14:
		w.now = w.now.Add(25 * time.Hour)
		w.say("a day passes")
		clear(w.overwrites) // may have been forgotten
		clear(w.uncounted)
	case 15:
		w.say("the store is lost, and the manifest applied again")
		w.replace(func(o *modelObject) { clear(o.records) })
		for _, zone := range w.object.zones {
			w.absolve(zone.name)
			if len(w.drained(zone.name)) > 0 {
				w.written[zone.name] = true // nobody knows whether it was
			}
		}
	}
}

// mischiefOnReads is something that befalls a VMUser, or a VMAuth.
func (w *world) mischiefOnReads() {
	names := w.userNames()
	if len(names) == 0 {
		return
	}
	name := oneOf(w.random, names...)
	switch w.random.IntN(8) {
	case 0, 1, 2:
		w.say("GitOps puts back %s", name)
		w.changeUser(name, func(u *modelUser) { u.open = u.listed })
	case 3:
		w.say("somebody undoes the drain of %s by hand", name)
		w.changeUser(name, func(u *modelUser) { u.open, u.drain = u.listed, nil })
	case 4:
		w.say("another object drains %s: %t", name, !w.users[name].foreign)
		w.changeUser(name, func(u *modelUser) { u.foreign = !u.foreign })
	case 5, 6:
		i := w.random.IntN(len(w.replicas))
		w.say("VMAuth replica %d starts anew", i)
		w.reload(i)
		w.dirty = true
	case 7:
		w.editUser(name)
	}
}

// editUser is a change by the owner of a VMUser, who knows of no drain.
func (w *world) editUser(name string) {
	zone := oneOf(w.random, "a", "b", "c", "d")
	user := w.users[name]
	if !slices.Contains(user.listed, zone) || len(user.listed) == 1 || user.drain != nil {
		return
	}
	w.say("%s no longer leads to %s", name, zone)
	w.changeUser(name, func(u *modelUser) { u.listed = without(u.listed, zone); u.open = u.listed })
}

// mischiefOnQueues is something that befalls the VMAgent.
func (w *world) mischiefOnQueues() {
	if len(w.agents) == 0 {
		return
	}
	i := w.random.IntN(len(w.agents))
	switch w.random.IntN(4) {
	case 0, 1:
		w.say("vmagent-%d starts anew", i)
		w.restartAgent(i)
	case 2:
		w.agents[i].silent = !w.agents[i].silent
		w.say("vmagent-%d is silent: %t", i, w.agents[i].silent)
	case 3:
		w.traffic = !w.traffic
		w.say("samples come in: %t", w.traffic)
	}
}

// calmPaths ends all faults on them.
func (w *world) calmPaths() {
	for _, name := range w.userNames() {
		w.changeUser(name, func(u *modelUser) { u.foreign = false })
	}
	for _, agent := range w.agents {
		agent.silent = false
	}
	w.small = false
}

// driftAway is a change by somebody else, of the content alone or of the whole
// object with the marks in it.
func (w *world) driftAway(name string) {
	whole, content := w.random.IntN(3) == 0, w.newContent(drift)
	w.say("somebody writes %s to %s, marks too: %t", content, name, whole)
	w.change(name, func(c *modelCluster) {
		c.write(content)
		c.byUs = false
		if zone := w.object.zone(name); whole {
			c.applied = ""
			if zone == nil || !zone.inline {
				c.owner = Unmarked
			}
		}
	})
}
