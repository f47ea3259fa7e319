// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"time"
)

// carryOn brings on the zones in work that are what is wanted by now.
func carryOn(o *Observed, d *Decision) {
	for i := range d.Zones {
		takeIn(o, d, i) // all else may count on it
	}
	for i := range d.Zones {
		if !outdated(&o.Zones[i], &d.Zones[i]) && d.Zones[i].inWork(&o.Zones[i]) {
			advance(o, d, i)
		}
	}
}

// update brings on the zones in work that have to be written, chooses the existing
// cluster that may be changed next, and says of all others that have to be changed
// what they wait for.
func update(o *Observed, d *Decision) {
	lead, working := -1, 0
	for _, i := range healthyFirst(o) {
		if !outdated(&o.Zones[i], &d.Zones[i]) || !outOfReach(o, d, i) {
			continue
		}
		noteObstacles(o, d, i)
		if advance(o, d, i); outOfReach(o, d, i) && !d.Zones[i].blocked && !d.Zones[i].Hold {
			if working++; lead < 0 {
				lead = i
			}
		}
	}
	noteQueue(o, d, lead, o.Strategy.MaxUnavailable-working)
	startNext(o, d, lead, o.Strategy.MaxUnavailable-working)
}

// healthyFirst are the zones in the order in which those in work are brought on: one
// that is healthy, and waits for the user, does not hold up the repair of another.
func healthyFirst(o *Observed) []int {
	var healthy, ill []int
	for i := range o.Zones {
		if ailing(&o.Zones[i]) {
			ill = append(ill, i)
			continue
		}
		healthy = append(healthy, i)
	}
	return append(healthy, ill...)
}

// startNext takes further zones into work, as many as there is room for. Lead is
// the one that all others wait for, -1 for none yet.
func startNext(o *Observed, d *Decision, lead, room int) {
	for ; ; room-- {
		next := -1
		if room > 0 {
			next = candidate(o, d)
		}
		if lead < 0 {
			lead = next
		}
		for i := range d.Zones {
			if lead >= 0 && i != lead && waits(o, d, i) {
				d.Zones[i].set(Pending, ReasonWaitingForOtherZone, fmt.Sprintf("its turn, after zone %s", o.Zones[lead].Name))
				if off := aborted(o, d, i); off != nil { // no turn comes
					d.Zones[i].set(Pending, off.reason, off.waitingFor)
				}
				d.Zones[i].Hold = false
			}
		}
		if next < 0 {
			return
		}
		if start(o, d, next, lead); d.Zones[next].Record.Phase == Pending {
			return
		}
	}
}

// waits is true for a zone that has to be changed and may be taken into work.
func waits(o *Observed, d *Decision, i int) bool {
	state := &d.Zones[i]
	return outdated(&o.Zones[i], state) && state.Record.Phase == Pending && !outOfReach(o, d, i)
}

// start takes a zone into work, if nothing stands against it.
func start(o *Observed, d *Decision, next, lead int) {
	zone, state := &o.Zones[next], &d.Zones[next]
	if blocked := guard(o, d, next); blocked != nil {
		state.block(o, d, blocked)
		return
	}
	if d.Action.Type != Nothing {
		// One step at a time: what is proposed comes first.
		state.set(Pending, ReasonWaitingForOtherZone, "its turn")
		if lead != next {
			state.WaitingFor = fmt.Sprintf("its turn, after zone %s", o.Zones[lead].Name)
		}
		return
	}
	record := &state.Record
	if record.Begun.IsZero() {
		if unread := unread(zone, record); unread != nil {
			state.block(o, d, unread) // asked of a healthy zone by its guard
			return
		}
		record.Contended = "" // the guard has let it pass
		record.Begun, record.Baseline = o.Now, baselineOf(zone.Queues.Reading)
	}
	if drainable(o, d, next) && !drain(o, d, zone, state) {
		return
	}
	if d.Action.Type == Nothing {
		begin(o, zone, state, Updating)
		d.Action = Action{UpdateCluster, zone.Name}
	}
}

// drainable is true where reads can be taken from a zone: there are enough others
// to take them over. Where there are not, the guard has let only that pass which
// is broken anyway, or that of which the user has said so.
func drainable(o *Observed, d *Decision, i int) bool {
	reads := &o.Zones[i].Reads
	return spared(o, d, i) && reads.Unknown == "" && reads.Busy == "" && len(reads.Undrainable) == 0
}

