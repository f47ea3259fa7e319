// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxReapplied is how often somebody else's change is overwritten before the
	// zone is left to the user.
	maxReapplied = 3
	// reappliedWindow is how long a zone must have been ready until such
	// overwritings are forgotten.
	reappliedWindow = 24 * time.Hour
)

// Decide returns the next step. Fed with its own records it decides the same
// again, until the cluster changes, evidence does, or Wake comes.
func Decide(o Observed) Decision {
	if o.Deletion != nil {
		return decideDeletion(o)
	}
	d := choose(o)
	if o.held() {
		foresee(&o, &d)
	}
	return d
}

// choose is Decide of an object that stays.
func choose(o Observed) Decision {
	before := o
	catchUp(&o)
	d := step(&o)
	for d.recordEnds(&o) {
		d = step(&o)
	}
	d.First = d.Action
	for i := range d.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		state.Ready = state.isReady(zone)
		if d.Action == (Action{DrainReads, d.Zones[i].Name}) {
			d.Successors = successors(&o, &d, i)
		}
	}
	d.compare(&before)
	if !o.held() {
		setAlarms(&o, &d)
		d.setDeadlines(&o)
	}
	return d
}

// step tells where every zone stands, and what is to be done next.
func step(o *Observed) Decision {
	d := Decision{Action: Action{Type: Nothing}, Zones: make([]ZoneState, len(o.Zones)), Outlook: make([]Outlook, len(o.Zones))}
	for i := range o.Zones {
		d.Zones[i] = assess(o, &o.Zones[i])
	}
	d.Strays = assessStrays(o)
	if o.held() {
		hold(o, &d)
	} else {
		act(o, &d)
		watchProgress(o, &d)
	}
	return d
}

// recordEnds puts on record which zones are in work no more, and tells whether there are
// any. The step has to be chosen anew then, since it may rest on that: there may be
// another zone to read from, or one that bakes.
func (d *Decision) recordEnds(o *Observed) (ended bool) {
	for i := range d.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		if zone.Record.inWork() && !state.Record.inWork() {
			state.compare(zone.Record, o.Now)
			zone.Record, ended = state.Record, true
		}
	}
	return ended
}

// isReady is true for a zone in good health that has its reads.
func (s *ZoneState) isReady(zone *Zone) bool {
	return !ailing(zone) && !zone.notOurs() && len(zone.Reads.Drained) == 0 && !s.Record.Emptied
}

// act chooses the step.
func act(o *Observed, d *Decision) {
	noteRefused(d)
	carryOn(o, d)
	for i := range o.Zones {
		rescue(o, d, i)
	}
	leaveStrays(o, d)
	for i := range o.Zones {
		zone, state := &o.Zones[i], &d.Zones[i]
		switch {
		case state.Skipped:
		case zone.Cluster == nil && zone.Inline && state.Record.Phase == Pending:
			if off := aborted(o, d, i); off != nil {
				state.block(o, d, off)
				d.Outlook[i].refuse(off)
				continue
			}
			if untried := untried(zone); untried != nil {
				state.block(o, d, untried)
				d.Outlook[i].refuse(untried)
				continue
			}
			if !vacated(o, d, i) {
				d.Outlook[i].refuse(&obstacle{reason: state.Reason, waitingFor: state.WaitingFor})
				continue
			}
			begin(o, zone, state, Creating)
			d.propose(CreateCluster, zone.Name)
		case zone.Cluster != nil && zone.Cluster.Difference == Metadata && state.Record.Phase != Refused && !zone.Cluster.Deleting:
			if untried := untried(zone); untried != nil {
				d.Outlook[i].refuse(untried)
				continue
			}
			d.propose(MarkCluster, zone.Name)
		}
	}
	if o.ScrapePending {
		d.propose(ConfigureScrape, "")
	}
	update(o, d)
	for i := range o.Zones {
		if d.Action.Type == Nothing {
			rescue(o, d, i) // there may be others to read from by now
		}
		if d.Action == (Action{DrainReads, d.Zones[i].Name}) && d.Outlook[i].Would == WouldDoNothing {
			d.Outlook[i].Would = WouldFinish
		}
	}
}

// propose sets the action unless there is one already.
func (d *Decision) propose(what ActionType, cluster string) {
	if d.Action.Type == Nothing {
		d.Action = Action{what, cluster}
	}
}

