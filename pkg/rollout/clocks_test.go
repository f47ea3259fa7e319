// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

// TestTimesOfAClockThatWasAheadCountFromNow: of a clock that was set back, or of a replica
// whose clock is ahead. A wait begins anew, and does not last for as long as the clocks
// differ too.
func TestTimesOfAClockThatWasAheadCountFromNow(t *testing.T) {
	ahead := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		scene Observed
		wait  time.Duration
	}{
		"a pause between zones": {scene(zone("a", func(z *Zone) { z.Record.Finished = ahead }), outdatedZone("b")), time.Minute},
		"a zone to get ready":   {scene(zone("a", unhealthy, inFlight(Updating, -time.Hour, true)), zone("b")), 5 * time.Minute},
		"a drain to be loaded":  {routedScene(outdatedZone("a", drainedFor(-time.Hour), loaded(false)), zone("b", open), zone("c", open)), 2 * time.Minute},
		"reads to end": {routedScene(outdatedZone("a", drainedFor(-time.Hour), loaded(true), func(z *Zone) {
			z.Record.Loaded, z.Reads.Idle = ahead, &Evidence{Text: "reads"}
		}), zone("b", open), zone("c", open)), 30 * time.Second},
		"queues to be quiet": {routedScene(written(func(z *Zone) {
			z.Record.Begun, z.Record.Quiet = noon.Add(-2*time.Hour), ahead
		}), zone("b", open)), shown},
		"blocks that are held by replicas": {routedScene(written(func(z *Zone) {
			z.Record.Begun, z.Record.Quiet = ahead, noon.Add(-time.Minute)
		}), zone("b", open)), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, c.scene)
			wantAction(t, d, Nothing, "")
			if d.Wake.IsZero() || d.Wake.After(noon.Add(c.wait)) {
				t.Errorf("looks again at %s, want %s at the latest", d.Wake, noon.Add(c.wait))
			}
			// What was written down by that clock is overcome for good.
			for i := range d.Zones {
				c.scene.Zones[i].Record = d.Zones[i].Record
			}
			c.scene.Now = noon.Add(c.wait)
			after := Decide(c.scene)
			for _, state := range after.Zones {
				for _, at := range state.Record.times() {
					if at.After(c.scene.Now) {
						t.Errorf("zone %s remembers %s at %s", state.Name, at, c.scene.Now)
					}
				}
			}
			if waited := after.Zones[0]; after.Action.Type == Nothing && !waited.Hold && waited.Record.Phase != Failed {
				t.Errorf("waits on when its time is over: %+v", after.Zones)
			}
		})
	}
}

// TestNothingTakesLessThanNoTime where the clock was set back in between.
func TestNothingTakesLessThanNoTime(t *testing.T) {
	o := routedScene(written(func(z *Zone) {
		z.Record.Begun, z.Record.Restored, z.Record.Drained = noon.Add(time.Hour), noon.Add(-time.Minute), time.Time{}
		z.Record.Phase, z.Reads.Drained = Restoring, nil
	}, open, loaded(true)), zone("b", open))
	d := decide(t, o)
	if record := d.Zones[0].Record; record.Took < 0 || record.Finished.IsZero() {
		t.Errorf("took %s, finished at %s", record.Took, record.Finished)
	}
}