// spared is true where enough zones are left to read from without this one.
func spared(o *Observed, d *Decision, i int) bool {
	return servingBeside(o, d, i) >= max(1, o.Strategy.MinAvailableZones)
}

func (s *ZoneState) block(o *Observed, d *Decision, blocked *obstacle) {
	s.set(Pending, blocked.reason, blocked.waitingFor)
	s.Hold, s.Needs, s.blocked = blocked.hold, s.Needs|blocked.needs, true
	d.wakeAt(o.Now, blocked.until)
}

// inWork is true for a zone that has been taken out of service, by its record or
// by what the VMUsers say.
func (s *ZoneState) inWork(zone *Zone) bool { return s.Record.inWork() || len(zone.Reads.Drained) > 0 }

// outdated zones are those that have to be changed and may be.
func outdated(zone *Zone, state *ZoneState) bool {
	return zone.Cluster != nil && zone.Cluster.Difference == Spec && !zone.Cluster.Deleting && !state.refused && !state.Skipped
}

// candidate is the most urgent zone that waits, the first in the list among
// equals. -1 if there is none.
func candidate(o *Observed, d *Decision) int {
	next := -1
	for i := range o.Zones {
		if waits(o, d, i) && (next < 0 || urgency(o, d, i) > urgency(o, d, next)) {
			next = i
		}
	}
	return next
}

// mostUrgent is the highest rank of urgency.
const mostUrgent = 4

// urgency ranks zones: what is unfinished comes first. But one that is healthy
// has not been disturbed, and must not stand before others that are not: they
// hold it back, and the change may be what repairs them.
func urgency(o *Observed, d *Decision, i int) int {
	switch healthy, unfinished := o.Zones[i].Cluster.Healthy(), d.Zones[i].Record.inFlight(); {
	case !healthy && busy(o, d, i):
		return mostUrgent
	case !healthy && unfinished:
		return 3
	case !healthy:
		return 2
	case unfinished:
		return 1
	}
	return 0
}

// busy is true for a zone that has been taken into work and neither given back
// nor given up, nor left out or to the user; be it refused by now.
func busy(o *Observed, d *Decision, i int) bool {
	cluster, state := o.Zones[i].Cluster, &d.Zones[i]
	if cluster == nil || cluster.Deleting || state.Skipped {
		return false
	}
	if cluster.Healthy() {
		return outOfReach(o, d, i) && !state.Record.Emptied && !state.Hold
	}
	return state.Record.inFlight() && !cluster.Failed && !overdue(o, &state.Record)
}

// outOfReach is true for a healthy zone that has been taken out of service, or
// whose update has more to go through. One that was decided on and neither
// drained nor written is as it was.
func outOfReach(o *Observed, d *Decision, i int) bool {
	zone, state := &o.Zones[i], &d.Zones[i]
	record := &state.Record
	return record.drained() || record.restoring() || len(zone.Reads.Drained) > 0 ||
		record.inWork() && !outdated(zone, state)
}

// serves is true for a zone that can be read from: healthy, not kept out, and not
// short of samples.
func serves(o *Observed, d *Decision, i int) bool {
	zone := &o.Zones[i]
	return !ailing(zone) && !zone.notOurs() && !d.Zones[i].Record.Emptied && !outOfReach(o, d, i)
}

// servingBeside counts the zones that can take over the reads of one: those that
// are read from already or, where there are none, all that can be.
func servingBeside(o *Observed, d *Decision, i int) int {
	return len(successors(o, d, i))
}

func successors(o *Observed, d *Decision, i int) []string {
	var all, routed []string
	others := false
	for j := range o.Zones {
		zone := &o.Zones[j]
		if j == i {
			continue
		}
		others = others || zone.routed()
		if !serves(o, d, j) {
			continue
		}
		all = append(all, zone.Name)
		if len(zone.Reads.Open) > 0 {
			routed = append(routed, zone.Name)
		}
	}
	if others && o.Zones[i].routed() {
		return routed
	}
	return all
}

// obstacle is why a zone may not be touched now.
type obstacle struct {
	reason     string
	waitingFor string
	until      time.Time // zero where no moment is known
	hold       bool
	needs      Need
	unasked    bool       // nobody has looked for the evidence yet
	bakes      *ZoneState // the zone that is to have been updated for longer
}

