// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"time"
)

// modelUser is a VMUser. It is never changed, only replaced.
type modelUser struct {
	listed     []string    // the zones that its owner wants it to lead to
	open       []string    // those that it leads to
	drain      *modelDrain // our record
	foreign    bool        // another object has drained it
	generation int64
	applied    int64     // by the operator
	appliedAt  time.Time // when
}

// modelDrain is the record that is written in the same update as a drain, of all
// zones that are drained. It is never changed, only replaced.
type modelDrain struct {
	zones  []string
	before []string
}

// drainedOf is true for a VMUser that carries our record of a zone.
func (u *modelUser) drainedOf(zone string) bool {
	return u.drain != nil && slices.Contains(u.drain.zones, zone)
}

// redraw takes zones out of what the VMUser would lead to without any drain. Where
// nothing is left, others take over: lastTarget is FailOver.
func (u *modelUser) redraw(zones, others []string) {
	before := u.open
	if u.drain != nil {
		before = u.drain.before
	}
	for _, zone := range u.open { // what somebody has brought back, or added
		if !slices.Contains(before, zone) && slices.Contains(u.listed, zone) {
			before = append(slices.Clone(before), zone)
		}
	}
	u.open, u.drain = before, nil
	if len(zones) == 0 {
		return
	}
	u.drain = &modelDrain{zones, before}
	for _, zone := range zones {
		u.open = without(u.open, zone)
	}
	if len(u.open) == 0 {
		for _, other := range others {
			if !slices.Contains(zones, other) {
				u.open = append(slices.Clone(u.open), other)
			}
		}
	}
}

// modelVMAuth is one replica of the VMAuth: what it has loaded, and when.
type modelVMAuth struct {
	routes   map[string][]string
	versions map[string]int64
	loaded   time.Time
}

// readPath is everything between a reader and the zones.
type readPath struct {
	users    map[string]modelUser
	older    []map[string]modelUser // what a cache that is behind may still show
	config   map[string][]string    // as the operator has written it
	replicas [2]modelVMAuth
	reads    time.Duration        // how long a read takes
	routed   map[string]time.Time // when a replica was last seen to lead to a zone
	emptied  map[string]bool      // made anew, without a word since
	written  map[string]bool      // by us since the drain, not known to be flushed
}

func newReadPath() readPath {
	p := readPath{users: map[string]modelUser{}, config: map[string][]string{}, routed: map[string]time.Time{}, emptied: map[string]bool{}, written: map[string]bool{}}
	for i := range p.replicas {
		p.replicas[i] = modelVMAuth{routes: map[string][]string{}, versions: map[string]int64{}}
	}
	return p
}

// userNames are sorted: maps have no order, and a seed has to.
func (p *readPath) userNames() []string { return sortedKeys(p.users) }

func sortedKeys[T any](m map[string]T) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// addUser makes a VMUser that everybody has loaded.
func (w *world) addUser(name string, zones ...string) {
	w.users[name] = modelUser{listed: zones, open: zones, generation: 1, applied: 1, appliedAt: w.now}
	w.config[name] = zones
	for i := range w.replicas {
		w.replicas[i].routes[name], w.replicas[i].versions[name], w.replicas[i].loaded = zones, 1, w.now
	}
}

// changeUser replaces a VMUser, with a new generation where its routes change.
func (w *world) changeUser(name string, change func(*modelUser)) {
	user := w.users[name]
	before := user.open
	change(&user)
	if !slices.Equal(before, user.open) {
		user.generation++
	}
	w.users[name], w.dirty = user, true
	if len(user.open) == 0 {
		w.fail("VMUser %s is left without a target", name)
	}
}

// applyUsers lets the operator write what it has not written yet, and the
// replicas load it: all of it, or, with some luck, a part.
func (w *world) applyUsers(lucky func() bool) (changed bool) {
	for _, name := range w.userNames() {
		if user := w.users[name]; user.applied < user.generation && lucky() {
			user.applied, user.appliedAt = user.generation, w.now
			w.users[name], w.config[name] = user, user.open
			changed, w.dirty = true, true
			w.say("operator applies %s: %v", name, user.open)
		}
	}
	for i := range w.replicas {
		if w.replicas[i].behind(&w.readPath) && lucky() {
			w.reload(i)
			changed, w.dirty = true, true
		}
	}
	return changed
}

func (a *modelVMAuth) behind(p *readPath) bool {
	for name, user := range p.users {
		if a.versions[name] < user.applied {
			return true
		}
	}
	return false
}

func (w *world) reload(i int) {
	w.note() // what has been served until now
	replica := &w.replicas[i]
	replica.loaded = w.now
	for _, name := range w.userNames() {
		replica.routes[name], replica.versions[name] = w.config[name], w.users[name].applied
		if len(replica.routes[name]) == 0 {
			w.fail("replica %d has loaded %s without a target", i, name)
		}
	}
	w.say("VMAuth replica %d loads %v", i, replica.routes)
}

// note remembers which zones have been read from until now.
func (w *world) note() {
	for i := range w.replicas {
		for _, zones := range w.replicas[i].routes {
			for _, zone := range zones {
				w.routed[zone] = w.now
			}
		}
	}
}

