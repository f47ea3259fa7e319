// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
)

// The operator's words for the state of an object.
const (
	StatusExpanding   = "expanding"
	StatusOperational = "operational"
	StatusFailed      = "failed"
	StatusPaused      = "paused"
)

// Condition is a condition of the object, less its times.
type Condition struct {
	Type    string
	True    bool
	Reason  string
	Message string
}

// The types of the conditions of an object.
const (
	ConditionReady       = "Ready"
	ConditionProgressing = "Progressing"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
	ConditionPaused      = "Paused"
	ConditionObserving   = "Observing"
	ConditionDegraded    = "Degraded"
)

// NotObserved is the reason of ConditionReconciling from when somebody asks for something
// until the controller has looked at the object: what status says else is of before.
const NotObserved = "NotObserved"

// Summary is the state of the object as a whole.
type Summary struct {
	// UpdateStatus is one of the operator's words.
	UpdateStatus string
	// Reason explains it where it is expanding or failed, or a zone was skipped.
	Reason string
	// Updated counts the zones that are what is wanted and were not left out, Ready
	// those in good health.
	Updated, Ready int
	// Conditions are Ready, Progressing, Reconciling, Stalled, Paused, Observing,
	// Degraded. Ready is left out of an object that is only observed and has not come
	// to what is wanted: False says that it may yet, and kstatus would wait for that.
	Conditions []Condition

	complete, finished bool
}

// Finished is true where that is so of every zone but those that were skipped.
func (s *Summary) Finished() bool { return s.finished }

// Complete is true where every zone is what is to be rolled out, in good health, and
// nothing is left to write. Where that is not what spec asks for, since it was undone,
// the object is not operational all the same.
func (s *Summary) Complete() bool { return s.complete }

// Summarise draws the zones together.
func Summarise(o Observed, d Decision) Summary {
	v := view(o, d)
	s := Summary{Updated: v.updated, Ready: v.ready, complete: v.held == "" && v.arrived() && v.done == v.total, finished: v.held == "" && v.arrived()}
	s.UpdateStatus, s.Reason = v.updateStatus()
	if !v.observing || v.allReady() {
		s.Conditions = append(s.Conditions, v.readyCondition())
	}
	s.Conditions = append(s.Conditions,
		v.progressing(),
		v.reconciling(),
		v.stalledCondition(),
		v.pausedCondition(),
		v.observingCondition(),
		v.degradedCondition(),
	)
	return s
}

// overview is what the conditions are drawn from.
type overview struct {
	held                  string // why nothing may be written; empty where it may be
	leaving               bool
	observing             bool
	unheeded              bool // spec.paused, which does not hold up a deletion
	unobserved            bool // spec.managementPolicy Observe, likewise
	halt                  *Halt
	foretold              string // what would be done if the object were not held
	total, updated, ready int
	done                  int        // updated and ready
	left                  int        // skipped, and nobody's business any more
	skipped               string     // which those are, and by whom
	busy                  *ZoneState // in work
	baking                *ZoneState
	waiting               *ZoneState
	stalled               *ZoneState // only the user can bring it on
	degraded              *ZoneState // exists, is not healthy and not in work
	ailment               string     // what degraded lacks
	leftover              string     // a write beside the zones' own changes that is still to come
	stranded              string     // what the list no longer names, and can't be given its reads back
	shortage              string     // zones that a pause keeps from their reads while others are lost
	away                  string     // zones that a policy to observe keeps from their reads
	undone                string     // what spec asks for and somebody has undone
	off                   string     // by whom the change was called off, where that is
}

func view(o Observed, d Decision) overview {
	v := overview{
		leaving: o.Deletion != nil, unheeded: o.Paused, unobserved: o.Observing, halt: o.Halt,
		total: len(d.Zones), leftover: leftover(&o, &d), foretold: foretold(&o, &d),
	}
	if v.leaving {
		o.Paused, o.Observing = false, false
	}
	v.observing = o.Observing
	if o.Undone != nil && !v.leaving {
		v.undone = o.Undone.String()
	}
	if o.Aborted != nil && !v.leaving {
		v.off = "; the change was called off" + o.Aborted.told()
	}
	if o.held() {
		v.held = o.heldBy().reason
	}
	for i := range d.Zones {
		zone := &d.Zones[i]
		if zone.Updated && !zone.Skipped && !zone.Record.inFlight() && !zone.Record.inWork() {
			v.updated++
		}
		if zone.Ready {
			v.ready++
		}
		if zone.Updated && zone.Ready && !zone.Record.inWork() {
			v.done++
		}
		if zone.rests() {
			v.left++
		} else {
			v.place(zone)
		}
		v.checkUp(zone, o.Zones[i].Cluster)
	}
	v.away, v.skipped = away(&o), skippedText(&o, &d)
	for i := range o.Strays {
		stray, state := &o.Strays[i], &d.Strays[i]
		if stray.Drained() && ailing(&stray.Zone) {
			v.stranded = farewell(stray, state)
		}
		if state.Hold && v.stalled == nil {
			v.stalled = state
		}
	}
	if o.held() {
		v.shortage = shortage(&o)
	}
	return v
}

