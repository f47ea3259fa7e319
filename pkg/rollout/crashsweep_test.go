// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// sweepWorld has three zones that differ from what is wanted, two VMUsers and two
// replicas of the VMAgent, and nothing that befalls them.
func sweepWorld() *world {
	w := &world{
		random: rand.New(rand.NewPCG(1, 1)), now: noon, clusters: map[string]modelCluster{}, referred: map[string]bool{},
		readPath: newReadPath(), writePath: writePath{gates: map[string]Gate{}, flowed: noon, traffic: true},
		finished: map[string]time.Time{}, overwrites: map[string]int{}, uncounted: map[string]int{}, actions: map[ActionType]int{},
	}
	w.reads = 5 * time.Second
	w.object = &modelObject{records: map[string]Record{}, word: map[string]string{}, strategy: Strategy{
		MaxUnavailable: 1, MinAvailableZones: 2, ReadyTimeout: 5 * time.Minute, UpdatePause: 30 * time.Second,
		DrainTimeout: 2 * time.Minute, GracePeriod: 30 * time.Second, FlushTimeout: 5 * time.Minute,
	}}
	for _, name := range []string{"a", "b", "c"} {
		w.provide(name)
		w.object.zones = append(w.object.zones, modelZone{name: name, want: w.newContent(good)})
		w.agents = append(w.agents, &modelAgent{started: noon.Unix(), queues: map[string]*modelQueue{}})
	}
	w.addUser("u", "a", "b", "c")
	w.addUser("v", "a", "b", "c")
	w.dirty = true
	return w
}

// stopAt lets the controller end at its nth point, those before and behind each
// of its writes being numbered through, and start again with empty memory after
// some time in which all others go on. It tells how many points there are.
func (w *world) stopAt(n int, away time.Duration) *int {
	points := 0
	w.crash = func() func() bool {
		stopped := false
		return func() bool {
			if points++; points == n {
				stopped = true
				w.wake, w.polling = time.Time{}, false
			}
			return stopped
		}
	}
	pass := w.crash
	w.crash = func() func() bool {
		if points >= n && away > 0 {
			w.sleep(away)
			away = 0
		}
		return pass()
	}
	return &points
}

// sleep is the controller's: the others go on.
func (w *world) sleep(away time.Duration) {
	for end := w.now.Add(away); w.now.Before(end); w.now = w.now.Add(10 * time.Second) {
		w.flow()
		w.applyUsers(func() bool { return true })
		for _, name := range w.names() {
			w.operate(name)
		}
	}
}

// TestAStopAtAnyPointOfARolloutIsSurvived stops the controller before, behind and
// during every single write of a whole rollout. A write that lands and looks to
// the caller as if it had not is one after which nothing is noted.
func TestAStopAtAnyPointOfARolloutIsSurvived(t *testing.T) {
	whole := sweepWorld()
	points := whole.stopAt(-1, 0)
	whole.comeToAnEnd()
	if whole.complaint != "" || whole.end != StatusOperational {
		t.Fatalf("without a stop: %s %s", whole.complaint, whole.end)
	}
	if whole.actions[DrainReads] != 3 || whole.actions[UpdateCluster] != 3 || whole.actions[RestoreReads] != 3 {
		t.Fatalf("a whole rollout is %v", whole.actions)
	}
	for _, away := range []time.Duration{0, 20 * time.Second, time.Hour} {
		for n := 1; n <= *points; n++ {
			w := sweepWorld()
			w.tracing = true
			w.stopAt(n, away)
			w.comeToAnEnd()
			if complaint := w.unfinished(); complaint != "" {
				t.Fatalf("stopped for %s at point %d of %d: %s\n%s", away, n, *points, complaint, strings.Join(w.trace, "\n"))
			}
		}
	}
	t.Logf("%d points, 3 times each", *points)
}

// unfinished says what a rollout that has come to its end has not done.
func (w *world) unfinished() string {
	switch {
	case w.complaint != "":
		return w.complaint
	case w.end != StatusOperational:
		return "it ends " + w.end
	}
	for _, name := range w.userNames() {
		if user := w.users[name]; user.drain != nil || !slices.Equal(user.open, user.listed) {
			return name + " is not what it was"
		}
	}
	for _, zone := range w.object.zones {
		if w.clusters[zone.name].content != zone.want {
			return zone.name + " is not what is wanted"
		}
		if backlog := w.backlog(zone.name); backlog != "" {
			return backlog
		}
	}
	return ""
}