// readers are the replicas that lead to a zone.
func (w *world) readers(zone string) (readers []string) {
	for i := range w.replicas {
		for _, name := range sortedKeys(w.replicas[i].routes) {
			if slices.Contains(w.replicas[i].routes[name], zone) {
				readers = append(readers, fmt.Sprintf("%s by replica %d", name, i))
			}
		}
	}
	return readers
}

// observeReads is what is to be seen of the VMUsers.
func observeReads(users map[string]modelUser, object *modelObject, zone string) Reads {
	reads := Reads{Listed: len(users) > 0}
	for _, name := range sortedKeys(users) {
		user := users[name]
		if slices.Contains(user.open, zone) {
			reads.Open = append(reads.Open, name)
		}
		switch {
		case user.drainedOf(zone):
			reads.Drained = append(reads.Drained, name)
		case slices.Contains(user.open, zone) && (user.foreign || user.drain != nil && slices.ContainsFunc(user.drain.zones, object.lacks)):
			reads.Busy = name + " to be free of another drain"
		}
	}
	return reads
}

// lacks is true for a zone that the list does not name.
func (o *modelObject) lacks(zone string) bool { return o.zone(zone) == nil }

// silence is after how long a replica that has loaded nothing is taken to have had
// nothing to load, where reads are given back: somebody else may have put all back.
const silence = 100 * time.Second

// loadedEvidence is judged against what the zone was last written for, and for every
// VMUser: one that led to the zone a moment ago, and was edited by its owner, can
// no longer be told from one that never did. What a silent replica has loaded,
// nobody knows.
func (w *world) loadedEvidence(zone *Zone) *Evidence {
	since, restores := zone.Written()
	for _, name := range w.userNames() {
		user := w.users[name]
		if user.applied < user.generation {
			return &Evidence{Text: name + " to be applied"}
		}
		silent := restores && w.now.Sub(user.appliedAt) >= silence
		for i := range w.replicas {
			if loaded := w.replicas[i].loaded; !silent && (loaded.Before(since) || w.replicas[i].versions[name] < user.generation) {
				return &Evidence{Text: fmt.Sprintf("replica %d to load %s", i, name)}
			}
		}
	}
	return &Evidence{Met: true, Text: "all have loaded it"}
}

// idle is true where no read is left in a zone.
func (w *world) idle(zone string) bool {
	last, ever := w.routed[zone]
	return len(w.readers(zone)) == 0 && (!ever || w.now.Sub(last) >= w.reads)
}

// drainReads takes a zone out of every VMUser that leads to it, one write each.
func (w *world) drainReads(zone string, successors []string, fails func() bool) (done bool) {
	done = true
	for _, name := range w.userNames() {
		user := w.users[name]
		if !slices.Contains(user.open, zone) {
			continue
		}
		if user.foreign || fails() {
			w.say("%s is not drained", name)
			done = false
			continue
		}
		w.changeUser(name, func(u *modelUser) {
			var zones []string
			if u.drain != nil {
				zones = u.drain.zones
			}
			u.redraw(append(without(zones, zone), zone), successors)
		})
		w.say("drained %s of %s: %v", name, zone, w.users[name].open)
	}
	return done
}

// restoreReads puts them back.
func (w *world) restoreReads(zone string, fails func() bool) {
	for _, name := range w.userNames() {
		user := w.users[name]
		if !user.drainedOf(zone) {
			continue
		}
		if fails() {
			w.say("%s is not restored", name)
			continue
		}
		w.changeUser(name, func(u *modelUser) { u.redraw(without(u.drain.zones, zone), []string{zone}) })
		w.say("restored %s: %v", name, w.users[name].open)
	}
}

// forgetDrain takes our record off and leaves what there is. Where that would leave nothing,
// since what is drained was put back by somebody and nobody else serves, it is not written.
func (w *world) forgetDrain(zone string, fails func() bool) {
	for _, name := range w.drained(zone) {
		user := w.users[name]
		rest, open := without(user.drain.zones, zone), user.open
		if len(rest) > 0 {
			user.redraw([]string{zone}, slices.Concat(rest, open)) // which comes back some day
		}
		if user.drain = nil; len(rest) > 0 {
			user.redraw(rest, slices.Concat(open, w.healthyZones()))
		}
		if len(user.open) == 0 || fails() {
			w.say("it is not forgotten that %s was drained of %s", name, zone)
			continue
		}
		w.changeUser(name, func(u *modelUser) { u.open, u.drain = user.open, user.drain })
		w.say("forgot that %s was drained of %s", name, zone)
	}
}

// healthyZones are those of the list that can take over.
func (w *world) healthyZones() (names []string) {
	for _, zone := range w.object.zones {
		if cluster, exists := w.clusters[zone.name]; exists && cluster.healthy() && !cluster.deleting {
			names = append(names, zone.name)
		}
	}
	return names
}

func without(zones []string, zone string) []string {
	return slices.DeleteFunc(slices.Clone(zones), func(z string) bool { return z == zone })
}

// drained are the VMUsers that carry our record for a zone.
func (w *world) drained(zone string) (names []string) {
	for _, name := range w.userNames() {
		if user := w.users[name]; user.drainedOf(zone) {
			names = append(names, name)
		}
	}
	return names
}