// assess tells where a zone stands by itself, before any step is chosen. A zone
// that has to be written is left Pending.
func assess(o *Observed, zone *Zone) ZoneState {
	state := ZoneState{Name: zone.Name, Record: zone.Record, was: zone.Record.Phase, Skipped: leftOut(zone)}
	cluster := zone.Cluster
	if zone.Record.target() != zone.Revision {
		state.Record.Reapplied = 0
	}
	switch {
	case state.Skipped && !inPlace(zone):
		state.leave(zone)
		return state
	case zone.Problem != "":
		state.refuse(ReasonInvalid, zone.Problem)
	case cluster == nil && zone.Inline:
		state.Record.Revision, state.Record.Generation, state.Record.Reapplied = "", 0, 0
		state.set(Pending, ReasonWriting, "its VMCluster to be created")
	case cluster == nil:
		state.Record = zone.Record.withoutUpdate()
		state.set(Missing, ReasonClusterMissing, fmt.Sprintf("VMCluster %q to exist", zone.Name))
	case cluster.Ownership == Foreign:
		state.refuse(ReasonClaimed, fmt.Sprintf("VMCluster %q belongs to the VMDistributedCluster %s; take it out of there, or out of here", zone.Name, cluster.Owner))
	case zone.notOurs():
		state.refuse(ReasonNotOurs, fmt.Sprintf("VMCluster %q without the mark of this object to be taken up: it exists, and was made by somebody else or released. Refer to it with ref, or choose another name", zone.Name))
	case cluster.Deleting:
		state.set(Unhealthy, ReasonClusterDeleting, fmt.Sprintf("VMCluster %q to be gone; somebody has deleted it", zone.Name))
	case cluster.Difference == Spec:
		assessOutdated(zone, &state)
	default:
		assessUpdated(o, zone, &state)
	}
	if state.mayRest(zone) {
		state.tellSkipped(zone)
	}
	return state
}

// assessOutdated is about a cluster that is not what is wanted.
func assessOutdated(zone *Zone, state *ZoneState) {
	cluster := zone.Cluster
	switch {
	case len(cluster.Shrinks) > 0:
		state.refuse(ReasonStorageWouldShrink, fmt.Sprintf("permission to take away storage: %s", strings.Join(cluster.Shrinks, ", ")))
	case landed(zone) && state.Record.Reapplied >= maxReapplied:
		state.refuse(ReasonContended, contention(cluster.Drift))
	default:
		state.set(Pending, ReasonWaitingForOtherZone, "")
	}
}

// landed is true where the wanted revision has been seen in place. If it is not
// there any more, somebody else has changed it, whatever marks they left: the
// next write overwrites theirs. An overwriting that was decided and has not
// landed, after a conflict or a crash, is no second one.
func landed(zone *Zone) bool {
	record := &zone.Record
	return record.target() == zone.Revision && (!record.inFlight() || record.Generation != 0)
}

// contention names the other writer and the fields as far as they are known.
func contention(drift *Drift) string {
	managers, paths := "another writer", "it"
	if drift != nil && len(drift.Managers) > 0 {
		managers = strings.Join(drift.Managers, ", ")
	}
	if drift != nil && len(drift.Paths) > 0 {
		paths = strings.Join(drift.Paths, ", ")
	}
	return fmt.Sprintf("%s to leave %s alone; overwritten %d times", managers, paths, maxReapplied)
}

// assessUpdated is about a cluster that is what is wanted.
func assessUpdated(o *Observed, zone *Zone, state *ZoneState) {
	record := &state.Record
	state.Updated = true
	if record.inFlight() {
		// That a record was lost is remembered until the zone has been given back.
		if record.Updating != zone.Revision && record.Updating != UnknownRevision {
			record.Updating, record.Started = zone.Revision, o.Now
		}
		record.Generation = zone.Cluster.Generation
	}
	switch {
	case zone.Cluster.Healthy():
		assessHealthy(o, zone, state)
	case record.inFlight():
		assessUnfinished(o, zone, state)
	default:
		state.set(Unhealthy, ReasonNotHealthy, "health: "+zone.Cluster.Unhealthy)
	}
}

