// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

// wait is an observation in which a zone, the first unless it is said, waits.
type wait struct {
	seen Observed
	zone int
	// until is how long from now on it may last; zero for what has no limit.
	until time.Duration
}

func past(d time.Duration) time.Time { return noon.Add(-d) }

// changed is an observation with something else that holds of the object.
func changed(o Observed, how func(*Observed)) Observed {
	how(&o)
	return o
}

// flushingFor is a zone that has waited for its queues for so long.
func flushingFor(ago time.Duration) Zone {
	z := written(gated(5 << 20))
	z.Record.Healthy, z.Record.Clock = past(ago), past(ago)
	return z
}

// awayFor is a zone that is to be written, and whose reads were taken away so long ago.
func awayFor(ago time.Duration, changes ...change) Zone {
	return outdatedZone("a", append([]change{drainedFor(ago)}, changes...)...)
}

// returning is a zone in good health whose reads were given back so long ago.
func returning(ago time.Duration) Zone {
	return zone("a", open, loaded(false), inFlight(Restoring, time.Hour, true), func(z *Zone) {
		z.Record.Begun, z.Record.Restored, z.Record.Clock = past(time.Hour), past(ago), past(ago)
	})
}

// everyWait is one for each reason, but for those that waitless names.
func everyWait() map[string]wait {
	other, others := zone("b", open), routedScene
	ill := zone("b", unhealthy, phase(Unhealthy))
	leaving := func(o *Observed) { o.Deletion = &Deletion{} }
	dropped := saying(func(_ *Reading, q *Queue) { q.Dropped++ })
	return map[string]wait{
		ReasonNotOurs:             {seen: others(zone("a", unmarked), other)},
		ReasonClaimed:             {seen: others(zone("a", foreign), other)},
		ReasonStorageWouldShrink:  {seen: others(outdatedZone("a", shrinking), other)},
		ReasonContended:           {seen: others(zone("a", drifted(maxReapplied)), other)},
		ReasonInvalid:             {seen: others(outdatedZone("a", invalid), other)},
		ReasonDryRunFailed:        {seen: others(outdatedZone("a", func(z *Zone) { z.Untried = "the webhook is down" }), other)},
		ReasonMinAvailableZones:   {seen: others(outdatedZone("a"))},
		ReasonBlocked:             {seen: others(outdatedZone("a"), ill, zone("c"))},
		ReasonBaking:              {seen: others(zone("a", open, finished(20*time.Second)), outdatedZone("b", open)), until: 40 * time.Second},
		ReasonWaitingForOtherZone: {seen: others(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), outdatedZone("b")), zone: 1},
		ReasonReadsUnknown:        {seen: others(routedZone("a", func(z *Zone) { z.Reads.Unknown = "VMUser u to exist" }), other)},
		ReasonVMUserBusy:          {seen: others(routedZone("a", func(z *Zone) { z.Reads.Busy = "other/one drains zone x" }), other)},
		ReasonReadsUndrainable:    {seen: others(routedZone("a", func(z *Zone) { z.Reads.Undrainable = []string{"default_url of VMAuth main"} }), other)},
		ReasonQueuesUnknown:       {seen: others(outdatedZone("a", gated(0), saying(func(r *Reading, _ *Queue) { r.Missing = "vmagent-1" })), other)},
		ReasonQueueRoom:           {seen: others(outdatedZone("a", gated(0), saying(func(r *Reading, _ *Queue) { r.Room = time.Minute }), func(z *Zone) { z.Record.Took = time.Hour }), other)},
		ReasonPaused:              {seen: changed(others(outdatedZone("a"), other), func(o *Observed) { o.Paused = true })},
		ReasonPausedShort:         {seen: changed(others(zone("a", drainedFor(time.Minute)), ill), func(o *Observed) { o.Paused = true })},
		ReasonObserving:           {seen: observing(others(outdatedZone("a"), other))},
		ReasonHalted:              {seen: halted(others(outdatedZone("a"), other))},
		ReasonHaltUnknown:         {seen: changed(halted(others(outdatedZone("a"), other)), func(o *Observed) { o.Halt.Unknown = "forbidden" })},
		ReasonQueuesUnclear:       {seen: others(outdatedZone("a", func(z *Zone) { z.Queues = Queues{Gate: Unclear, Why: "a proxy"} }), other)},
		ReasonAborted:             {seen: changed(others(outdatedZone("a"), other), func(o *Observed) { o.Aborted = &Abort{By: "ann"} })},
		ReasonSkipped:             {seen: others(outdatedZone("a", func(z *Zone) { z.Skipped = &Skip{By: "ann"} }), other)},
		ReasonUndoneToLost:        {seen: changed(others(outdatedZone("a"), other), func(o *Observed) { o.Undone = &Undo{Revision: "bad", To: "good", Lost: "there is no record of it"} })},
		ReasonWaitingForApproval: {zone: 1, seen: changed(others(zone("a", open, finished(10*time.Minute)), outdatedZone("b", open)), func(o *Observed) {
			o.Strategy.Approval, o.Begun = EveryZone, past(time.Hour)
		})},
		ReasonMaxFailures:        {zone: 1, seen: changed(others(zone("a", failed, inFlight(Failed, time.Minute, true)), outdatedZone("b"), zone("c")), func(o *Observed) { o.Strategy.MaxUnavailable = 2 })},
		ReasonWaitingForVMAuth:   {seen: others(awayFor(time.Minute, loaded(false)), other), until: time.Minute},
		ReasonDrainTimeout:       {seen: others(awayFor(3*time.Minute, loaded(false)), other), until: -time.Minute},
		ReasonReadsInFlight:      {seen: others(awayFor(time.Minute, loaded(true), idling(false), func(z *Zone) { z.Record.Loaded = past(10 * time.Second) }), other), until: 20 * time.Second},
		ReasonWaitingForQueues:   {seen: others(flushingFor(time.Minute), other), until: 9 * time.Minute},
		ReasonFlushTimeout:       {seen: others(flushingFor(11*time.Minute), other), until: -time.Minute},
		ReasonDataDropped:        {seen: others(written(dropped), other)},
		ReasonEmptied:            {seen: others(zone("a", open, emptied))},
		ReasonRestoreTimeout:     {seen: others(returning(3*time.Minute), other), until: -time.Minute},
		ReasonClusterMissing:     {seen: others(zone("a", ref, absent), other)},
		ReasonReadyTimeout:       {seen: others(zone("a", unhealthy, inFlight(Updating, 6*time.Minute, true)), other), until: -time.Minute},
		ReasonOperatorFailed:     {seen: others(zone("a", failed, inFlight(Updating, time.Minute, true)), other)},
		ReasonReferenced:         {seen: changed(others(zone("a", referred), zone("b", referred)), leaving)},
		ReasonWriting:            {seen: others(outdatedZone("a"), zone("b")), until: 5 * time.Minute},
		ReasonWaitingForOperator: {seen: others(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), other), until: 4 * time.Minute},
		ReasonProgressDeadline: {seen: changed(others(outdatedZone("a", phase(Pending)), ill), func(o *Observed) {
			o.Strategy.ProgressDeadline = time.Hour
			for i := range o.Zones {
				o.Zones[i].Record.Since = past(61 * time.Minute)
			}
		}), until: -time.Minute},
		ReasonClusterDeleting: {seen: others(zone("a", deleting), other)},
		ReasonNotHealthy:      {seen: others(zone("a", unhealthy), other)},
		ReasonReleasing:       {seen: changed(others(zone("a"), other), leaving)},
	}
}

