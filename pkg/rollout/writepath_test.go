// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// retryPause is how long a worker keeps a block to itself between two attempts.
const retryPause = 20 * time.Second

// modelQueue is the queue of one zone in one replica of the VMAgent.
type modelQueue struct {
	pending  int64
	held     int64 // by a retrying worker, which no series counts
	retry    time.Time
	failures int64
	dropped  int64
	sent     int64
	lost     bool // something has been dropped since we wrote the zone
}

// modelAgent is one replica of the VMAgent.
type modelAgent struct {
	started int64
	silent  bool
	inflow  int64
	queues  map[string]*modelQueue
}

// writePath is everything between a writer and the zones.
type writePath struct {
	agents  []*modelAgent
	gates   map[string]Gate // Gated where none is given
	traffic bool
	small   bool // queues overflow soon
	flowed  time.Time
}

// flow brings samples on their way: as long as it has been since the last time.
func (w *world) flow() {
	for w.flowed.Before(w.now) {
		w.flowed = w.flowed.Add(5 * time.Second)
		if w.now.Sub(w.flowed) > 10*time.Minute {
			w.flowed = w.now
		}
		for _, agent := range w.agents {
			if w.traffic {
				agent.inflow++
			}
			for _, zone := range []string{"a", "b", "c", "d"} {
				w.send(agent, zone)
			}
		}
	}
}

func (w *world) send(agent *modelAgent, zone string) {
	queue := agent.queues[zone]
	if queue == nil {
		queue = &modelQueue{}
		agent.queues[zone] = queue
	}
	up := w.takesSamples(zone)
	if w.traffic {
		queue.pending += 100
	}
	if queue.held > 0 && !w.flowed.Before(queue.retry) {
		if up {
			queue.sent, queue.held = queue.sent+1, 0
		} else {
			queue.failures, queue.retry = queue.failures+1, w.flowed.Add(retryPause)
		}
	}
	switch {
	case up && queue.pending > 0:
		queue.sent, queue.pending = queue.sent+1, 0
	case queue.pending > 0 && queue.held == 0:
		queue.held, queue.pending = queue.pending, 0
		queue.failures, queue.retry = queue.failures+1, w.flowed.Add(retryPause)
	}
	if limit := int64(2_000); w.small && queue.pending > limit {
		queue.dropped, queue.pending, queue.lost = queue.dropped+1, limit, true
	}
}

// takesSamples is true for a zone whose vminsert answers.
func (w *world) takesSamples(zone string) bool {
	cluster, exists := w.clusters[zone]
	return exists && !cluster.deleting && cluster.workloads == cluster.generation
}

// restartAgent loses nothing but the counters: what they would have told of drops
// that nobody has read is not to be known any more.
func (w *world) restartAgent(i int) {
	agent := w.agents[i]
	agent.started, agent.inflow = w.now.Unix(), 0
	for _, queue := range agent.queues {
		*queue = modelQueue{pending: queue.pending + queue.held}
	}
	w.dirty = true
}

// reading is what the replicas say of a zone.
func (w *world) reading(zone string) *Reading {
	reading := &Reading{Room: -1}
	for i, agent := range w.agents {
		name := fmt.Sprintf("vmagent-%d", i)
		queue := agent.queues[zone]
		switch {
		case agent.silent:
			reading.Missing = name + " to answer"
		case queue == nil:
			reading.Missing = "the series of the zone in " + name
		default:
			reading.Replicas = append(reading.Replicas, Queue{
				Replica: name, Started: agent.started, Pending: queue.pending, Failures: queue.failures,
				Dropped: queue.dropped, Sent: queue.sent, Inflow: agent.inflow,
			})
		}
	}
	return reading
}

// observeQueues is what is to be seen without asking the replicas.
func (w *world) observeQueues(zone string) Queues {
	gate, given := w.gates[zone]
	switch {
	case len(w.agents) == 0:
		return Queues{Gate: NoGate, Why: "no VMAgent is listed"}
	case given:
		return Queues{Gate: gate, Why: "remote write goes through a proxy"}
	}
	return Queues{Gate: Gated, RetryPause: retryPause}
}

// backlog says what has not reached a zone, by what is true.
func (w *world) backlog(zone string) string {
	if w.observeQueues(zone).Gate == NoGate {
		return ""
	}
	for i, agent := range w.agents {
		switch queue := agent.queues[zone]; {
		case queue == nil:
		case queue.pending > 0 || queue.held > 0:
			return fmt.Sprintf("vmagent-%d has %d bytes pending and %d held", i, queue.pending, queue.held)
		case queue.lost:
			return fmt.Sprintf("vmagent-%d has dropped samples", i)
		}
	}
	return ""
}

// forgive ends what is held against the queues of a zone.
func (w *world) forgive(zone string) {
	for _, agent := range w.agents {
		if queue := agent.queues[zone]; queue != nil {
			queue.lost = false
		}
	}
}
