// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

// reading is what two replicas say; the first as it is changed.
func reading(changes ...func(*Reading, *Queue)) *Reading {
	r := &Reading{Room: -1, Replicas: []Queue{
		{Replica: "vmagent-0", Started: 1, Failures: 5, Dropped: 2, Sent: 100, Inflow: 1000},
		{Replica: "vmagent-1", Started: 1, Failures: 5, Dropped: 2, Sent: 100, Inflow: 1000},
	}}
	for _, c := range changes {
		c(r, &r.Replicas[0])
	}
	return r
}

func gated(pending int64) change {
	return func(z *Zone) {
		z.Queues = Queues{Gate: Gated, RetryPause: time.Minute, Reading: reading(func(_ *Reading, q *Queue) { q.Pending = pending })}
	}
}

// restored is a zone that is written, in good health for an hour, and drained; its
// baseline was taken when it was begun, and noted again when it was healthy.
func written(changes ...change) Zone {
	z := zone("a", append([]change{drainedFor(2 * time.Hour), inFlight(Flushing, time.Hour, true), gated(0)}, changes...)...)
	if z.Record.Baseline == "" {
		marks := baselineOf(reading()).Marks()
		for i := range marks {
			marks[i].Marked, marks[i].Sent, marks[i].Inflow = true, 50, 500
		}
		z.Record.Baseline = NewBaseline(marks)
	}
	z.Record.Healthy, z.Record.Clock = noon.Add(-time.Minute), noon.Add(-time.Minute)
	return z
}

func saying(changes ...func(*Reading, *Queue)) change {
	return func(z *Zone) { z.Queues.Reading = reading(changes...) }
}

// The rows of section 8's table, and what each counter must be.
func TestTheFlushGate(t *testing.T) {
	quiet := func(z *Zone) { z.Record.Quiet = noon.Add(-time.Minute) }
	for name, c := range map[string]struct {
		changes []change
		reason  string // of the wait; empty where reads are given back
		hold    bool
	}{
		"empty for long enough":                {[]change{quiet}, "", false},
		"empty just now":                       {nil, ReasonWaitingForQueues, false},
		"no VMAgent is listed":                 {[]change{func(z *Zone) { z.Queues = Queues{Gate: NoGate} }}, "", false},
		"it goes through a proxy":              {[]change{quiet, func(z *Zone) { z.Queues = Queues{Gate: Unclear, Why: "proxy"} }}, ReasonQueuesUnclear, true},
		"and the user has given their word":    {[]change{approved, func(z *Zone) { z.Queues = Queues{Gate: Unclear} }}, "", false},
		"nobody has looked":                    {[]change{quiet, func(z *Zone) { z.Queues.Reading = nil }}, ReasonWaitingForQueues, false},
		"a replica is silent, or series amiss": {[]change{quiet, saying(func(r *Reading, _ *Queue) { r.Missing = "vmagent-1" })}, ReasonWaitingForQueues, false},
		"something is pending":                 {[]change{quiet, gated(1)}, ReasonWaitingForQueues, false},
		"an attempt has failed since":          {[]change{quiet, saying(func(_ *Reading, q *Queue) { q.Failures++ })}, ReasonWaitingForQueues, false},
		"nothing sent since it is healthy":     {[]change{quiet, saying(func(_ *Reading, q *Queue) { q.Sent = 50 })}, ReasonWaitingForQueues, false},
		"and nothing came in":                  {[]change{quiet, saying(func(_ *Reading, q *Queue) { q.Sent, q.Inflow = 50, 500 })}, "", false},
		"a replica has started anew":           {[]change{quiet, saying(func(_ *Reading, q *Queue) { *q = Queue{Replica: q.Replica, Started: 2} })}, "", false},
		"and has much to send":                 {[]change{quiet, saying(func(_ *Reading, q *Queue) { *q = Queue{Replica: q.Replica, Started: 2, Pending: 9} })}, ReasonWaitingForQueues, false},
		"data was dropped":                     {[]change{quiet, saying(func(_ *Reading, q *Queue) { q.Dropped++ })}, ReasonDataDropped, true},
		"dropped, and the user knows":          {[]change{approved, saying(func(_ *Reading, q *Queue) { q.Dropped++ })}, "", false},
		"a replica has left with its queue":    {[]change{quiet, saying(func(r *Reading, _ *Queue) { r.Replicas = r.Replicas[1:] })}, ReasonDataDropped, true},
		"begun a moment ago":                   {[]change{quiet, func(z *Zone) { z.Record.Begun = noon.Add(-30 * time.Second) }}, ReasonWaitingForQueues, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, routedScene(written(c.changes...), zone("b", open)))
			if c.reason == "" {
				wantAction(t, d, RestoreReads, "a")
				return
			}
			wantAction(t, d, Nothing, "")
			wantZone(t, d, 0, Flushing, c.reason)
			if d.Zones[0].Hold != c.hold {
				t.Errorf("hold is %t: %s", d.Zones[0].Hold, d.Zones[0].WaitingFor)
			}
		})
	}
}