// waitless are reasons of no zone: nothing is waited for, or a condition tells of it.
var waitless = map[string]bool{ReasonUpToDate: true, ReasonUndone: true, ReasonStranded: true}

func TestEveryReasonTellsWhatIsWaitedForSinceWhenAndUntilWhen(t *testing.T) {
	t.Parallel()
	all := everyWait()
	for _, reason := range reasonsOfTheSource(t) {
		test, there := all[reason]
		if there == waitless[reason] {
			t.Errorf("%s is to be come to: %t, and it has a wait: %t", reason, !waitless[reason], there)
		}
		if !there {
			continue
		}
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			zone := decide(t, test.seen).Zones[test.zone]
			if zone.Reason != reason || zone.WaitingFor == "" {
				t.Fatalf("it comes to %s/%s, and waits for %q", zone.Record.Phase, zone.Reason, zone.WaitingFor)
			}
			if zone.Record.Since.IsZero() {
				t.Error("it does not say since when")
			}
			var want time.Time
			if test.until != 0 {
				want = noon.Add(test.until)
			}
			if !zone.Deadline.Equal(want) {
				t.Errorf("it waits until %v, want %v", zone.Deadline, want)
			}
		})
	}
}

func TestAWaitOnTheWayOutSaysUntilWhen(t *testing.T) {
	t.Parallel()
	going := func(o Observed) Observed {
		o.Deletion = &Deletion{}
		return o
	}
	stray := Stray{Zone: flushingFor(time.Minute), Marked: true}
	strayed := routedScene(zone("b", open))
	strayed.Strays = []Stray{stray}
	for name, states := range map[string][]ZoneState{
		"a zone of an object that is deleted":     decide(t, going(routedScene(flushingFor(time.Minute), zone("b", open)))).Zones,
		"one that the list no longer names":       decide(t, strayed).Strays,
		"such a one of an object that is deleted": decide(t, going(strayed)).Strays,
	} {
		if zone := states[0]; zone.Reason != ReasonWaitingForQueues || !zone.Deadline.Equal(noon.Add(9*time.Minute)) {
			t.Errorf("%s is %s/%s until %v, want %s until %v", name, zone.Record.Phase, zone.Reason, zone.Deadline, ReasonWaitingForQueues, noon.Add(9*time.Minute))
		}
	}
}
