// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
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