// guard returns what stands in the way of changing a zone first, or nil.
func guard(o *Observed, d *Decision, next int) *obstacle {
	for found := range obstacles(o, d, next) {
		if bakes := found.bakes; bakes != nil && bakes.Record.Phase == Ready {
			bakes.set(Baking, ReasonBaking, fmt.Sprintf("%s to pass since the update", o.Strategy.UpdatePause))
		}
		return found
	}
	return nil
}

// obstacles are all that stands in the way of changing a zone, what weighs most
// first.
func obstacles(o *Observed, d *Decision, next int) iter.Seq[*obstacle] {
	return func(yield func(*obstacle) bool) {
		guards := []func(*Observed, *Decision, int) *obstacle{aborted, unknown, inProgress}
		if o.Zones[next].Cluster.Healthy() {
			guards = append(guards, disrupted, tooFew, tooManyFailures, lossy, refusedBefore, baking, unapproved, contended, alone, unreadable, unsettled, overflowing)
		}
		for _, obstructs := range guards {
			if found := obstructs(o, d, next); found != nil && !yield(found) {
				return
			}
		}
	}
}

// aborted holds every zone back once the change was called off, or was undone and it
// can't be told what is to come in its place.
func aborted(o *Observed, _ *Decision, _ int) *obstacle {
	if undone := o.Undone; undone != nil && undone.Lost != "" {
		return &obstacle{reason: ReasonUndoneToLost, waitingFor: "the verb undo to another revision, or another spec: " + undone.String(), hold: true}
	}
	if o.Aborted == nil {
		return nil
	}
	return &obstacle{reason: ReasonAborted, waitingFor: "the verb retry or another revision, since this one was called off" + o.Aborted.told(), hold: true}
}

// told says who has called a change off, when, and why, as far as it is known.
func (a *Abort) told() string { return whoSaid(a.By, a.At, a.Reason) }

// String says what was undone, by whom, when, and why.
func (u *Undo) String() string {
	text := fmt.Sprintf("revision %s, which spec asks for, was undone", u.Revision) + whoSaid(u.By, u.At, "")
	if u.Reason != "" {
		text += fmt.Sprintf(" (%q)", u.Reason)
	}
	if text += ", to revision " + u.To; u.Lost != "" {
		text += ", of which nothing is known any more (" + u.Lost + ")"
	}
	return text
}

func whoSaid(by string, at time.Time, reason string) string {
	var text string
	if by != "" {
		text += " by " + by
	}
	if !at.IsZero() {
		text += " at " + at.UTC().Format(time.RFC3339)
	}
	if reason != "" {
		text += fmt.Sprintf(": %q", reason)
	}
	return text
}

func unknown(o *Observed, _ *Decision, next int) *obstacle { return untried(&o.Zones[next]) }

// untried holds a zone back of which nobody knows what writing it would do.
func untried(zone *Zone) *obstacle {
	if zone.Untried == "" {
		return nil
	}
	return &obstacle{reason: ReasonDryRunFailed, waitingFor: "the API server to tell what the change would do: " + zone.Untried}
}

// disrupted holds a healthy zone back while as many others as may be out are.
func disrupted(o *Observed, d *Decision, next int) *obstacle {
	if inProgress(o, d, next) != nil {
		return nil // which says it already
	}
	out, first := 0, ""
	for i := range o.Zones {
		cluster := o.Zones[i].Cluster
		if i == next || cluster == nil || d.Zones[i].Skipped || cluster.Healthy() && !outOfReach(o, d, i) {
			continue
		}
		if out++; first == "" {
			first = fmt.Sprintf("zone %s to be healthy and in service: %s", o.Zones[i].Name, cmp.Or(ailment(cluster), d.Zones[i].WaitingFor, "it is in work"))
		}
	}
	if out < o.Strategy.MaxUnavailable {
		return nil
	}
	return &obstacle{reason: ReasonBlocked, waitingFor: first}
}