// away names the zones that have been left without their reads.
func away(o *Observed) string {
	var drained []string
	for i := range o.Zones {
		if len(o.Zones[i].Reads.Drained) > 0 {
			drained = append(drained, o.Zones[i].Name)
		}
	}
	for i := range o.Strays {
		if o.Strays[i].Drained() {
			drained = append(drained, o.Strays[i].Name)
		}
	}
	if drained == nil {
		return ""
	}
	return fmt.Sprintf("DRAINED: zone %s is kept from its reads, and gets them back only by the change that is held up, or by hand. ", strings.Join(drained, ", "))
}

// foretold says in a sentence what would be done if the object were not held.
func foretold(o *Observed, d *Decision) string {
	count, refused := map[Would]int{}, []string{}
	for i := range d.Outlook {
		look := &d.Outlook[i]
		if count[look.Would]++; len(look.Refusals) > 0 {
			refused = append(refused, fmt.Sprintf("zone %s (%s)", d.Zones[i].Name, look.Refusals[0].Reason))
		}
	}
	var parts []string
	for _, kind := range []struct {
		would Would
		done  string
	}{{WouldCreate, "created"}, {WouldMark, "marked"}, {WouldChange, "changed"}, {WouldFinish, "brought to an end"}} {
		if n := count[kind.would]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s would be %s", several(n, "zone"), kind.done))
		}
	}
	if o.ScrapePending {
		parts = append(parts, "the VMAgent would be made to scrape the zones")
	}
	if n := len(o.Strays); n > 0 {
		parts = append(parts, several(n, "VMCluster")+" that no zone names any more would be let go")
	}
	if parts == nil {
		return "nothing would be done"
	}
	text := strings.Join(parts, ", ")
	if d.First.Cluster != "" {
		text += fmt.Sprintf("; the first step would be %s of %s", d.First.Type, d.First.Cluster)
	} else if d.First.Type == Nothing {
		text += "; no step could be taken now"
	}
	if len(refused) > 0 {
		text += "; refused now: " + strings.Join(refused, ", ")
	}
	return text
}

// shortage names a zone that is kept from its reads, and one that is lost
// meanwhile; empty where there are not both.
func shortage(o *Observed) string {
	drained, lost := "", ""
	for i := range o.Strays {
		if stray := &o.Strays[i]; stray.Drained() {
			drained = stray.Name
		}
	}
	for i := range o.Zones {
		switch zone := &o.Zones[i]; {
		case len(zone.Reads.Drained) > 0:
			drained = zone.Name
		case zone.Record.Emptied || zone.Cluster != nil && ailing(zone):
			lost = zone.Name
		}
	}
	if drained == "" || lost == "" {
		return ""
	}
	return fmt.Sprintf("zone %s is lost while zone %s is drained: %s, or give its reads back by hand", lost, drained, o.heldBy().remedy)
}

func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// leftover is what is to be written though all zones may be what is wanted.
func leftover(o *Observed, d *Decision) string {
	if len(o.Strays) > 0 {
		return farewell(&o.Strays[0], &d.Strays[0])
	}
	for i := range o.Zones {
		if cluster := o.Zones[i].Cluster; cluster != nil && cluster.Difference == Metadata && !d.Zones[i].Skipped {
			return fmt.Sprintf("VMCluster %s is to be marked", o.Zones[i].Name)
		}
	}
	if o.ScrapePending {
		return "the VMAgent is to be made to scrape the zones"
	}
	return ""
}

// farewell says what is still to be done about a stray.
func farewell(stray *Stray, state *ZoneState) string {
	if stray.Drained() {
		return fmt.Sprintf("VMCluster %s, which no zone names any more, is to be given its reads back; it waits for %s", stray.Name, state.WaitingFor)
	}
	return fmt.Sprintf("VMCluster %s, which no zone names any more, is to be released", stray.Name)
}

// place notes the first zone of each sort.
func (v *overview) place(zone *ZoneState) {
	first := func(slot **ZoneState) {
		if *slot == nil {
			*slot = zone
		}
	}
	if zone.Hold {
		first(&v.stalled)
	}
	switch zone.Record.Phase {
	case Creating, Draining, Updating, Flushing, Restoring:
		first(&v.busy)
	case Baking:
		first(&v.baking)
	case Pending, Missing, Leaving:
		first(&v.waiting)
	case Failed:
		first(&v.stalled)
	}
}