// assessHealthy ends a creation. An update has more to go through: see advance.
func assessHealthy(o *Observed, zone *Zone, state *ZoneState) {
	record := &state.Record
	if zone.Record.creating() {
		record.Updating, record.Started = "", time.Time{}
	}
	// Who has left the zone alone for so long contends for nothing.
	if !o.held() && record.Phase == Ready && o.Now.Sub(record.Since) >= reappliedWindow {
		record.Reapplied = 0
	}
	if state.inWork(zone) {
		state.set(Updating, ReasonWriting, "the update to be concluded")
		if outOfService(state.was) {
			state.Record.Phase = state.was
		}
		return
	}
	record.Revision = zone.Revision
	state.settle(zone)
}

// settle is for a healthy zone that is what is wanted, and not in work.
func (s *ZoneState) settle(zone *Zone) {
	if s.Record.Emptied {
		s.set(Unhealthy, ReasonEmptied, approvalFor(zone, emptiedText+"; there is no other to take over its reads"))
		s.Hold = true
		return
	}
	s.set(Ready, ReasonUpToDate, "")
}

// assessUnfinished is about a change that is written and has not come to health.
func assessUnfinished(o *Observed, zone *Zone, state *ZoneState) {
	phase := Updating
	if zone.Record.creating() {
		phase = Creating
	}
	state.set(phase, ReasonWaitingForOperator, "health: "+zone.Cluster.Unhealthy)
	if zone.Cluster.Failed {
		state.set(Failed, ReasonOperatorFailed, "health: "+zone.Cluster.Unhealthy)
		return
	}
	failIfOverdue(o, zone, state)
}

// failIfOverdue ends the patience with a zone. A pause fails none, and absolves
// none that has failed.
func failIfOverdue(o *Observed, zone *Zone, state *ZoneState) {
	if o.held() && zone.Record.Phase != Failed {
		return
	}
	if overdue(o, &state.Record) {
		state.set(Failed, ReasonReadyTimeout, fmt.Sprintf("%s; for longer than the %s that readyTimeout allows", state.WaitingFor, o.Strategy.ReadyTimeout))
	}
}

func overdue(o *Observed, record *Record) bool {
	return !record.Started.IsZero() && o.Now.Sub(record.Started) >= o.Strategy.ReadyTimeout
}

// begin records the intent to write a zone. The same intent once more leaves the
// record as it is.
func begin(o *Observed, zone *Zone, state *ZoneState, phase Phase) {
	record := &state.Record
	if zone.Cluster != nil && landed(zone) {
		record.Reapplied++
	}
	before := zone.Record.Phase
	again := record.Updating == zone.Revision && !landed(zone) && (before == phase || before == Failed)
	if !again {
		record.Updating, record.Started, record.Generation = zone.Revision, o.Now, 0
		record.Healthy, record.Quiet, record.Baseline = time.Time{}, time.Time{}, record.Baseline.forget()
	}
	state.Needs, state.Hold = 0, false
	state.set(phase, ReasonWriting, "the change to be written")
	failIfOverdue(o, zone, state)
}

func (s *ZoneState) set(phase Phase, reason, waitingFor string) {
	s.Record.Phase, s.Reason, s.WaitingFor = phase, reason, waitingFor
}

func (s *ZoneState) refuse(reason, waitingFor string) {
	s.set(Refused, reason, waitingFor)
	s.Hold, s.refused = true, true
}

// compare compares with what was remembered before.
func (s *ZoneState) compare(before Record, now time.Time) {
	after := &s.Record
	if after.Phase != before.Phase || before.Since.IsZero() {
		after.Since = now
	}
	s.verdict = s.Hold && after.Phase == Pending ||
		after.Phase.isVerdict() != before.Phase.isVerdict() ||
		memory(*after) != memory(before)
}

// compare compares with what was remembered before the decision.
func (d *Decision) compare(before *Observed) {
	for i := range d.Zones {
		d.Zones[i].compare(before.Zones[i].Record, before.Now)
	}
	for i := range d.Strays {
		d.Strays[i].compare(before.Strays[i].Record, before.Now)
	}
}

// isVerdict is true for phases that call for the user.
func (p Phase) isVerdict() bool { return p == Refused || p == Failed }

// memory is a record less what is only there to be read by people.
func memory(r Record) Record {
	r.Phase, r.Since = "", time.Time{}
	for _, at := range r.times() {
		*at = at.UTC()
	}
	return r
}

