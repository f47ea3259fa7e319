// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Would is what is still to be done about a zone.
type Would string

// The words of it.
const (
	// WouldDoNothing is for a zone that is as it should be, or that is not ours to
	// touch.
	WouldDoNothing Would = "Nothing"
	// WouldCreate makes its VMCluster.
	WouldCreate Would = "Create"
	// WouldMark writes to its VMCluster what leaves the spec as it is.
	WouldMark Would = "Mark"
	// WouldChange writes the spec of its VMCluster.
	WouldChange Would = "Change"
	// WouldFinish brings a zone that was taken into work to the end of it.
	WouldFinish Would = "Finish"
)

// Outlook is what is still to be done about a zone, and what stands against it now.
// It is found out by the guards that decide, before the step is chosen.
type Outlook struct {
	Would Would
	// Turn orders the zones whose turn is still to come and can come, from 1 on; 0
	// for all others.
	Turn int
	// Refusals are the guards that would refuse if it were its turn.
	Refusals []Refusal
}

// Refusal is why a zone must not be touched now.
type Refusal struct {
	Reason string
	// WaitingFor says what has to come about.
	WaitingFor string
	// Unasked is true where the guard lacks evidence that nobody has gathered yet, and
	// refuses for that alone.
	Unasked bool

	needs Need
}

// String is the refusal in words.
func (r Refusal) String() string { return fmt.Sprintf("%s: waits for %s", r.Reason, r.WaitingFor) }

func (l *Outlook) refuse(found *obstacle) {
	l.Refusals = append(l.Refusals, Refusal{Reason: found.reason, WaitingFor: found.waitingFor, Unasked: found.unasked, needs: found.needs})
}

// noteRefused notes what only the user can make possible, or has decided against. What is said of such a
// zone later may be about the work that it was taken into.
func noteRefused(d *Decision) {
	for i := range d.Zones {
		if state := &d.Zones[i]; state.refused || state.rests() {
			d.Outlook[i].refuse(&obstacle{reason: state.Reason, waitingFor: state.WaitingFor})
		}
	}
}

// noteObstacles asks all guards about a zone that has to be changed, as if its turn
// had come.
func noteObstacles(o *Observed, d *Decision, i int) {
	d.Outlook[i].Refusals = nil
	for found := range obstacles(o, d, i) {
		d.Outlook[i].refuse(found)
	}
	if found := unread(&o.Zones[i], &d.Zones[i].Record); found != nil && len(d.Outlook[i].Refusals) == 0 {
		d.Outlook[i].refuse(found)
	}
}

// noteQueue says where each zone stands before the next one is started: room is for
// how many there is room, and lead the one that all wait for, -1 for none.
func noteQueue(o *Observed, d *Decision, lead, room int) {
	var queue []int
	for i := range d.Zones {
		d.Outlook[i].Would = would(&o.Zones[i], &d.Zones[i])
		switch look := &d.Outlook[i]; {
		case waits(o, d, i):
			if noteObstacles(o, d, i); room <= 0 && len(look.Refusals) == 0 {
				look.refuse(&obstacle{reason: ReasonWaitingForOtherZone, waitingFor: fmt.Sprintf("zone %s, which is in work", d.Zones[lead].Name)})
			}
			queue = append(queue, i)
		case look.Would == WouldCreate || look.Would == WouldMark:
			if len(look.Refusals) == 0 && !d.Zones[i].inWork(&o.Zones[i]) {
				queue = append(queue, i)
			}
		}
	}
	// Those to be created or marked come first, in list order as all equals do.
	slices.SortStableFunc(queue, func(i, j int) int {
		return cmp.Compare(precedence(o, d, j), precedence(o, d, i))
	})
	for turn, i := range queue {
		d.Outlook[i].Turn = turn + 1
	}
}

// precedence ranks the zones whose turn is still to come.
func precedence(o *Observed, d *Decision, i int) int {
	if !waits(o, d, i) {
		return mostUrgent + 1
	}
	return urgency(o, d, i)
}

// would tells what is to be done about a zone.
func would(zone *Zone, state *ZoneState) Would {
	cluster := zone.Cluster
	switch {
	case state.Skipped && cluster != nil && state.inWork(zone):
		return WouldFinish
	case state.Skipped:
		return WouldDoNothing
	case cluster == nil && zone.Inline:
		return WouldCreate
	case cluster != nil && !cluster.Deleting && !zone.notOurs() && cluster.Difference == Spec:
		return WouldChange
	case state.inWork(zone):
		return WouldFinish
	case cluster != nil && !cluster.Deleting && !zone.notOurs() && cluster.Difference == Metadata:
		return WouldMark
	}
	return WouldDoNothing
}

// restraint is one thing for which nothing may be written about an object.
type restraint struct {
	reason string
	// until is what has to come about, remedy how the user brings it about.
	until, remedy string
}

