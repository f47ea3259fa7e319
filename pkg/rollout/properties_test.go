// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// unstable says how a decision differs from the one that follows when nothing
// has happened but that its records were stored, and a second passed.
func unstable(o Observed, d Decision) string {
	if !d.Wake.IsZero() && !d.Wake.After(o.Now) {
		return fmt.Sprintf("Wake %s is not after Now %s: the controller would spin", d.Wake, o.Now)
	}
	again := Decide(remembering(o, d))
	if again.Action.Type == DrainReads && d.Action.Type != UpdateCluster && d.Action.Type != DrainReads && d.Action.Type != Nothing {
		return "" // a lost zone comes first, now that there is another to read from again
	}
	heldBack := d.lendHeldBack(&again)
	whole := o.Now.Equal(o.Now.Truncate(time.Second))
	if o.Observing && !whole {
		d.lendWords(&again)
	}
	if difference := differ(d, again); difference != "" {
		return "fed with its own records, Decide changes its mind: " + difference
	}
	if heldBack {
		return "" // and so has another alarm
	}
	if whole && again.Wake != d.Wake {
		return fmt.Sprintf("fed with its own records, Decide wants to wake at %s and no longer at %s", again.Wake, d.Wake)
	}
	if !again.quiet() {
		return "fed with its own records, Decide changes what it remembers"
	}
	if again.Wake.IsZero() != d.Wake.IsZero() {
		return fmt.Sprintf("fed with its own records, Decide wakes at %s and not at %s", again.Wake, d.Wake)
	}
	next := o.Now.Add(time.Second)
	if !again.Wake.IsZero() {
		next = again.Wake.Add(-time.Second)
	}
	if next.Before(o.Now) {
		return ""
	}
	then := Decide(later(remembering(o, d), next.Sub(o.Now)))
	if o.Observing {
		d.lendWords(&then)
	}
	if difference := differ(d, then); difference != "" {
		return fmt.Sprintf("before Wake (%s), at %s, Decide changes its mind: %s", d.Wake, next, difference)
	}
	return ""
}

// lendHeldBack leaves out of a comparison what is said of zones that wait for the one
// that is acted on: where several are out at once, by strategy or by misfortune, it may
// have been looked at after them, and what it does holds them back from the next pass on.
// Nothing that is remembered of them may differ, nor the action.
func (d *Decision) lendHeldBack(to *Decision) (lent bool) {
	for i := range to.Zones {
		x, y := &d.Zones[i], &to.Zones[i]
		waits := y.Record.Phase == Pending && (y.Reason == ReasonWaitingForOtherZone || y.Reason == ReasonBlocked)
		if d.Action.Type == Nothing || d.Action != to.Action || x.Name == d.Action.Cluster || !waits || memory(stored(x.Record)) != memory(stored(y.Record)) {
			continue
		}
		lent = lent || x.Record.Phase != y.Record.Phase
		y.Record.Phase, y.Record.Since, y.Deadline = x.Record.Phase, x.Record.Since, x.Deadline
		y.Reason, y.WaitingFor, y.Hold, y.Needs = x.Reason, x.WaitingFor, x.Hold, x.Needs
	}
	return lent
}

// lendWords leaves out of a comparison what would be done, which is told as of each
// moment: a bake may begin with it.
func (d *Decision) lendWords(to *Decision) {
	for i := range to.Zones {
		to.Zones[i].WaitingFor, to.Zones[i].Needs = d.Zones[i].WaitingFor, d.Zones[i].Needs
	}
}

// quiet is true where nothing but a step or a standing complaint asks for fresh
// reads.
func (d *Decision) quiet() bool {
	for i := range d.Zones {
		if z := &d.Zones[i]; z.verdict && (!z.Hold || z.Record.Phase != Pending) {
			return false
		}
	}
	return true
}

