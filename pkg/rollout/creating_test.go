// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

// created is a zone whose VMCluster was made a minute ago, for which nothing is drained.
func created(phase Phase) change {
	return func(z *Zone) {
		inFlight(phase, time.Minute, true)(z)
		z.Record.Revision = ""
	}
}

// TestAZoneThatIsBeingCreatedIsNotInWorkWhateverBecomesOfIt: no reads were taken from it,
// so it neither waits for queues nor counts as out of service, in whichever phase it is by
// now.
func TestAZoneThatIsBeingCreatedIsNotInWorkWhateverBecomesOfIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		was     Phase
		becomes change
		phase   Phase
		reason  string
	}{
		"it is healthy":                       {Creating, func(*Zone) {}, Ready, ReasonUpToDate},
		"it is healthy late":                  {Failed, func(*Zone) {}, Ready, ReasonUpToDate},
		"and is to be what is refused":        {Creating, invalid, Refused, ReasonInvalid},
		"and was so before":                   {Refused, invalid, Refused, ReasonInvalid},
		"and was so until now":                {Refused, func(*Zone) {}, Ready, ReasonUpToDate},
		"it is somebody else's":               {Creating, foreign, Refused, ReasonClaimed},
		"it was ill for a moment":             {Unhealthy, func(*Zone) {}, Ready, ReasonUpToDate},
		"it was to become another for a time": {Pending, func(*Zone) {}, Ready, ReasonUpToDate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := routedScene(outdatedZone("a", open), zone("b", open, gated(5<<20), created(test.was), test.becomes), zone("c", open))
			d := decide(t, o)
			wantZone(t, d, 1, test.phase, test.reason)
			wantAction(t, d, DrainReads, "a")
		})
	}
}

// TestAnUpdateIsInWorkInEveryPhase, for its reads were taken away, or might be.
func TestAnUpdateIsInWorkInEveryPhase(t *testing.T) {
	t.Parallel()
	for _, was := range []Phase{Updating, Failed, Refused, Unhealthy, Pending, Flushing} {
		z := zone("b", open, gated(5<<20), created(was), func(z *Zone) { z.Record.Begun = noon.Add(-2 * time.Minute) })
		if d := decide(t, routedScene(outdatedZone("a", open), z, zone("c", open))); d.Zones[1].Record.Phase != Flushing || d.Action.Type != Nothing {
			t.Errorf("from %s, it is %s/%s, and the action %v", was, d.Zones[1].Record.Phase, d.Zones[1].Reason, d.Action)
		}
	}
}
