// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

func TestEveryWaitWithALimitSaysUntilWhen(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	drainedBut := func(loaded, idle *Evidence) change {
		return func(z *Zone) {
			closed(z)
			z.Reads.Loaded, z.Reads.Idle = loaded, idle
			z.Record.Phase, z.Record.Since, z.Record.Begun = Draining, ago(time.Minute), ago(time.Minute)
			z.Record.Drained, z.Record.DrainDone, z.Record.Clock = ago(time.Minute), true, ago(time.Minute)
		}
	}
	flushing := func(z *Zone) {
		inFlight(Flushing, 2*time.Minute, true)(z)
		z.Record.Begun, z.Record.Healthy, z.Record.Clock = ago(3*time.Minute), ago(time.Minute), ago(time.Minute)
		z.Queues = Queues{Gate: Gated, Reading: &Reading{Replicas: []Queue{{Replica: "vmagent-0", Started: 1, Pending: 5 << 20}}}}
	}
	for name, test := range map[string]struct {
		seen   Observed
		paused bool
		zone   int
		want   time.Time
	}{
		"an update": {
			seen: scene(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), zone("b")),
			want: noon.Add(4 * time.Minute),
		},
		"an update that is overdue": {
			seen: scene(zone("a", unhealthy, inFlight(Failed, 6*time.Minute, true)), zone("b")),
			want: ago(time.Minute),
		},
		"the proof of a drain": {
			seen: scene(outdatedZone("a", drainedBut(&Evidence{Text: "vmauth-0 has not"}, nil)), zone("b", open)),
			want: noon.Add(2 * time.Minute),
		},
		"reads in flight": {
			seen: scene(outdatedZone("a", drainedBut(&Evidence{Met: true}, &Evidence{Text: "vmselect-0 answers reads"}), func(z *Zone) { z.Record.Loaded = ago(10 * time.Second) }), zone("b", open)),
			want: noon.Add(20 * time.Second),
		},
		"queues": {
			seen: scene(zone("a", flushing), zone("b")),
			want: noon.Add(29 * time.Minute),
		},
		"a zone that bakes": {
			seen: scene(zone("a", finished(20*time.Second)), outdatedZone("b")),
			want: noon.Add(40 * time.Second),
		},
		"the zone that waits for that": {
			seen: scene(zone("a", finished(20*time.Second)), outdatedZone("b")),
			zone: 1,
			want: noon.Add(40 * time.Second),
		},
		"nothing, in a zone that is ready": {
			seen: scene(zone("a"), zone("b")),
		},
		"its turn": {
			seen: scene(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), outdatedZone("b", phase(Pending))),
			zone: 1,
		},
		"a pause, during which no clock runs": {
			seen:   scene(zone("a", unhealthy, inFlight(Updating, time.Minute, true)), zone("b")),
			paused: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.seen.Strategy.DrainTimeout, test.seen.Strategy.GracePeriod = 3*time.Minute, 30*time.Second
			test.seen.Strategy.FlushTimeout, test.seen.Paused = 30*time.Minute, test.paused
			d := decide(t, test.seen)
			if got := d.Zones[test.zone].Deadline; !got.Equal(test.want) {
				t.Errorf("zone %s, which is %s, has until %v, want %v", d.Zones[test.zone].Name, d.Zones[test.zone].WaitingFor, got, test.want)
			}
		})
	}
}

func TestWhatNothingMovesForCallsForTheUserAtADeadline(t *testing.T) {
	t.Parallel()
	seen := scene(outdatedZone("a", phase(Pending)), zone("b", unhealthy, phase(Unhealthy)))
	seen.Strategy.ProgressDeadline = time.Hour
	for i := range seen.Zones {
		seen.Zones[i].Record.Since = noon.Add(-20 * time.Minute)
	}
	d := decide(t, seen)
	if got, want := d.Zones[0].Deadline, noon.Add(40*time.Minute); !got.Equal(want) {
		t.Errorf("zone a, which waits for %s, has until %v, want %v", d.Zones[0].WaitingFor, got, want)
	}
}
