// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// misforetold says where what is told of an object that is only observed is not
// what happens once it may act: a zone is said to be next, and nothing to stand
// against it, exactly if the next step is about it.
func misforetold(o Observed) string {
	if o.Deletion != nil {
		return ""
	}
	o.Observing, o.Paused, o.Halt = true, false, nil
	told := Decide(o)
	if told.Action.Type != Nothing {
		return fmt.Sprintf("%v though only observed", told.Action)
	}
	o.Observing = false
	fresh := !slices.ContainsFunc(o.Zones, func(z Zone) bool { return z.Record.inFlight() || z.Record.inWork() || len(z.Reads.Drained) > 0 })
	if fresh && len(o.Strays) == 0 {
		if complaint := untrue(o, told, Decide(o)); complaint != "" {
			return complaint
		}
	}
	return untrue(o, told, Decide(inheriting(o, told)))
}

// inheriting is an observation with the records that a decision left.
func inheriting(o Observed, d Decision) Observed {
	o.Zones, o.Strays = slices.Clone(o.Zones), slices.Clone(o.Strays)
	for i := range o.Zones {
		o.Zones[i].Record = d.Zones[i].Record
	}
	for i := range o.Strays {
		o.Strays[i].Record = d.Strays[i].Record
	}
	return o
}

// untrue compares what was told with what is done.
func untrue(o Observed, told, done Decision) string {
	if told.First != done.Action {
		return fmt.Sprintf("the first step was said to be %v, and is %v", told.First, done.Action)
	}
	for i := range o.Zones {
		look, state := &told.Outlook[i], &told.Zones[i]
		away := state.Record.drained() || state.Record.restoring() || len(o.Zones[i].Reads.Drained) > 0
		emptied := done.Action.Type == DrainReads && done.Zones[i].Record.Emptied
		isNext := look.Turn == 1 && len(look.Refusals) == 0
		switch touched := done.Action.Cluster == state.Name && done.Action.Type != ReleaseCluster; {
		case touched && look.Would == WouldDoNothing:
			return fmt.Sprintf("%v, and nothing was said to be done: %+v", done.Action, *look)
		case touched && !isNext && !away && !emptied && look.Would != WouldFinish:
			return fmt.Sprintf("%v, which was not said to be next with nothing against it: %+v", done.Action, *look)
		case isNext && done.Action.Type == Nothing:
			return fmt.Sprintf("zone %s was said to be next with nothing against it, and nothing is done: %+v, %+v", state.Name, *look, done.Zones)
		}
	}
	return ""
}

// TestWhatIsForetoldComesTrue puts the prediction before observations that are
// random in every field. The simulator and the search do so in all states they
// come to.
func TestWhatIsForetoldComesTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	steps := map[ActionType]int{}
	for range 20_000 {
		o := anyObservation(random)
		o.Deletion = nil
		for i := range o.Zones {
			anyPathsOf(random, &o.Zones[i])
		}
		if complaint := misforetold(o); complaint != "" {
			t.Fatalf("%s\nobserved %s", complaint, describe(o))
		}
		o.Observing = true
		steps[Decide(o).First.Type]++
	}
	for _, what := range []ActionType{Nothing, CreateCluster, MarkCluster, UpdateCluster, DrainReads, ConfigureScrape, ReleaseCluster} {
		if steps[what] < 100 {
			t.Errorf("%s was foretold %d times only: this tests little", what, steps[what])
		}
	}
}

// anyPathsOf gives a zone readers, writers and troubles at random.
func anyPathsOf(random *rand.Rand, z *Zone) {
	if random.IntN(3) > 0 {
		z.Reads.Listed = true
		z.Reads.Open = oneOf(random, nil, []string{"VMUser u"})
		z.Reads.Loaded = oneOf(random, nil, &Evidence{Met: true}, &Evidence{Text: "nobody has loaded it"})
	}
	for _, trouble := range []func(){
		func() { z.Reads.Unknown = "VMUser u to exist" },
		func() { z.Reads.Busy = "u is drained" },
		func() { z.Reads.Undrainable = []string{"VMAuth main: default_url"} },
		func() { z.Untried = "no answer" },
		func() { z.Record.Contended = z.Revision },
		func() { z.Queues.Gate = Unclear },
		func() { z.Queues = Queues{Gate: Gated} },
		func() { z.Queues = Queues{Gate: Gated, Reading: &Reading{Room: -1}} },
		func() { z.Queues = Queues{Gate: Gated, Reading: &Reading{Missing: "vmagent-1"}} },
		func() { z.Approved = true },
	} {
		if random.IntN(16) == 0 {
			trouble()
		}
	}
}

