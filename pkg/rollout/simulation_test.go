// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	simulations  = 2000
	chaoticSteps = 100 // steps with faults and commands
	quietPasses  = 400 // within which it must have come to its end
)

// TestSimulation lets users, the operator, other writers, caches that are behind
// and crashes have their way with random rollouts. VMDC_SIM_SEED replays one
// seed; VMDC_SIM_DURATION, such as 10m, goes on with new seeds for so long.
func TestSimulation(t *testing.T) {
	if text := os.Getenv("VMDC_SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("VMDC_SIM_SEED: %v", err)
		}
		w := simulate(seed, true)
		t.Logf("seed %d:\n%s", seed, strings.Join(w.trace, "\n"))
		if w.complaint != "" {
			t.Fatal(w.complaint)
		}
		return
	}
	more := func(seed uint64) bool { return seed < simulations }
	if text := os.Getenv("VMDC_SIM_DURATION"); text != "" {
		duration, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("VMDC_SIM_DURATION: %v", err)
		}
		end := time.After(duration)
		more = func(uint64) bool {
			select {
			case <-end:
				return false
			default:
				return true
			}
		}
	}
	passes, actions, ends, seed := 0, map[ActionType]int{}, map[string]int{}, uint64(0)
	for ; more(seed); seed++ {
		w := simulate(seed, false)
		passes += w.passes
		ends[w.end]++
		for what, n := range w.actions {
			actions[what] += n
		}
		if w.complaint != "" {
			w = simulate(seed, true)
			t.Fatalf("VMDC_SIM_SEED=%d: %s\n%s", seed, w.complaint, strings.Join(w.trace, "\n"))
		}
	}
	t.Logf("%d seeds, %d passes, actions %v, ends %v", seed, passes, actions, ends)
}

func simulate(seed uint64, tracing bool) *world {
	w := newWorld(rand.New(rand.NewPCG(seed, 0)))
	w.tracing = tracing
	w.say("%d zones %+v, strategy %+v", len(w.object.zones), w.object.zones, w.object.strategy)
	commands, mischief := oneOf(w.random, 2, 8, 20), oneOf(w.random, 0, 4, 12)
	for range chaoticSteps {
		w.remember()
		switch n := w.random.IntN(100); {
		case n < commands:
			w.command()
		case n < commands+mischief:
			w.mischief()
		case n < 60:
			w.work()
		default:
			w.pass(true)
		}
		if seed%2 == 1 && w.random.IntN(10) == 0 {
			w.holdOrRelease()
		}
		w.now = w.now.Add(time.Duration(w.random.IntN(15)) * time.Second)
		if w.complaint != "" || w.gone {
			return w
		}
	}
	w.calm()
	w.comeToAnEnd()
	return w
}

// work lets the operator take a step on every cluster, or on some.
func (w *world) work() {
	for _, name := range w.names() {
		if cluster := w.clusters[name]; cluster.deleting && w.random.IntN(2) == 0 {
			w.say("%s is gone", name)
			delete(w.clusters, name)
			w.dirty = true
			continue
		}
		if w.random.IntN(3) > 0 {
			w.operate(name)
		}
	}
	w.applyUsers(func() bool { return w.random.IntN(2) == 0 })
}

func (w *world) operate(name string) (changed bool) {
	cluster := w.clusters[name]
	if changed = cluster.operate(w.random); changed {
		w.clusters[name], w.dirty = cluster, true
		w.say("%s: operator observed %d of %d and says %s; workloads run %d", name, cluster.observed, cluster.generation, cluster.status, cluster.workloads)
	}
	return changed
}

// pass is one pass of the controller, which may look at caches that are behind
// and crash between any two of its requests.
func (w *world) pass(chaotic bool) {
	crashes := func() bool { return chaotic && w.random.IntN(12) == 0 }
	if w.crash != nil {
		crashes = w.crash()
	}
	w.passes++
	w.dirty = false
	w.flow()
	seen := w.live()
	seen.live = false
	if chaotic {
		w.lag(&seen)
	}
	o, d := w.decide(seen)
	if d.RestsOnHealth() || len(w.forgotten(seen.object, d)) > 0 {
		seen = w.live()
		o, d = w.decide(seen)
		w.noteLanded()
	}
	if complaint := unstable(o, d) + unexplained(o, d) + misforetold(o); complaint != "" {
		w.fail("%s\nobserved %s", complaint, describe(o))
	}
	w.wake, w.polling = d.Wake, len(d.Needs()) > 0
	w.say("pass: %v, wake %s; %s", d.Action, d.Wake.Format(time.TimeOnly), w.standing(d))
	if crashes() {
		w.say("crash before the records are stored")
		w.dirty = true
		return
	}
	if !w.store(seen.object, d) {
		w.say("conflict: the object has changed")
		w.dirty = true
		return
	}
	if crashes() {
		w.say("crash before the action")
		w.dirty = true
		return
	}
	w.carryOut(o, d, crashes)
}

// decide gathers the evidence that is asked for, until nothing more is.
func (w *world) decide(v sight) (Observed, Decision) {
	needs := map[string]Need{}
	for {
		o := w.observe(v, needs)
		d := Decide(o)
		asked := false
		for zone, need := range d.Needs() {
			asked = asked || need&^needs[zone] != 0
			needs[zone] |= need
		}
		if !asked {
			return o, d
		}
	}
}