// times are all that are remembered.
func (r *Record) times() []*time.Time {
	return []*time.Time{&r.Since, &r.Started, &r.Finished, &r.Begun, &r.Clock, &r.Drained, &r.Loaded, &r.Restored, &r.Healthy, &r.Quiet}
}

// catchUp notices that a creation or a drain has landed, and that a cluster has
// been made anew, forgets what was true of a zone in better health, and lets the
// deadlines that a pause has stopped run anew.
func catchUp(o *Observed) {
	o.Zones, o.Strays = slices.Clone(o.Zones), slices.Clone(o.Strays)
	for i := range o.Zones {
		catchUpWith(o, &o.Zones[i])
	}
	for i := range o.Strays {
		if stray := &o.Strays[i]; stray.Drained() {
			catchUpWith(o, &stray.Zone)
			stray.Revision = cmp.Or(stray.Record.target(), UnknownRevision)
		}
	}
}

func catchUpWith(o *Observed, zone *Zone) {
	record := &zone.Record
	record.notAhead(o.Now)
	if record.creating() && record.Generation == 0 && zone.Cluster != nil {
		record.Generation = zone.Cluster.Generation
	}
	if record.inFlight() && record.Started.IsZero() && !o.held() {
		record.Started = o.Now
	}
	if len(zone.Reads.Drained) > 0 && !record.drained() && !record.restoring() && !o.held() {
		record.recall(o.Now)
	}
	if ailing(zone) {
		record.Healthy, record.Quiet = time.Time{}, time.Time{} // evidence of another time
	}
	noteIdentity(zone)
}

// roundedUp is how far ahead a time may lie that status keeps in whole seconds.
const roundedUp = time.Second

// notAhead has what was written down by a clock that was ahead of this one, be it the
// same before it was set back, count from now: a wait is to begin anew, not to last for
// as long as the clocks differ too.
func (r *Record) notAhead(now time.Time) {
	for _, at := range r.times() {
		if at.Sub(now) > roundedUp {
			*at = now
		}
	}
}

// UnknownRevision stands for the revision of an update that nobody remembers.
const UnknownRevision = "unknown"

// recall starts the record of a zone anew that is found drained, and whose record
// is lost. It may have been written, so it has to go through all that follows a
// write. And no VMAuth can prove any more since when it has had the zone out, so
// it has to be given back before it is taken into work again.
func (r *Record) recall(now time.Time) {
	r.Drained, r.Begun, r.DrainDone = now.Add(-time.Microsecond), now, true
	if !r.inFlight() {
		r.Updating, r.Started, r.Generation = UnknownRevision, now, 0
	}
}

// recalled is true for a zone that was drained before the work on it that is remembered,
// until it is drained again.
func (r *Record) recalled() bool { return r.drained() && r.Drained.Before(r.Begun) }

// noteIdentity remembers which cluster a zone has, and that it has come back
// empty. What nobody reads through a listed VMUser can be empty, but not while it
// can't be told who does.
func noteIdentity(zone *Zone) {
	record := &zone.Record
	known := record.UID != ""
	gone := zone.Cluster == nil && (known || len(zone.Reads.Drained) > 0) || zone.Cluster != nil && (zone.Cluster.Deleting || known && zone.Cluster.UID != record.UID)
	if gone && (zone.routed() || zone.Reads.Unreadable != "") {
		record.Emptied = true
	}
	if !zone.routed() && zone.Reads.Unknown == "" && zone.Reads.Unreadable == "" || zone.accepted() && !record.inWork() {
		record.Emptied = false
	}
	if zone.Cluster != nil {
		record.UID = zone.Cluster.UID
	}
}

// accepted is true for a cluster that is there to stay, of which the user has given their
// word. Of one that goes, what comes in its place was not meant.
func (z *Zone) accepted() bool { return z.Approved && z.Cluster != nil && !z.Cluster.Deleting }

// withoutUpdate is what is left to remember of a zone whose cluster is gone.
func (r Record) withoutUpdate() Record {
	if r.Updating != UnknownRevision {
		r.Updating, r.Started = "", time.Time{}
	}
	r.Revision, r.Generation, r.Reapplied = "", 0, 0
	r.Finished, r.Healthy, r.Quiet, r.Baseline = time.Time{}, time.Time{}, time.Time{}, ""
	return r
}