// tooFew holds a zone back where not enough others would remain. Those that do
// not exist yet may still come.
func tooFew(o *Observed, d *Decision, next int) *obstacle {
	serving, toCome, empty := servingBeside(o, d, next), 0, ""
	for i := range o.Zones {
		if d.Zones[i].Record.Emptied {
			empty = fmt.Sprintf("; zone %s came back empty, and serves only by the user's word", o.Zones[i].Name)
			continue
		}
		if i != next && mayCome(o, d, i) {
			toCome++
		}
	}
	wanted := o.Strategy.MinAvailableZones
	if serving >= wanted {
		return nil
	}
	return &obstacle{reason: ReasonMinAvailableZones, hold: serving+toCome < wanted, waitingFor: fmt.Sprintf(
		"other zones in good health: there are %d, and spec.strategy.minAvailableZones wants %d%s", serving, wanted, empty)}
}

// mayCome is true for a zone that does not serve, and may yet.
func mayCome(o *Observed, d *Decision, i int) bool {
	zone := &o.Zones[i]
	if zone.Cluster == nil {
		return !zone.Inline || !d.Zones[i].Skipped
	}
	return !zone.notOurs() && !serves(o, d, i)
}

// tooManyFailures halts a rollout.
func tooManyFailures(o *Observed, d *Decision, next int) *obstacle {
	failures := 0
	for i := range d.Zones {
		if i != next && d.Zones[i].Record.Phase == Failed && !d.Zones[i].Skipped {
			failures++
		}
	}
	if failures <= o.Strategy.MaxFailures {
		return nil
	}
	return &obstacle{reason: ReasonMaxFailures, hold: true, waitingFor: fmt.Sprintf("failed zones to recover: there are %d, and spec.strategy.maxFailures is %d", failures, o.Strategy.MaxFailures)}
}

// lossy halts a rollout that has cost samples, until the user says so.
func lossy(o *Observed, d *Decision, next int) *obstacle {
	for i := range d.Zones {
		zone := &o.Zones[i]
		if lost := losses(d.Zones[i].Record.Baseline.Marks()); lost != "" && i != next && !zone.Approved && zone.Queues.Gate != NoGate {
			return &obstacle{reason: ReasonDataDropped, hold: true, waitingFor: fmt.Sprintf("zone %s, which has lost samples: %s", zone.Name, lost)}
		}
	}
	return nil
}

// contended holds a zone back whose reads somebody else gave back too often.
func contended(o *Observed, d *Decision, next int) *obstacle {
	if zone := &o.Zones[next]; d.Zones[next].Record.Contended == zone.Revision && !zone.Approved {
		return &obstacle{reason: ReasonContended, hold: true, waitingFor: contentionOfReads(zone)}
	}
	return nil
}

func contentionOfReads(zone *Zone) string {
	return fmt.Sprintf("the VMUsers to be left alone: somebody gives the zone its reads back whenever they are taken away, %d times by now; for the user's word to try again, or for another revision than %s",
		maxRedrained+1, zone.Revision)
}

// alone holds a zone back that nobody could take over from now, and somebody
// could once our own work is done. Without it, a minimum of none would mean that
// the zone is written under its readers.
func alone(o *Observed, d *Decision, next int) *obstacle {
	if !o.Zones[next].routed() || servingBeside(o, d, next) > 0 {
		return nil
	}
	for i := range o.Zones {
		if zone := &o.Zones[i]; i != next && !ailing(zone) && !zone.notOurs() && !d.Zones[i].Record.Emptied && outOfReach(o, d, i) {
			return &obstacle{reason: ReasonBlocked, waitingFor: fmt.Sprintf("zone %s to be read from again", zone.Name)}
		}
	}
	return nil
}

// unreadable holds a zone back whose reads can't be taken away. Where nobody is
// there to take them over, the guards before have spoken.
func unreadable(o *Observed, d *Decision, next int) *obstacle {
	reads := &o.Zones[next].Reads
	switch {
	case reads.Unknown != "":
		return &obstacle{reason: ReasonReadsUnknown, waitingFor: reads.Unknown}
	case len(reads.Undrainable) > 0:
		return &obstacle{reason: ReasonReadsUndrainable, hold: true, waitingFor: "a way to take reads from the zone: " + strings.Join(reads.Undrainable, "; ")}
	case reads.Busy != "":
		return &obstacle{reason: ReasonVMUserBusy, waitingFor: reads.Busy}
	}
	return nil
}

