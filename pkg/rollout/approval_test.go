// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// hasArrived is a zone that was updated in this rollout, long enough ago.
func hasArrived(z *Zone) {
	z.Record.Finished = noon.Add(-time.Hour)
}

func goAhead(z *Zone) { z.GoAhead = true }

func approving(approval Approval, zones ...Zone) Observed {
	o := scene(zones...)
	o.Strategy.Approval, o.Begun = approval, noon.Add(-2*time.Hour)
	return o
}

func TestZonesWaitForTheWordThatTheStrategyAsksFor(t *testing.T) {
	for name, c := range map[string]struct {
		o    Observed
		zone string // that is begun; empty where b waits
	}{
		"the first":                          {approving(EveryZone, outdatedZone("a"), outdatedZone("b")), "a"},
		"the next one":                       {approving(EveryZone, zone("a", hasArrived), outdatedZone("b"), zone("c")), ""},
		"the next one, by the word":          {approving(EveryZone, zone("a", hasArrived), outdatedZone("b", goAhead), zone("c")), "b"},
		"the next one, once":                 {approving(AfterFirstZone, zone("a", hasArrived), outdatedZone("b"), zone("c")), ""},
		"the next one, once, by the word":    {approving(AfterFirstZone, zone("a", hasArrived), outdatedZone("b", goAhead), zone("c")), "b"},
		"the one after that":                 {approving(AfterFirstZone, zone("a", hasArrived), outdatedZone("b"), zone("c", hasArrived, goAhead)), "b"},
		"the one after that, each":           {approving(EveryZone, zone("a", hasArrived), outdatedZone("b"), zone("c", hasArrived, goAhead)), ""},
		"by a word for another rollout":      {approving(AfterFirstZone, zone("a", hasArrived), outdatedZone("b"), zone("c", goAhead)), ""},
		"where others were as wanted before": {approving(EveryZone, zone("a"), outdatedZone("b"), zone("c")), "b"},
		"where nobody is to be asked":        {approving("", zone("a", hasArrived), outdatedZone("b"), zone("c")), "b"},
		"one that is not healthy":            {approving(EveryZone, zone("a", hasArrived), outdatedZone("b", unhealthy), zone("c")), "b"},
		"by a word for what can't be proven": {approving(EveryZone, zone("a", hasArrived), outdatedZone("b", func(z *Zone) { z.Approved = true }), zone("c")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, c.o)
			if c.zone != "" {
				if d.Action.Cluster != c.zone {
					t.Errorf("the step is %v, want one of %s; of b is said %s: %s", d.Action, c.zone, d.Zones[1].Reason, d.Zones[1].WaitingFor)
				}
				return
			}
			is := d.Zones[1]
			if d.Action.Type != Nothing || is.Reason != ReasonWaitingForApproval || is.Hold || !strings.Contains(is.WaitingFor, "the user's word to go on with zone b") {
				t.Errorf("the step is %v, and of b is said %s: %s", d.Action, is.Reason, is.WaitingFor)
			}
		})
	}
}

func TestWhoWillBeAskedIsToldAhead(t *testing.T) {
	for name, c := range map[string]struct {
		o    Observed
		want []int
	}{
		"before all but the first":     {approving(EveryZone, outdatedZone("a"), outdatedZone("b"), outdatedZone("c")), []int{1, 2}},
		"once":                         {approving(AfterFirstZone, outdatedZone("a"), outdatedZone("b"), outdatedZone("c")), []int{1}},
		"nobody":                       {approving("", outdatedZone("a"), outdatedZone("b")), nil},
		"one has changed":              {approving(AfterFirstZone, zone("a", hasArrived), outdatedZone("b"), outdatedZone("c")), []int{1}},
		"one has changed, by the word": {approving(AfterFirstZone, zone("a", hasArrived, goAhead), outdatedZone("b"), outdatedZone("c")), nil},
		"the word is given ahead":      {approving(EveryZone, outdatedZone("a"), outdatedZone("b", goAhead), outdatedZone("c")), []int{2}},
		"once, and given ahead":        {approving(AfterFirstZone, outdatedZone("a"), outdatedZone("b", goAhead), outdatedZone("c")), nil},
		"not for one that is broken":   {approving(EveryZone, outdatedZone("a"), outdatedZone("b", unhealthy), outdatedZone("c")), []int{0, 2}},
		"not where nothing is changed": {approving(EveryZone, zone("a"), outdatedZone("b"), zone("c")), nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, c.o)
			var order []int
			for i := range d.Outlook {
				if d.Outlook[i].Turn > 0 {
					order = append(order, i)
				}
			}
			slices.SortFunc(order, func(i, j int) int { return d.Outlook[i].Turn - d.Outlook[j].Turn })
			if got := slices.Sorted(maps.Keys(c.o.Approvals(&d, order))); !slices.Equal(got, c.want) {
				t.Errorf("the user is asked before %v of %v, want %v", got, order, c.want)
			}
		})
	}
}

