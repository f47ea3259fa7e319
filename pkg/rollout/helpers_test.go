// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const notYet = "operator reports \"expanding\" for generation 2"

// scene is what is observed of zones, at noon.
func scene(zones ...Zone) Observed {
	return Observed{
		Now:      noon,
		Strategy: Strategy{MaxUnavailable: 1, MinAvailableZones: 1, ReadyTimeout: 5 * time.Minute, UpdatePause: time.Minute},
		Zones:    zones,
	}
}

type change func(*Zone)

// zone is an inline zone that runs what is wanted, in good health, since ever.
func zone(name string, changes ...change) Zone {
	z := Zone{
		Name: name, Inline: true, Revision: "new",
		Cluster: &Cluster{Ownership: Ours, Generation: 2},
		Record:  Record{Phase: Ready, Since: noon.Add(-240 * time.Hour), Revision: "new"},
	}
	for _, c := range changes {
		c(&z)
	}
	return z
}

// stray carries our mark, and no entry names it any more.
func stray(name string, changes ...change) Stray {
	return Stray{Zone: zone(name, changes...), Marked: true}
}

// outdatedZone differs from what is wanted.
func outdatedZone(name string, changes ...change) Zone {
	return zone(name, append([]change{old}, changes...)...)
}

func old(z *Zone) {
	z.Cluster.Difference, z.Cluster.Generation, z.Record.Revision = Spec, 1, "old"
}
func absent(z *Zone)    { z.Cluster = nil }
func newcomer(z *Zone)  { z.Record = Record{} }
func ref(z *Zone)       { z.Inline = false }
func unhealthy(z *Zone) { z.Cluster.Unhealthy = notYet }
func failed(z *Zone)    { z.Cluster.Unhealthy, z.Cluster.Failed = "operator reports \"failed\"", true }
func deleting(z *Zone)  { z.Cluster.Deleting = true }
func foreign(z *Zone)   { z.Cluster.Ownership, z.Cluster.Owner = Foreign, "other/one" }
func unmarked(z *Zone)  { z.Cluster.Ownership, z.Cluster.Difference = Unmarked, Metadata }
func unadopted(z *Zone) { z.Cluster.Ownership, z.Cluster.Difference = Unmarked, Same }
func metadata(z *Zone)  { z.Cluster.Difference = Metadata }
func invalid(z *Zone)   { z.Problem = "a definition that can be read" }
func shrinking(z *Zone) { z.Cluster.Shrinks = []string{"vmstorage.replicaCount to 2"} }
func referred(z *Zone)  { z.Cluster.ReferredBy = []string{"VMUser ns/reader"} }

// inFlight has had the wanted revision decided on so long ago; landed or not.
func inFlight(phase Phase, ago time.Duration, landed bool) change {
	return func(z *Zone) {
		z.Record.Phase, z.Record.Updating, z.Record.Started = phase, z.Revision, noon.Add(-ago)
		z.Record.Since, z.Record.Revision, z.Record.Generation = noon.Add(-ago), "old", 0
		if landed {
			z.Record.Generation = 2
		}
	}
}

func phase(p Phase) change { return func(z *Zone) { z.Record.Phase = p } }

func revision(r string) change { return func(z *Zone) { z.Revision = r } }

func finished(ago time.Duration) change {
	return func(z *Zone) { z.Record.Finished = noon.Add(-ago) }
}

// drifted has had the wanted revision, and was changed by somebody else.
func drifted(overwritten int) change {
	return func(z *Zone) {
		z.Cluster.Difference, z.Record.Reapplied = Spec, overwritten
		z.Cluster.Drift = &Drift{Paths: []string{"vmselect.replicaCount"}, Managers: []string{"helm"}}
	}
}

// decide decides, and checks what holds of every decision.
func decide(t *testing.T, o Observed) Decision {
	t.Helper()
	d := Decide(o)
	if complaint := unstable(o, d); complaint != "" {
		t.Errorf("%s", complaint)
	}
	if complaint := unexplained(o, d); complaint != "" {
		t.Errorf("%s", complaint)
	}
	return d
}

// stored is a record as status keeps it, in whole seconds.
func stored(r Record) Record {
	r.Since, r.Started = r.Since.Truncate(time.Second), r.Started.Truncate(time.Second)
	if whole := r.Finished.Truncate(time.Second); whole.Before(r.Finished) {
		r.Finished = whole.Add(time.Second)
	}
	return r
}

// remembering is the same observation with the records that a decision left.
func remembering(o Observed, d Decision) Observed {
	o.Zones = slices.Clone(o.Zones)
	for i := range o.Zones {
		o.Zones[i].Record = stored(d.Zones[i].Record)
	}
	return o
}

// later is the same observation some time after.
func later(o Observed, by time.Duration) Observed {
	o.Now = o.Now.Add(by)
	return o
}

func wantAction(t *testing.T, d Decision, what ActionType, cluster string) {
	t.Helper()
	if want := (Action{what, cluster}); d.Action != want {
		t.Errorf("action is %v, want %v; zones are %+v", d.Action, want, d.Zones)
	}
}

// wantZone checks phase and reason of a zone.
func wantZone(t *testing.T, d Decision, i int, phase Phase, reason string) {
	t.Helper()
	if z := d.Zones[i]; z.Record.Phase != phase || z.Reason != reason {
		t.Errorf("zone %s is %s/%s (%s), want %s/%s", z.Name, z.Record.Phase, z.Reason, z.WaitingFor, phase, reason)
	}
}