// unsettled holds a zone back that no VMUser leads to, or no longer: nobody has to
// take its reads away, but a VMAuth may still be at loading that there are none.
func unsettled(o *Observed, d *Decision, next int) *obstacle {
	zone := &o.Zones[next]
	if !zone.Reads.Listed || zone.routed() || d.Zones[next].Record.drained() || servingBeside(o, d, next) == 0 {
		return nil
	}
	switch loaded := zone.Reads.Loaded; {
	case loaded == nil:
		return &obstacle{reason: ReasonWaitingForVMAuth, needs: NeedLoaded, unasked: true, waitingFor: "every VMAuth to have loaded the VMUsers, none of which leads to the zone"}
	case !loaded.Met:
		return &obstacle{reason: ReasonWaitingForVMAuth, needs: NeedLoaded, waitingFor: "every VMAuth to have loaded the VMUsers, none of which leads to the zone: " + loaded.Text}
	}
	return nil
}

// overflowing holds a zone back whose queues can't be told, or would not outlast
// the update.
func overflowing(o *Observed, d *Decision, next int) *obstacle {
	zone := &o.Zones[next]
	queues := &zone.Queues
	switch {
	case d.Zones[next].Record.drained() || queues.Gate == NoGate || zone.Approved:
		return nil
	case queues.Gate == Unclear:
		return &obstacle{reason: ReasonQueuesUnclear, hold: true, waitingFor: approvalFor(zone, queues.Why)}
	case queues.Reading == nil:
		return unreadQueues()
	case queues.Reading.Missing != "":
		return &obstacle{reason: ReasonQueuesUnknown, needs: NeedQueues, waitingFor: queues.Reading.Missing}
	}
	if full := room(o, queues.Reading); full != "" {
		return &obstacle{reason: ReasonQueueRoom, needs: NeedQueues, waitingFor: full}
	}
	return nil
}

// unread holds a zone back whose queues are to be compared with what they were
// before, and have not been looked at.
func unread(zone *Zone, record *Record) *obstacle {
	if !record.Begun.IsZero() || zone.Queues.Gate != Gated || zone.Queues.Reading != nil || zone.Approved {
		return nil
	}
	return unreadQueues()
}

func unreadQueues() *obstacle {
	return &obstacle{reason: ReasonQueuesUnknown, needs: NeedQueues, unasked: true, waitingFor: "the queues of the VMAgent to be read"}
}

// inProgress holds any zone back while as many others are in work as may be out.
func inProgress(o *Observed, d *Decision, next int) *obstacle {
	count, first := 0, ""
	for i := range d.Zones {
		if state := &d.Zones[i]; i != next && busy(o, d, i) {
			if count++; first == "" {
				first = fmt.Sprintf("zone %s, which is in work: %s", state.Name, cmp.Or(state.WaitingFor, ailment(o.Zones[i].Cluster)))
			}
		}
	}
	if count < o.Strategy.MaxUnavailable {
		return nil
	}
	return &obstacle{reason: ReasonWaitingForOtherZone, waitingFor: first}
}

// refusedBefore names a zone earlier in the list that is refused: list order is
// rollout order, so what it was to try out has not been.
func refusedBefore(_ *Observed, d *Decision, next int) *obstacle {
	for i := range next {
		if state := &d.Zones[i]; state.refused {
			return &obstacle{reason: ReasonBlocked, hold: true,
				waitingFor: fmt.Sprintf("zone %s, which comes before and is refused: %s", state.Name, state.Reason)}
		}
	}
	return nil
}

// baking holds a zone back until the last one updated has been so long enough.
func baking(o *Observed, d *Decision, next int) *obstacle {
	if o.Strategy.UpdatePause <= 0 {
		return nil // Finished, rounded up for status, may lie ahead of Now
	}
	latest := -1
	for i := range d.Zones {
		if i == next || d.Zones[i].Record.Finished.IsZero() || d.Zones[i].Skipped {
			continue
		}
		if latest < 0 || d.Zones[i].Record.Finished.After(d.Zones[latest].Record.Finished) {
			latest = i
		}
	}
	if latest < 0 {
		return nil
	}
	until := d.Zones[latest].Record.Finished.Add(o.Strategy.UpdatePause)
	if !o.Now.Before(until) {
		return nil
	}
	return &obstacle{reason: ReasonBaking, bakes: &d.Zones[latest], waitingFor: fmt.Sprintf("zone %s to have been updated for %s", d.Zones[latest].Name, o.Strategy.UpdatePause), until: until}
}

func ailment(cluster *Cluster) string {
	if cluster.Deleting {
		return "somebody has deleted it"
	}
	return cluster.Unhealthy
}