// TestWhoWaitsForAWordIsToldHowFarTheOtherZoneIs, which may be drained only.
func TestWhoWaitsForAWordIsToldHowFarTheOtherZoneIs(t *testing.T) {
	underWay := func(z *Zone) {
		inFlight(Updating, time.Minute, true)(z)
		z.Record.Begun = noon.Add(-time.Minute)
	}
	for want, a := range map[string]Zone{
		"zone a has changed":      zone("a", hasArrived),
		"zone a is being changed": zone("a", unhealthy, underWay),
	} {
		o := approving(EveryZone, a, outdatedZone("b"), zone("c"))
		o.Strategy.MaxUnavailable = 2
		d := decide(t, o)
		if is := d.Zones[1]; is.Reason != ReasonWaitingForApproval || !strings.HasSuffix(is.WaitingFor, want) {
			t.Errorf("of b is said %s: %s, want it to say that %s", is.Reason, is.WaitingFor, want)
		}
	}
}

// TestAZoneThatWasBegunGoesOnByTheWordOnly where others had changed by then: it may have
// been begun to be repaired, and recovered by itself, or before the word was asked for.
func TestAZoneThatWasBegunGoesOnByTheWordOnly(t *testing.T) {
	drained := []change{drainedFor(time.Minute), loaded(true), idling(true)}
	begun := func(ago time.Duration) change {
		return func(z *Zone) {
			inFlight(Updating, ago, true)(z)
			z.Record.Begun = noon.Add(-ago)
		}
	}
	for name, c := range map[string]struct {
		a      Zone
		b      []change
		action ActionType
	}{
		"drained after another one":                  {zone("a", hasArrived, open), drained, RestoreReads},
		"drained after another one, by the word":     {zone("a", hasArrived, open), append([]change{goAhead}, drained...), UpdateCluster},
		"drained after another one, and ill":         {zone("a", hasArrived, open), append([]change{unhealthy}, drained...), UpdateCluster},
		"drained, and came back empty":               {zone("a", hasArrived, open), append([]change{emptied}, drained...), Nothing},
		"decided on after another one":               {zone("a", hasArrived, open), []change{open, begun(time.Minute), old, notLanded}, Nothing},
		"drained before another one came to it":      {zone("a", open, finished(time.Second)), drained, UpdateCluster},
		"drained while another one was in work":      {zone("a", open, unhealthy, begun(time.Hour)), drained, RestoreReads},
		"drained before another one was taken in it": {zone("a", open, unhealthy, begun(time.Second)), drained, UpdateCluster},
	} {
		t.Run(name, func(t *testing.T) {
			o := approving(EveryZone, c.a, outdatedZone("b", c.b...), zone("c", open))
			o.Strategy.DrainTimeout, o.Strategy.GracePeriod, o.Strategy.FlushTimeout = 2*time.Minute, 30*time.Second, 10*time.Minute
			o.Strategy.UpdatePause, o.Strategy.MaxUnavailable = 0, 2
			if d := decide(t, o); d.Action.Type != c.action || c.action != Nothing && d.Action.Cluster != "b" {
				t.Errorf("the step is %v, want %s; of b is said %s: %s", d.Action, c.action, d.Zones[1].Reason, d.Zones[1].WaitingFor)
			}
		})
	}
}

// notLanded was decided on, and not written.
func notLanded(z *Zone) { z.Record.Generation = 0 }

// TestAWordAfterTheFirstZoneLastsWhileOthersAreInWork, for those begun by it.
func TestAWordAfterTheFirstZoneLastsWhileOthersAreInWork(t *testing.T) {
	first := zone("a", open, goAhead, unhealthy, inFlight(Updating, 0, true), func(z *Zone) { z.Record.Begun = noon })
	interrupted := []change{open, inFlight(Pending, time.Minute, true), old} // a creation, by another revision
	o := approving(AfterFirstZone, first, outdatedZone("b", interrupted...), outdatedZone("c", interrupted...), zone("d", open))
	o.Strategy.MaxUnavailable, o.Strategy.DrainTimeout, o.Strategy.GracePeriod = 2, time.Minute, time.Minute
	wantAction(t, decide(t, o), DrainReads, "b")
}

func TestWaitingForAnApprovalIsNotStuck(t *testing.T) {
	o := approving(EveryZone, zone("a", hasArrived), outdatedZone("b"), zone("c"))
	o.Strategy.ProgressDeadline = time.Minute
	for i := range o.Zones {
		o.Zones[i].Record.Since = noon.Add(-time.Hour)
	}
	d := decide(t, o)
	if d.Zones[1].Reason != ReasonWaitingForApproval {
		t.Errorf("of b is said %s: %s", d.Zones[1].Reason, d.Zones[1].WaitingFor)
	}
	if got, want := told(Summarise(o, d)), "expanding Progressing=WaitingForApproval Reconciling=WaitingForApproval"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