// checkUp notes the first zone that is not healthy though no change is under way
// in it.
func (v *overview) checkUp(zone *ZoneState, cluster *Cluster) {
	if v.degraded == nil && zone.Record.Emptied && cluster == nil {
		v.degraded, v.ailment = zone, "its VMCluster is gone"
	}
	if v.degraded != nil || cluster == nil || cluster.Healthy() {
		return
	}
	switch zone.Record.Phase {
	case Creating, Draining, Updating, Flushing, Restoring, Leaving:
		if !zone.Skipped {
			return
		}
	}
	v.degraded, v.ailment = zone, ailment(cluster)
}

// arrived is true where every zone is what is to be rolled out, in good health, or was
// skipped, and nothing is left to write.
func (v *overview) arrived() bool { return v.allDone() && !v.leaving && v.leftover == "" }

// allDone is true where there is no other zone to bring on.
func (v *overview) allDone() bool { return v.done+v.left == v.total }

// wentBack is true where that is not what spec asks for.
func (v *overview) wentBack() bool { return v.undone != "" && v.held == "" && v.arrived() }

// allReady is true where every zone is what is wanted, in good health, or was skipped.
func (v *overview) allReady() bool { return v.allDone() && !v.leaving && v.undone == "" }

// complete is true where beside that nothing is left to write.
func (v *overview) complete() bool { return v.allReady() && v.leftover == "" }

func (v *overview) updateStatus() (status, reason string) {
	switch {
	case v.held != "":
		return StatusPaused, ""
	case v.complete():
		return StatusOperational, v.skipped
	case v.stalled != nil:
		return StatusFailed, v.standstill()
	case v.wentBack():
		return StatusFailed, v.undone
	}
	return StatusExpanding, v.message()
}

// message says what happens, or is waited for, in one sentence.
func (v *overview) message() string {
	if v.observing {
		return "spec.managementPolicy is Observe: " + v.foretold
	}
	if v.wentBack() {
		return v.undone
	}
	if v.stalled != nil {
		return v.standstill()
	}
	for _, zone := range []*ZoneState{v.busy, v.ill(), v.baking, v.waiting} {
		if zone != nil && (zone.WaitingFor != "" || v.leftover == "") {
			return about(zone)
		}
	}
	if v.leftover != "" {
		return v.leftover
	}
	return v.tally()
}

// standstill is what the zone waits for that only the user can bring on. That the change was
// called off is said beside it, where it is another zone that waits for that.
func (v *overview) standstill() string {
	if v.stalled.Reason == ReasonAborted {
		return about(v.stalled)
	}
	return about(v.stalled) + v.off
}

// ill is a degraded zone that holds others back.
func (v *overview) ill() *ZoneState {
	if v.degraded != nil && v.degraded.Skipped {
		return nil
	}
	return v.degraded
}

// tally counts the zones that are done, and names those that were skipped.
func (v *overview) tally() string {
	text := fmt.Sprintf("%d of %d zones are updated and healthy", v.done, v.total)
	if v.skipped != "" {
		text += "; " + v.skipped
	}
	return text
}

func about(zone *ZoneState) string {
	if zone.WaitingFor == "" {
		return fmt.Sprintf("zone %s is %s", zone.Name, strings.ToLower(string(zone.Record.Phase)))
	}
	return fmt.Sprintf("zone %s is %s, waiting for %s", zone.Name, strings.ToLower(string(zone.Record.Phase)), zone.WaitingFor)
}

func (v *overview) readyCondition() Condition {
	if v.allReady() {
		reason := "AllZonesReady"
		if v.left > 0 {
			reason = "AllOthersReady"
		}
		return Condition{ConditionReady, true, reason, v.tally()}
	}
	return Condition{ConditionReady, false, v.reason(), v.message()}
}

// busyReason tells what happens in a zone in work.
func busyReason(phase Phase) string {
	switch phase {
	case Creating:
		return "ZoneCreating"
	case Draining:
		return "ZoneDraining"
	case Flushing:
		return ReasonWaitingForQueues
	case Restoring:
		return "ZoneRestoring"
	}
	return "ZoneUpdating"
}

// reason is why the object is not ready.
func (v *overview) reason() string {
	switch {
	case v.leaving && v.held == "":
		return "Deleting"
	case v.observing:
		return v.held
	case v.stalled != nil:
		return v.stalled.Reason
	case v.wentBack():
		return ReasonUndone
	case v.held == ReasonPaused:
		return "RolloutPaused"
	case v.held != "":
		return v.held
	case v.busy != nil:
		return busyReason(v.busy.Record.Phase)
	case v.ill() != nil:
		return v.ill().Reason
	case v.baking != nil:
		return ReasonBaking
	case v.waiting != nil:
		return v.waiting.Reason
	case v.leftover != "":
		return ReasonWriting
	}
	return "RolloutCompleted"
}