// TestAQueueCountsAsEmptyWithWhatHasJustComeIn, and with nothing that is older, however
// few bytes that is.
func TestAQueueCountsAsEmptyWithWhatHasJustComeIn(t *testing.T) {
	for name, c := range map[string]struct {
		limit, pending, perSecond int64
		restored                  bool
	}{
		"of a second":                     {1 << 20, 1000, 1000, true},
		"of half a minute":                {1 << 20, 30_000, 1000, false},
		"of a second, and over the limit": {1 << 20, 2 << 20, 2 << 20, false},
		"of nobody knows when":            {1 << 20, 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			pending := saying(func(_ *Reading, q *Queue) { q.Pending, q.PerSecond = c.pending, c.perSecond })
			o := routedScene(written(pending, func(z *Zone) { z.Record.Quiet = noon.Add(-time.Minute) }), zone("b", open))
			o.Strategy.MaxPendingBytes = c.limit
			if restored := decide(t, o).Action == (Action{RestoreReads, "a"}); restored != c.restored {
				t.Errorf("reads are given back: %t, want %t", restored, c.restored)
			}
		})
	}
}

func TestSamplesThatHaveArrivedAreGivenTimeToBeShown(t *testing.T) {
	for stable, want := range map[time.Duration]time.Duration{0: shown, 10 * time.Second: 10 * time.Second, time.Millisecond: time.Second} {
		o := routedScene(written(), zone("b", open))
		o.Strategy.StableFor = stable
		o = remembering(o, decide(t, o))
		wantAction(t, decide(t, later(o, want-time.Millisecond)), Nothing, "")
		wantAction(t, decide(t, later(o, want)), RestoreReads, "a")
	}
}

func TestAReplicaThatFailedMustBeQuietForAsLongAsItMayHoldABlock(t *testing.T) {
	o := routedScene(written(saying(func(_ *Reading, q *Queue) { q.Failures++ })), zone("b", open))
	d := decide(t, o)
	o = remembering(o, d)
	wantAction(t, decide(t, later(o, 59*time.Second)), Nothing, "")
	wantAction(t, decide(t, later(o, time.Minute)), RestoreReads, "a")
}

func TestAZoneThatWaitsForTheUsersWordHoldsUpNoRepairOfOneBeforeIt(t *testing.T) {
	lossy := written(saying(func(_ *Reading, q *Queue) { q.Dropped++ }))
	lossy.Name, lossy.Revision, lossy.Cluster.Difference = "b", "newer", Spec
	o := routedScene(outdatedZone("a", unhealthy, drainedFor(time.Minute), loaded(true), idling(true), gated(0)), lossy, zone("c", open))
	wantAction(t, decide(t, o), UpdateCluster, "a")
}

func TestWhatWasLostStaysLostThroughARestart(t *testing.T) {
	o := routedScene(written(saying(func(_ *Reading, q *Queue) { q.Dropped++ })), zone("b", open))
	o = later(remembering(o, decide(t, o)), time.Hour)
	saying(func(_ *Reading, q *Queue) { *q = Queue{Replica: q.Replica, Started: 2} })(&o.Zones[0])
	wantZone(t, decide(t, o), 0, Flushing, ReasonDataDropped)
}

func TestAfterALossNoOtherZoneIsBegun(t *testing.T) {
	o := routedScene(written(saying(func(_ *Reading, q *Queue) { q.Dropped++ })), outdatedZone("b", open), zone("c", open))
	o.Strategy.MaxUnavailable = 2
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 1, Pending, ReasonDataDropped)
}

func TestAnIllZoneIsNotGivenBack(t *testing.T) {
	o := routedScene(written(unhealthy, func(z *Zone) { z.Record.Quiet = noon.Add(-time.Minute) }), zone("b", open))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	if r := d.Zones[0].Record; !r.Healthy.IsZero() || !r.Quiet.IsZero() {
		t.Errorf("old evidence is kept: %+v", r)
	}
}

func TestAFlushHasADeadline(t *testing.T) {
	d := decide(t, routedScene(written(gated(1), func(z *Zone) { z.Record.Since = noon.Add(-time.Hour) }), zone("b", open)))
	wantZone(t, d, 0, Flushing, ReasonWaitingForQueues)
	o := routedScene(written(gated(1)), zone("b", open))
	d = decide(t, later(o, 9*time.Minute))
	wantZone(t, d, 0, Flushing, ReasonFlushTimeout)
	if !d.Zones[0].Hold {
		t.Error("it must call for the user")
	}
}