// hold is for an object that is paused, only observed, or halted with all others:
// what is not right stays so, and deadlines stand still.
func hold(o *Observed, d *Decision) {
	for i := range d.Zones {
		state := &d.Zones[i]
		record := &state.Record
		record.Clock = time.Time{}
		if record.inFlight() && record.Phase != Failed {
			record.Started = time.Time{}
		}
		if state.inWork(&o.Zones[i]) {
			conclude(o, d, i)
		}
		switch {
		case len(o.Zones[i].Reads.Drained) > 0 && !ailing(&o.Zones[i]) && !state.refused && record.Phase != Failed:
			keepHeld(o, state)
		case record.Phase == Pending && !state.Skipped:
			state.set(Pending, o.heldBy().reason, o.release())
		}
	}
	for i := range d.Strays {
		state := &d.Strays[i]
		state.Record.Clock = time.Time{}
		state.set(Leaving, o.heldBy().reason, o.release())
	}
}

// keepHeld is for a zone that could be brought on, and is kept from its reads.
func keepHeld(o *Observed, state *ZoneState) {
	phase := state.Record.Phase
	if outOfService(state.was) {
		phase = state.was
	}
	state.set(phase, o.heldBy().reason, o.release()+"; its reads are kept away until then")
	if short := shortage(o); short != "" {
		state.set(phase, ReasonPausedShort, short)
	}
}

// conclude ends what can be ended without a write.
func conclude(o *Observed, d *Decision, i int) {
	zone, state := &o.Zones[i], &d.Zones[i]
	if zone.Cluster == nil || !zone.Cluster.Healthy() || !state.Updated || len(zone.Reads.Drained) > 0 {
		return
	}
	switch record := &state.Record; {
	case record.restoring():
		if restored(o, d, zone, state) {
			finish(o, zone, state)
		}
	case !record.drained():
		letGo(o, d, i)
	}
	// A deadline that stands still calls for nobody.
	state.Record.Clock, state.Hold = time.Time{}, state.Hold && state.Record.Phase == Unhealthy
}

// outOfService are the phases between a drain and the end of its restoration.
func outOfService(p Phase) bool { return p == Draining || p == Flushing || p == Restoring }

// watchProgress calls for the user where nothing has moved for too long.
func watchProgress(o *Observed, d *Decision) {
	var last time.Time
	var stuck *ZoneState
	for i := range d.Zones {
		state := &d.Zones[i]
		since := state.Record.Since
		if state.rests() {
			continue
		}
		switch state.Record.Phase {
		case Baking, Refused, Failed, Missing, Ready, Unhealthy:
			if state.Hold || state.Record.Phase == Baking {
				return // it says so by itself, or is not stuck
			}
		default:
			if state.Reason == ReasonWaitingForApproval {
				return // which takes as long as the user likes
			}
			if stuck == nil || state.Record.Phase != Pending && stuck.Record.Phase == Pending {
				stuck = state
			}
		}
		if state.Record.Phase != state.was || since.IsZero() {
			since = o.Now
		}
		if since.After(last) {
			last = since
		}
	}
	if stuck == nil || stuck.Hold || o.Strategy.ProgressDeadline <= 0 {
		return
	}
	stuck.Deadline = after(last.Truncate(time.Second), o.Strategy.ProgressDeadline)
	if deadline := last.Add(o.Strategy.ProgressDeadline); o.Now.Before(deadline) {
		d.wakeAt(o.Now, deadline)
		return
	}
	stuck.set(stuck.Record.Phase, ReasonProgressDeadline, fmt.Sprintf("%s; nothing has moved for the %s that progressDeadline allows", stuck.WaitingFor, o.Strategy.ProgressDeadline))
	stuck.Hold = true
}

// setAlarms looks again when a deadline is over, and when overwritings are to be
// forgotten.
func setAlarms(o *Observed, d *Decision) {
	for i := range d.Zones {
		record := &d.Zones[i].Record
		if record.inFlight() && record.Phase != Failed && record.Healthy.IsZero() {
			d.wakeAt(o.Now, record.Started.Add(o.Strategy.ReadyTimeout))
		}
		if record.Phase == Ready && record.Reapplied > 0 {
			d.wakeAt(o.Now, record.Since.Add(reappliedWindow))
		}
	}
}