func observing(o Observed) Observed {
	o.Observing = true
	return o
}

func halted(o Observed) Observed {
	o.Halt = &Halt{Switch: "ConfigMap ns/halt", Reason: "an incident"}
	return o
}

// routedZone is read from through a VMUser.
func routedZone(name string, changes ...change) Zone {
	return outdatedZone(name, append([]change{func(z *Zone) {
		z.Reads.Listed, z.Reads.Open = true, []string{"VMUser u"}
	}}, changes...)...)
}

// outlook is what is told of a zone, in one line.
func outlook(l Outlook) string {
	text := string(l.Would)
	if l.Turn > 0 {
		text += fmt.Sprintf(" %d", l.Turn)
	}
	for _, refusal := range l.Refusals {
		text += " !" + refusal.Reason
	}
	return text
}

func TestAnObjectThatIsOnlyObservedTellsOfEveryZoneWhatWouldBeDone(t *testing.T) {
	undrainable := func(z *Zone) { z.Reads.Undrainable = []string{"default_url of VMAuth main"} }
	absentUser := func(z *Zone) { z.Reads.Unknown = "VMUser u to exist" }
	busy := func(z *Zone) { z.Reads.Busy = "other/one drains zone x" }
	unclear := func(z *Zone) { z.Queues = Queues{Gate: Unclear, Why: "a proxy"} }
	agentless := func(z *Zone) {
		z.Queues = Queues{Gate: Gated, Reading: &Reading{Missing: "VMAgent \"a\" to exist"}}
	}
	unread := func(z *Zone) { z.Queues = Queues{Gate: Gated} }
	contendedReads := func(z *Zone) { z.Record.Contended = z.Revision }
	untried := func(z *Zone) { z.Untried = "the webhook is down" }
	aborted, agent := scene(outdatedZone("a"), outdatedZone("b")), scene(zone("a"), zone("b"))
	aborted.Aborted, agent.ScrapePending = &Abort{}, true
	for name, c := range map[string]struct {
		o     Observed
		first Action
		want  string
	}{
		"nothing differs":                {scene(zone("a"), zone("b")), Action{Type: Nothing}, "Nothing, Nothing"},
		"a change of both":               {scene(routedZone("a"), routedZone("b")), Action{DrainReads, "a"}, "Change 1, Change 2"},
		"nobody reads":                   {scene(outdatedZone("a"), zone("b")), Action{UpdateCluster, "a"}, "Change 1, Nothing"},
		"a reference is marked":          {scene(zone("a", ref, unmarked), zone("b")), Action{MarkCluster, "a"}, "Mark 1, Nothing"},
		"marks and creations come first": {scene(outdatedZone("a"), zone("b", metadata), zone("c", absent)), Action{MarkCluster, "b"}, "Change 3, Mark 1, Create 2"},
		"the VMAgent":                    {agent, Action{Type: ConfigureScrape}, "Nothing, Nothing"},
		"an ill one comes first, and others wait": {scene(outdatedZone("a"), outdatedZone("b", unhealthy)), Action{UpdateCluster, "b"},
			"Change 2 !Blocked !MinAvailableZones, Change 1"},
		"another zone is ill":        {scene(outdatedZone("a"), zone("b", unhealthy)), Action{Type: Nothing}, "Change 1 !Blocked !MinAvailableZones, Nothing"},
		"alone":                      {scene(outdatedZone("a")), Action{Type: Nothing}, "Change 1 !MinAvailableZones"},
		"storage would shrink":       {scene(outdatedZone("a", shrinking), outdatedZone("b")), Action{Type: Nothing}, "Change !StorageWouldShrink, Change 1 !Blocked"},
		"readers can't be drained":   {scene(routedZone("a", undrainable), zone("b")), Action{Type: Nothing}, "Change 1 !ReadsUndrainable, Nothing"},
		"a VMUser is missing":        {scene(routedZone("a", absentUser), zone("b")), Action{Type: Nothing}, "Change 1 !ReadsUnknown, Nothing"},
		"another drain":              {scene(routedZone("a", busy), zone("b")), Action{Type: Nothing}, "Change 1 !VMUserBusy, Nothing"},
		"the VMAgent is missing":     {scene(outdatedZone("a", agentless), zone("b")), Action{Type: Nothing}, "Change 1 !QueuesUnknown, Nothing"},
		"the queues are unclear":     {scene(outdatedZone("a", unclear), zone("b")), Action{Type: Nothing}, "Change 1 !QueuesUnclear, Nothing"},
		"nobody has read the queues": {scene(outdatedZone("a", unread), zone("b")), Action{Type: Nothing}, "Change 1 !QueuesUnknown, Nothing"},
		"contended":                  {scene(zone("a", drifted(maxReapplied)), zone("b")), Action{Type: Nothing}, "Change !Contended, Nothing"},
		"contended reads":            {scene(routedZone("a", contendedReads), zone("b")), Action{Type: Nothing}, "Change 1 !Contended, Nothing"},
		"not ours":                   {scene(zone("a", unadopted), zone("b")), Action{Type: Nothing}, "Nothing !NotOurs, Nothing"},
		"somebody else's":            {scene(zone("a", foreign), zone("b")), Action{Type: Nothing}, "Nothing !ClaimedByOther, Nothing"},
		"refused by the dry run":     {scene(outdatedZone("a", invalid), zone("b")), Action{Type: Nothing}, "Change !InvalidDesiredState, Nothing"},
		"a creation that is refused": {scene(zone("a", absent, invalid), zone("b")), Action{Type: Nothing}, "Create !InvalidDesiredState, Nothing"},
		"no dry run":                 {scene(outdatedZone("a", untried), zone("b")), Action{Type: Nothing}, "Change 1 !DryRunFailed, Nothing"},
		"a creation without dry run": {scene(zone("a", absent, untried), zone("b", absent)), Action{CreateCluster, "b"}, "Create !DryRunFailed, Create 1"},
		"a mark without dry run":     {scene(zone("a", metadata, untried), zone("b")), Action{Type: Nothing}, "Mark !DryRunFailed, Nothing"},
		"called off":                 {aborted, Action{Type: Nothing}, "Change 1 !RolloutAborted, Change 2 !RolloutAborted"},
		"a missing reference":        {scene(zone("a", ref, absent), zone("b")), Action{Type: Nothing}, "Nothing, Nothing"},
		"bake":                       {scene(zone("a", finished(0)), outdatedZone("b")), Action{Type: Nothing}, "Nothing, Change 1 !Baking"},
		"all that refuses": {scene(routedZone("a", undrainable, agentless), zone("b", unhealthy), zone("c", failed, inFlight(Failed, 0, true))), Action{Type: Nothing},
			"Change 1 !Blocked !MinAvailableZones !MaxFailures !ReadsUndrainable !QueuesUnknown, Nothing, Finish"},
	} {
		t.Run(name, func(t *testing.T) {
			if complaint := misforetold(c.o); complaint != "" {
				t.Error(complaint)
			}
			d := decide(t, observing(c.o))
			wantAction(t, d, Nothing, "")
			if d.First != c.first {
				t.Errorf("first step %v, want %v", d.First, c.first)
			}
			var got []string
			for i := range d.Outlook {
				got = append(got, outlook(d.Outlook[i]))
			}
			if got := strings.Join(got, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAnObservedZoneSaysWhatWouldBeDoneAndWhatRefuses(t *testing.T) {
	d := decide(t, observing(scene(outdatedZone("a"), outdatedZone("b"), zone("c", unhealthy))))
	wantZone(t, d, 0, Pending, ReasonObserving)
	for i, parts := range [][]string{
		{"managementPolicy", "changed first", "refused now by Blocked", "zone c to be healthy"},
		{"managementPolicy", "number 2, after zone a", "refused now by"},
	} {
		for _, part := range parts {
			if !strings.Contains(d.Zones[i].WaitingFor, part) {
				t.Errorf("zone %s waits for %q, want %q in it", d.Zones[i].Name, d.Zones[i].WaitingFor, part)
			}
		}
	}
	d = decide(t, observing(scene(zone("a", ref, unmarked), zone("b"))))
	wantZone(t, d, 0, Ready, ReasonUpToDate)
	if !strings.Contains(d.Zones[0].WaitingFor, "marked as ours first; nothing stands against it now") {
		t.Errorf("a zone that lacks a mark waits for %q", d.Zones[0].WaitingFor)
	}
	// What only the user can make possible is said as ever.
	wantZone(t, decide(t, observing(scene(outdatedZone("a", shrinking), zone("b")))), 0, Refused, ReasonStorageWouldShrink)
}

func TestWhatGuardsLackIsGatheredForAnObservedObjectAndNotForAPausedOne(t *testing.T) {
	unread := func(z *Zone) { z.Queues = Queues{Gate: Gated} }
	o := scene(outdatedZone("a", unread), outdatedZone("b", unread))
	watched := decide(t, observing(o))
	if needs := watched.Needs(); needs["a"] != NeedQueues || needs["b"] != NeedQueues {
		t.Errorf("needs %v, want the queues of both", needs)
	}
	for name, held := range map[string]Observed{"paused": paused(o), "halted": halted(o)} {
		d := decide(t, held)
		if needs := d.Needs(); len(needs) > 0 {
			t.Errorf("%s: needs %v, and nothing is to be done", name, needs)
		}
		if got := outlook(d.Outlook[0]); got != "Change 1 !QueuesUnknown" || !d.Outlook[0].Refusals[0].Unasked {
			t.Errorf("%s: outlook %s, %+v", name, got, d.Outlook[0])
		}
	}
}

func TestAnObservedObjectIsLookedAtAgainWhenABakeIsOver(t *testing.T) {
	d := decide(t, observing(scene(zone("a", finished(20*time.Second)), outdatedZone("b"))))
	if want := noon.Add(40 * time.Second); !d.Wake.Equal(want) {
		t.Errorf("wakes at %s, want %s", d.Wake, want)
	}
}

func TestObservingInTheMiddleOfAnUpdateStopsItAndSaysSoLoudly(t *testing.T) {
	drained := func(z *Zone) {
		z.Reads.Listed, z.Reads.Drained = true, []string{"VMUser u"}
		z.Record.Drained, z.Record.Begun, z.Record.DrainDone = noon, noon, true
	}
	o := observing(scene(outdatedZone("a", inFlight(Draining, time.Second, false), drained), zone("b")))
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Draining, ReasonObserving)
	s := Summarise(o, d)
	if got := conditionOf(s, "Observing"); !strings.Contains(got.Message, "zone a is kept from its reads") {
		t.Errorf("Observing says %q", got.Message)
	}
	o.Zones[1].Cluster.Unhealthy = notYet
	s = Summarise(o, decide(t, o))
	if !s.is("Degraded") || conditionOf(s, "Degraded").Reason != ReasonPausedShort || !strings.Contains(conditionOf(s, "Observing").Message, "managementPolicy to Manage") {
		t.Errorf("with the other zone lost: %+v", s.Conditions)
	}
}

func conditionOf(s Summary, name string) Condition {
	for _, c := range s.Conditions {
		if c.Type == name {
			return c
		}
	}
	return Condition{}
}

func TestDeletionOfAnObservedObjectTakesBackWhatWeHaveWritten(t *testing.T) {
	o := observing(leaving(Deletion{Retain: true}, zone("a"), zone("b", unadopted)))
	o.ScrapePending = true
	wantAction(t, decide(t, o), ReleaseCluster, "a")
	o.Zones[0] = zone("a", unadopted)
	wantAction(t, decide(t, o), ConfigureScrape, "")
	o.ScrapePending = false
	wantAction(t, decide(t, o), Finalize, "")
}

func TestHaltedMeansNoWriteForAnybodyDeletionsIncluded(t *testing.T) {
	o := scene(outdatedZone("a"), zone("b", absent), zone("c", metadata))
	o.Strays, o.ScrapePending = []Stray{stray("x")}, true
	d := decide(t, halted(o))
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonHalted)
	wantZone(t, d, 1, Pending, ReasonHalted)
	if !strings.Contains(d.Zones[0].WaitingFor, "ConfigMap ns/halt to be deleted") {
		t.Errorf("waits for %q", d.Zones[0].WaitingFor)
	}
	going := leaving(Deletion{}, zone("a"), zone("b"))
	going.Strays = []Stray{stray("x")}
	d = decide(t, halted(going))
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Leaving, ReasonHalted)
	if d.Strays[0].Reason != ReasonHalted {
		t.Errorf("the stray is %+v", d.Strays[0])
	}
	// Nothing is left to be written for these, and nothing is.
	wantAction(t, decide(t, halted(leaving(Deletion{}, zone("a", unadopted)))), Finalize, "")
	wantAction(t, decide(t, halted(leaving(Deletion{NamespaceTerminating: true}, zone("a")))), Finalize, "")
}

func TestWhatIsNotKnownOfAHaltCountsAsOne(t *testing.T) {
	o := scene(outdatedZone("a"), zone("b"))
	o.Halt = &Halt{Switch: "ConfigMap ns/halt", Unknown: "forbidden"}
	d := decide(t, o)
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Pending, ReasonHaltUnknown)
	if got := conditionOf(Summarise(o, d), "Paused"); !got.True || got.Reason != ReasonHaltUnknown || !strings.Contains(got.Message, "forbidden") {
		t.Errorf("Paused is %+v", got)
	}
}