func (v *overview) progressing() Condition {
	switch {
	case v.complete():
		return Condition{ConditionProgressing, true, "RolloutCompleted", v.tally()}
	case v.stalled != nil, v.held != "", v.wentBack():
		return Condition{ConditionProgressing, false, v.reason(), v.message()}
	}
	return Condition{ConditionProgressing, true, v.reason(), v.message()}
}

// reconciling is for kstatus: true while there is more to come. A paused object
// that is not complete is in progress, never failed. Of one that is only observed
// no more comes.
func (v *overview) reconciling() Condition {
	switch {
	case v.complete():
		return Condition{ConditionReconciling, false, "RolloutCompleted", "nothing is left to do"}
	case v.observing:
		return Condition{ConditionReconciling, false, v.held, v.message()}
	case (v.stalled != nil || v.wentBack()) && v.held == "":
		return Condition{ConditionReconciling, false, v.reason(), "the rollout can't be completed as things stand; see Stalled"}
	}
	return Condition{ConditionReconciling, true, v.reason(), v.message()}
}

func (v *overview) stalledCondition() Condition {
	if v.stalled != nil && v.held == "" {
		return Condition{ConditionStalled, true, v.stalled.Reason, v.standstill()}
	}
	if v.wentBack() {
		return Condition{ConditionStalled, true, ReasonUndone, v.undone}
	}
	return Condition{ConditionStalled, false, "NotStalled", "no zone has failed, is refused, or waits for the user's word"}
}

func (v *overview) pausedCondition() Condition {
	switch {
	case v.halt != nil && v.shortage != "":
		return Condition{ConditionPaused, true, v.held, v.halt.message() + ". And " + v.shortage}
	case v.halt != nil:
		return Condition{ConditionPaused, true, v.held, v.halt.message()}
	case v.leaving && v.unheeded:
		return Condition{ConditionPaused, false, "NotPaused", "spec.paused does not hold up the deletion"}
	case v.unheeded && v.shortage != "":
		return Condition{ConditionPaused, true, ReasonPausedShort, v.shortage}
	case v.unheeded:
		return Condition{ConditionPaused, true, "RolloutPaused", "spec.paused is set: no VMCluster, VMAgent or VMUser is written"}
	}
	return Condition{ConditionPaused, false, "NotPaused", "spec.paused is not set"}
}

// message says what is halted, by what and why.
func (h *Halt) message() string {
	if h.Unknown != "" {
		return fmt.Sprintf("nothing is written, since it is not known whether there is %s, which would forbid it: %s", h.Switch, h.Unknown)
	}
	return fmt.Sprintf("%s is there: until it is deleted no VMCluster, VMAgent or VMUser is written for any object, deletions included. Its reason: %q", h.Switch, h.Reason)
}

func (v *overview) observingCondition() Condition {
	switch {
	case v.unobserved && v.leaving:
		return Condition{ConditionObserving, false, "Deleting", "spec.managementPolicy Observe does not hold up the deletion: what we have ever written of marks and drains is taken back, and no VMCluster is deleted"}
	case v.observing && v.shortage != "":
		return Condition{ConditionObserving, true, ReasonObserving, v.shortage}
	case v.observing:
		return Condition{ConditionObserving, true, ReasonObserving, v.away + "no VMCluster, VMAgent or VMUser is written; set spec.managementPolicy to Manage to let it act. Then " + v.foretold}
	}
	return Condition{ConditionObserving, false, "Manage", "spec.managementPolicy is Manage"}
}

func (v *overview) degradedCondition() Condition {
	if v.shortage != "" {
		return Condition{ConditionDegraded, true, ReasonPausedShort, v.shortage}
	}
	if v.degraded != nil {
		return Condition{ConditionDegraded, true, v.degradedReason(), fmt.Sprintf("zone %s is not healthy: %s", v.degraded.Name, v.ailment)}
	}
	if v.stranded != "" {
		return Condition{ConditionDegraded, true, ReasonStranded, v.stranded}
	}
	if v.undone != "" {
		return Condition{ConditionDegraded, true, ReasonUndone, v.undone}
	}
	if v.skipped != "" {
		return Condition{ConditionDegraded, true, ReasonSkipped, v.skipped + ". The verb retry for that zone takes it back"}
	}
	return Condition{ConditionDegraded, false, "ZonesHealthy", "no zone that exists is unhealthy, other than by an update under way"}
}

// degradedReason is the phase's where the phase is about health.
func (v *overview) degradedReason() string {
	switch v.degraded.Record.Phase {
	case Failed, Unhealthy:
		if v.degraded.Reason != ReasonSkipped {
			return v.degraded.Reason
		}
	}
	return ReasonNotHealthy
}