// restraints are those on an object: first what reaches furthest, then what says
// most.
func (o *Observed) restraints() []restraint {
	var found []restraint
	switch {
	case o.Halt != nil && o.Halt.Unknown != "":
		found = append(found, restraint{ReasonHaltUnknown, fmt.Sprintf("it to be known whether there is %s: %s", o.Halt.Switch, o.Halt.Unknown),
			"let the server read " + o.Halt.Switch})
	case o.Halt != nil:
		found = append(found, restraint{ReasonHalted, o.Halt.Switch + " to be deleted", "delete " + o.Halt.Switch})
	}
	if o.Observing {
		found = append(found, restraint{ReasonObserving, "spec.managementPolicy to be set to Manage", "set spec.managementPolicy to Manage"})
	}
	if o.Paused {
		found = append(found, restraint{ReasonPaused, "spec.paused to be taken back", "take spec.paused back"})
	}
	return found
}

// held is true for an object for which nothing may be written.
func (o *Observed) held() bool { return len(o.restraints()) > 0 }

// heldBy is the first of the restraints on a held object.
func (o *Observed) heldBy() restraint { return o.restraints()[0] }

// HeldBy are all restraints on an object in words, and that its change was called off:
// why nothing would be done about it, though there is something to do.
func (o *Observed) HeldBy() []string {
	var held []string
	for _, r := range o.restraints() {
		held = append(held, Refusal{Reason: r.reason, WaitingFor: r.until}.String())
	}
	if found := aborted(o, nil, 0); found != nil {
		held = append(held, Refusal{Reason: found.reason, WaitingFor: found.waitingFor}.String())
	}
	return held
}

// release says what has to come about until a held object is held no more.
func (o *Observed) release() string {
	var wanted []string
	for _, r := range o.restraints() {
		wanted = append(wanted, r.until)
	}
	return strings.Join(wanted, ", and ")
}

// foresee adds to the decision about an object that is held what would be done if
// it were not: what Decide itself comes to, from what is remembered by now.
func foresee(o *Observed, d *Decision) {
	free := *o
	free.Paused, free.Observing, free.Halt = false, false, nil
	free.Zones, free.Strays = slices.Clone(o.Zones), slices.Clone(o.Strays)
	for i := range free.Zones {
		free.Zones[i].Record = d.Zones[i].Record
	}
	for i := range free.Strays {
		free.Strays[i].Record = d.Strays[i].Record
	}
	ahead := choose(free)
	d.First, d.Outlook = ahead.First, ahead.Outlook
	if o.Observing {
		for i := range d.Zones {
			d.Zones[i].foretell(o, d, i)
		}
	}
}

// foretell says of a zone of an object that is only observed what would be done
// about it, and asks for what its guards lack.
func (s *ZoneState) foretell(o *Observed, d *Decision, i int) {
	look := &d.Outlook[i]
	for _, refusal := range look.Refusals {
		s.Needs |= refusal.needs
	}
	// What has been updated bakes no more by then.
	d.wakeAt(o.Now, s.Record.Finished.Add(o.Strategy.UpdatePause))
	zone := &o.Zones[i]
	switch away := len(zone.Reads.Drained) > 0 && !ailing(zone); {
	case look.Would == WouldDoNothing || s.refused || away: // which says more
	case s.Record.Phase == Pending, s.Record.Phase == Ready && look.Would == WouldMark:
		s.WaitingFor = o.release() + ": " + look.sentence(d)
	}
}

// sentence is what would be done about a zone, when, and what stands against it.
func (l *Outlook) sentence(d *Decision) string {
	text := map[Would]string{
		WouldCreate: "its VMCluster would be created",
		WouldMark:   "its VMCluster would be marked as ours",
		WouldChange: "its VMCluster would be changed",
		WouldFinish: "the work on it would be finished",
	}[l.Would]
	if l.Turn == 1 {
		text += " first"
	} else if l.Turn > 1 {
		text += fmt.Sprintf(" as number %d, after zone %s", l.Turn, before(d, l.Turn))
	}
	if len(l.Refusals) == 0 {
		return text + "; nothing stands against it now"
	}
	refusals := make([]string, len(l.Refusals))
	for i, refusal := range l.Refusals {
		refusals[i] = refusal.String()
	}
	return text + "; refused now by " + strings.Join(refusals, "; ")
}

// before names the zone whose turn comes right before.
func before(d *Decision, turn int) string {
	for i := range d.Outlook {
		if d.Outlook[i].Turn == turn-1 {
			return d.Zones[i].Name
		}
	}
	return ""
}

// Foretells is true where something would be done if the object were not held: what
// is said of that is for the user to go by, and must rest on fresh reads.
func (d *Decision) Foretells() bool {
	return d.First.Type != Nothing || slices.ContainsFunc(d.Outlook, func(l Outlook) bool { return l.Would != WouldDoNothing })
}