func differ(a, b Decision) string {
	if a.Action != b.Action {
		return fmt.Sprintf("action %v becomes %v", a.Action, b.Action)
	}
	for i := range a.Zones {
		x, y := a.Zones[i], b.Zones[i]
		x.verdict, y.verdict, x.was, y.was, x.blocked, y.blocked = false, false, "", "", false, false
		x.Record, y.Record = stored(x.Record), stored(y.Record)
		if action := a.Action.Type; (action == DrainReads || action == RestoreReads) && a.Action.Cluster == x.Name {
			// The moment of the last attempt.
			y.Record.Drained, y.Record.Restored = x.Record.Drained, x.Record.Restored
		}
		if a.Action.Type != Nothing && a.Action.Cluster != x.Name && x.Record.Phase == Pending && y.Record.Phase == Pending {
			// What the others wait for may lag behind the step by a pass.
			y.Reason, y.WaitingFor, y.Hold, y.Needs = x.Reason, x.WaitingFor, x.Hold, x.Needs
		}
		if x != y {
			return fmt.Sprintf("zone\n  %+v becomes\n  %+v", x, y)
		}
	}
	return ""
}

// unexplained says which wait has no published reason, and which conditions
// contradict each other.
func unexplained(o Observed, d Decision) string {
	for i := range d.Zones {
		z := &d.Zones[i]
		if z.Reason == "" || z.Record.Phase == "" || z.Record.Since.IsZero() {
			return fmt.Sprintf("zone %s has no phase, reason or since: %+v", z.Name, z)
		}
		switch z.Record.Phase {
		case Ready, Leaving:
		default:
			if z.WaitingFor == "" {
				return fmt.Sprintf("zone %s is %s/%s and does not say what it waits for", z.Name, z.Record.Phase, z.Reason)
			}
		}
	}
	return contradiction(o, Summarise(o, d))
}

func contradiction(o Observed, s Summary) string {
	is := map[string]bool{}
	for _, c := range s.Conditions {
		is[c.Type] = c.True
		if c.Reason == "" || c.Message == "" {
			return fmt.Sprintf("condition %s has no reason or message: %+v", c.Type, c)
		}
	}
	switch {
	case len(is) != 7 && (len(is) != 6 || !s.is("Observing") || s.is("Ready")):
		return fmt.Sprintf("conditions are %v, want all seven", s.Conditions)
	case is["Reconciling"] && is["Stalled"]:
		return fmt.Sprintf("both Reconciling and Stalled: %+v", s)
	case o.held() && o.Deletion == nil && is["Stalled"]:
		return fmt.Sprintf("Stalled though held: %+v", s)
	case is["Observing"] != (o.Observing && o.Deletion == nil):
		return fmt.Sprintf("Observing is %t: %+v", is["Observing"], s)
	case is["Observing"] && is["Reconciling"]:
		return fmt.Sprintf("Reconciling though nothing comes: %+v", s)
	case o.Halt != nil && !is["Paused"]:
		return fmt.Sprintf("halted and not Paused: %+v", s)
	case !is["Ready"] && !is["Reconciling"] && !is["Stalled"] && !is["Observing"]:
		return fmt.Sprintf("not Ready, and neither Reconciling nor Stalled: %+v", s)
	case s.Complete() && o.Undone == nil && (is["Reconciling"] || is["Stalled"] || !is["Ready"]):
		return fmt.Sprintf("complete, and yet %+v", s)
	case o.Undone != nil && o.Deletion == nil && (is["Ready"] || !is["Degraded"] || s.UpdateStatus == StatusOperational):
		return fmt.Sprintf("undone, and does not say so: %+v", s)
	case s.UpdateStatus == StatusFailed && s.Reason == "":
		return fmt.Sprintf("failed without a reason: %+v", s)
	case is["Stalled"] != (s.UpdateStatus == StatusFailed):
		return fmt.Sprintf("Stalled and updateStatus do not agree: %+v", s)
	}
	return ""
}