func TestBeforeADrainTheQueuesAreKnownAndHaveRoom(t *testing.T) {
	took := func(z *Zone) { z.Record.Took = 5 * time.Minute }
	for name, c := range map[string]struct {
		reading *Reading
		reason  string
	}{
		"nobody has looked":   {nil, ReasonQueuesUnknown},
		"a replica is silent": {reading(func(r *Reading, _ *Queue) { r.Missing = "vmagent-1" }), ReasonQueuesUnknown},
		"too little room":     {reading(func(r *Reading, _ *Queue) { r.Room = 4 * time.Minute }), ReasonQueueRoom},
		"room enough":         {reading(func(r *Reading, _ *Queue) { r.Room = 6 * time.Minute }), ReasonWriting},
		"room can't be told":  {reading(), ReasonWriting},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, routedScene(outdatedZone("a", open, gated(0), func(z *Zone) { z.Queues.Reading = c.reading }), zone("b", open, took)))
			if got := d.Zones[0].Reason; got != c.reason {
				t.Errorf("%s: %s, want %s", got, d.Zones[0].WaitingFor, c.reason)
			}
			if c.reading == nil && d.Needs()["a"] != NeedQueues {
				t.Errorf("asks for %v", d.Needs())
			}
		})
	}
}

func TestABrokenZoneIsReadOnceAndNotWaitedFor(t *testing.T) {
	o := routedScene(outdatedZone("a", unhealthy, gated(0), saying(func(r *Reading, _ *Queue) { r.Missing = "vmagent-1" })), zone("b"))
	d := decide(t, o)
	wantAction(t, d, UpdateCluster, "a")
	if len(d.Zones[0].Record.Baseline.Marks()) != 2 {
		t.Errorf("no baseline: %q", d.Zones[0].Record.Baseline)
	}
	o.Zones[0].Queues.Reading = nil
	if d = decide(t, o); d.Needs()["a"] != NeedQueues {
		t.Errorf("asks for %v, %v", d.Needs(), d.Action)
	}
}

func TestTooManyFailuresHaltARollout(t *testing.T) {
	o := routedScene(zone("a", failed, inFlight(Failed, time.Hour, true)), outdatedZone("b", open), zone("c", open))
	o.Strategy.MaxUnavailable = 2
	wantZone(t, decide(t, o), 1, Pending, ReasonMaxFailures)
	o.Strategy.MaxFailures = 1
	wantAction(t, decide(t, o), DrainReads, "b")
}

func TestDeletionGivesReadsBackAsARolloutWould(t *testing.T) {
	for name, c := range map[string]struct {
		zone   Zone
		action ActionType
		reason string
	}{
		"not written":      {outdatedZone("a", drainedFor(0)), RestoreReads, ReasonWriting},
		"written, flushed": {written(func(z *Zone) { z.Record.Quiet = noon.Add(-time.Hour) }), RestoreReads, ReasonWriting},
		"written":          {written(gated(9)), Nothing, ReasonWaitingForQueues},
		"ill":              {written(unhealthy), Nothing, ReasonNotHealthy},
		"made anew":        {zone("a", emptied, drainedFor(0)), Nothing, ReasonEmptied},
		"gone":             {zone("a", drainedFor(0), absent), ForgetDrain, ReasonClusterMissing},
	} {
		t.Run(name, func(t *testing.T) {
			o := routedScene(c.zone)
			o.Deletion = &Deletion{}
			d := decide(t, o)
			if d.Action.Type != c.action || d.Zones[0].Reason != c.reason {
				t.Errorf("%v, %s: %s; want %v, %s", d.Action, d.Zones[0].Reason, d.Zones[0].WaitingFor, c.action, c.reason)
			}
		})
	}
}

func TestAStrayThatIsDrainedIsGivenBackFirstAndKeepsTheObject(t *testing.T) {
	o := routedScene(zone("a"), zone("b"))
	o.Strays = []Stray{stray("x", drainedFor(0))}
	wantAction(t, decide(t, o), RestoreReads, "x")
	o.Strays[0].Cluster.Unhealthy = notYet
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	if got := told(Summarise(o, d)); got != "expanding Ready=AllZonesReady Progressing=Writing Reconciling=Writing Degraded="+ReasonStranded {
		t.Errorf("the summary is %s", got)
	}
	o.Zones, o.Deletion = nil, &Deletion{}
	wantAction(t, decide(t, o), Nothing, "")
}