// lag lets caches be behind.
func (w *world) lag(v *sight) {
	if w.random.IntN(3) == 0 && len(w.olderClusters) > 0 {
		v.clusters = oneOf(w.random, w.olderClusters...)
	}
	if w.random.IntN(6) == 0 && len(w.olderObjects) > 0 {
		v.object = oneOf(w.random, w.olderObjects...)
	}
	if w.random.IntN(4) == 0 && len(w.older) > 0 {
		v.users = oneOf(w.random, w.older...)
	}
}

// standing is the zones in brief, for the trace.
func (w *world) standing(d Decision) string {
	if !w.tracing {
		return ""
	}
	var text strings.Builder
	for i := range d.Zones {
		z := &d.Zones[i]
		text.WriteString(z.Name + "=" + string(z.Record.Phase) + "/" + z.Reason + "/" + z.Record.Updating + " ")
	}
	return text.String()
}

// store writes the records, and sees updates end.
func (w *world) store(object *modelObject, d Decision) bool {
	records := recordsOf(d)
	came := w.came(object, d)
	same := len(records) == len(object.records) && len(came) == 0
	for name, record := range records {
		same = same && object.records[name] == record
	}
	if same {
		return true
	}
	if object != w.object {
		return false
	}
	for i := range d.Zones {
		name := d.Zones[i].Name
		w.noteRecord(name, object.records[name], records[name])
		if after := records[name]; !after.Finished.IsZero() && !after.Finished.Equal(object.records[name].Finished) && !after.inFlight() {
			w.noteFinished(name, after)
		}
	}
	for _, name := range w.forgotten(object, d) {
		w.noteRecord(name, object.records[name], Record{})
	}
	w.replace(func(o *modelObject) {
		o.records = records
		for _, name := range came {
			delete(o.skipped, name)
		}
	})
	return true
}

// came are the zones that were skipped and have come to what is wanted all the same: the
// word for them has had its time.
func (w *world) came(object *modelObject, d Decision) (names []string) {
	for i := range object.zones {
		if zone := &object.zones[i]; object.deletion == nil && object.skips(zone) && !d.Zones[i].Skipped {
			names = append(names, zone.name)
		}
	}
	return names
}

// recordsOf are those that are kept: of the zones, and of what the list no longer
// names while it is drained.
func recordsOf(d Decision) map[string]Record {
	records := map[string]Record{}
	for i := range d.Zones {
		records[d.Zones[i].Name] = d.Zones[i].Record
	}
	for i := range d.Strays {
		if record := d.Strays[i].Record; record.inWork() {
			records[d.Strays[i].Name] = record
		}
	}
	return records
}

// forgotten are the records that a decision drops.
func (w *world) forgotten(object *modelObject, d Decision) (names []string) {
	records := recordsOf(d)
	for _, name := range sortedKeys(object.records) {
		if _, kept := records[name]; !kept {
			names = append(names, name)
		}
	}
	return names
}

// noteFinished sees an update end.
func (w *world) noteFinished(name string, record Record) {
	w.finished[name] = w.now
	want, cluster := w.object.zone(name).want, w.clusters[name]
	if !cluster.healthy() || record.Phase == Ready && cluster.content != want {
		w.fail("the update of %s is taken for finished: %+v", name, cluster)
	}
}

// noteLanded sees which contents of ours are in place. One that nobody remembers
// to have written, and that is not healthy, is not known to be ours.
func (w *world) noteLanded() {
	for _, zone := range w.object.zones {
		if cluster, exists := w.clusters[zone.name]; exists && cluster.content == zone.want && (cluster.healthy() || w.object.records[zone.name].Updating == zone.want) {
			cluster.landed = zone.want
			w.clusters[zone.name] = cluster
		}
	}
}

// calm ends all faults; whatever only the user can bring on stays.
func (w *world) calm() {
	w.say("all is calm")
	clear(w.referred)
	w.calmPaths()
	for _, name := range w.names() {
		cluster := w.clusters[name]
		if cluster.deleting {
			delete(w.clusters, name)
			continue
		}
		cluster.paused, cluster.stuck = false, false
		if zone := w.object.zone(name); zone != nil && (cluster.owner == Foreign || zone.inline && cluster.owner == Unmarked) {
			cluster.owner = Ours
		}
		w.clusters[name] = cluster
	}
	for _, zone := range w.object.zones {
		if _, exists := w.clusters[zone.name]; !exists && !zone.inline {
			w.provide(zone.name)
		}
	}
	if w.object.paused && w.random.IntN(4) > 0 {
		w.replace(func(o *modelObject) { o.paused = false })
	}
	if w.object.observing && w.random.IntN(4) > 0 {
		w.replace(func(o *modelObject) { o.observing = false })
	}
	if w.halted && w.random.IntN(4) > 0 {
		w.halted = false
	}
	w.dirty = true
}

// comeToAnEnd runs the controller by events and by its own alarms only, until
// nothing is left that could happen.
func (w *world) comeToAnEnd() {
	polled := 0
	for range quietPasses {
		w.flow()
		moved := w.applyUsers(func() bool { return true })
		for _, name := range w.names() {
			if w.clusters[name].deleting {
				delete(w.clusters, name)
				moved, w.dirty = true, true
				continue
			}
			moved = w.operate(name) || moved
		}
		before := w.object.version
		switch {
		case w.dirty:
			w.pass(false)
		case moved:
		case w.polling && polled < 8:
			polled++
			w.now = w.now.Add(time.Second)
			w.pass(false)
		case w.wake.IsZero():
			w.checkEnd()
			return
		default:
			w.now = w.wake
			w.pass(false)
		}
		if w.object.version != before {
			polled = 0
		}
		if w.complaint != "" || w.gone {
			return
		}
	}
	w.fail("after %d quiet passes there is still no end", quietPasses)
}