// TestDecidingTwiceDecidesTheSame puts Decide before observations that are
// random in every field, sensible or not.
func TestDecidingTwiceDecidesTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		o := anyObservation(random)
		d := Decide(o)
		if complaint := unstable(o, d) + unexplained(o, d) + misforetold(o); complaint != "" {
			t.Fatalf("%s\nobserved %s", complaint, describe(o))
		}
	}
}

func describe(o Observed) string {
	text := fmt.Sprintf("now=%s paused=%t deletion=%v strategy=%+v strays=%v scrape=%t", o.Now, o.Paused, o.Deletion, o.Strategy, o.Strays, o.ScrapePending)
	for _, z := range o.Zones {
		text += fmt.Sprintf("\n  %s inline=%t wants %s problem=%q\n    cluster %+v\n    record %+v", z.Name, z.Inline, z.Revision, z.Problem, z.Cluster, z.Record)
	}
	return text
}

func oneOf[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

func seldom(random *rand.Rand) bool { return random.IntN(8) == 0 }

func anyObservation(random *rand.Rand) Observed {
	o := scene()
	o.Now = o.Now.Add(oneOf(random, 0, 0, 300*time.Millisecond))
	o.Paused, o.Observing = seldom(random), seldom(random)
	if seldom(random) {
		o.Halt = &Halt{Switch: "the switch", Reason: "an incident", Unknown: oneOf(random, "", "no answer")}
	}
	o.Strategy.MinAvailableZones = random.IntN(3)
	o.Strategy.ReadyTimeout = oneOf(random, time.Minute, 5*time.Minute, 2500*time.Millisecond)
	o.Strategy.UpdatePause = oneOf(random, 0, time.Minute, 2500*time.Millisecond)
	o.ScrapePending = seldom(random)
	if seldom(random) {
		o.Undone = &Undo{Revision: "bad", To: "good", Lost: oneOf(random, "", "", "there is no record of it")}
	}
	if seldom(random) {
		o.Strays = []Stray{stray("stray")}
	}
	if seldom(random) {
		o.Deletion = &Deletion{NamespaceTerminating: seldom(random), Retain: seldom(random)}
	}
	for _, name := range []string{"a", "b", "c"}[:1+random.IntN(3)] {
		o.Zones = append(o.Zones, anyZone(random, name))
	}
	return o
}

func anyZone(random *rand.Rand, name string) Zone {
	z := zone(name)
	z.Inline = !seldom(random)
	if seldom(random) {
		z.Problem = "a definition that can be read"
	}
	z.Record = anyRecord(random)
	if seldom(random) {
		z.Skipped = &Skip{By: "ann"}
	}
	if seldom(random) {
		z.Cluster = nil
		return z
	}
	c := z.Cluster
	c.Ownership = oneOf(random, Ours, Ours, Ours, Ours, Unmarked, Foreign)
	c.Deleting = seldom(random)
	c.Generation = int64(1 + random.IntN(3))
	c.Unhealthy = oneOf(random, "", "", notYet)
	c.Failed = c.Unhealthy != "" && random.IntN(3) == 0
	c.Difference = oneOf(random, Same, Metadata, Spec, Spec)
	if c.Difference == Spec && seldom(random) {
		c.Shrinks = []string{"vmstorage.replicaCount to 2"}
	}
	return z
}

func anyRecord(random *rand.Rand) Record {
	moment := func() time.Time {
		return oneOf(random, time.Time{}, noon, noon.Add(-30*time.Second), noon.Add(-time.Minute), noon.Add(-6*time.Minute), noon.Add(-25*time.Hour), noon.Add(time.Minute))
	}
	return Record{
		Phase:      oneOf(random, "", Pending, Missing, Creating, Updating, Updating, Baking, Ready, Ready, Unhealthy, Failed, Refused),
		Since:      moment(),
		Revision:   oneOf(random, "", "old", "new"),
		Updating:   oneOf(random, "", "old", "new"),
		Started:    moment(),
		Finished:   moment(),
		Generation: int64(random.IntN(3)),
		Reapplied:  random.IntN(5),
	}
}
