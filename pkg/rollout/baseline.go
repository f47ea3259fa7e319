// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Baseline is what the counters of the queues of a zone are compared with: a list
// of Mark, one for each replica, as text, so that records can be compared.
type Baseline string

// Mark is the baseline of one replica.
type Mark struct {
	// Replica is the name of the pod.
	Replica string `json:"replica"`
	// Started tells one run of the process from the next.
	Started int64 `json:"started"`
	// Dropped is what had been lost before the drain.
	Dropped int64 `json:"dropped,omitempty"`
	// Failures is where the counter of failed attempts was last seen.
	Failures int64 `json:"failures,omitempty"`
	// Troubled is true once that counter has moved since the drain.
	Troubled bool `json:"troubled,omitempty"`
	// Marked is true once Sent and Inflow have been noted, which is when the
	// updated zone is in good health again.
	Marked bool `json:"marked,omitempty"`
	// Sent is how many requests the zone had taken by then.
	Sent int64 `json:"sent,omitempty"`
	// Inflow is what had come in by then, for any zone.
	Inflow int64 `json:"inflow,omitempty"`
	// Lost is true once the replica has dropped data of the zone since the drain,
	// or has gone with what it had queued. A restart does not bring it back.
	Lost bool `json:"lost,omitempty"`
}

// NewBaseline is the baseline of these marks.
func NewBaseline(marks []Mark) Baseline {
	if len(marks) == 0 {
		return ""
	}
	text, err := json.Marshal(marks)
	if err != nil {
		return ""
	}
	return Baseline(text)
}

// Marks returns the marks of the replicas; none of a text that can't be read.
func (b Baseline) Marks() []Mark {
	var marks []Mark
	if b == "" || json.Unmarshal([]byte(b), &marks) != nil {
		return nil
	}
	return marks
}

// baselineOf is the baseline that a drain begins with.
func baselineOf(reading *Reading) Baseline {
	if reading == nil {
		return ""
	}
	marks := make([]Mark, len(reading.Replicas))
	for i, queue := range reading.Replicas {
		marks[i] = Mark{Replica: queue.Replica, Started: queue.Started, Dropped: queue.Dropped, Failures: queue.Failures}
	}
	return NewBaseline(marks)
}

// forget lets Sent and Inflow be noted anew.
func (b Baseline) forget() Baseline {
	marks := b.Marks()
	for i := range marks {
		marks[i].Marked, marks[i].Sent, marks[i].Inflow = false, 0, 0
	}
	return NewBaseline(marks)
}

// troubled is true where an attempt to send has failed since the drain, or may
// have.
func (b Baseline) troubled() bool {
	marks := b.Marks()
	return len(marks) == 0 || slices.ContainsFunc(marks, func(m Mark) bool { return m.Troubled })
}

// verdict is what a comparison came to; all are empty where the queues are empty.
type verdict struct {
	dropped string
	waiting string
	failed  bool // an attempt to send, since the last comparison
}

// compare holds what the replicas say against the baseline, and moves it along.
func (b Baseline) compare(reading *Reading, maxPending int64) (Baseline, verdict) {
	known := map[string]Mark{}
	before := b.Marks()
	for _, mark := range before {
		known[mark.Replica] = mark
	}
	marks := make([]Mark, len(reading.Replicas))
	var waiting []string
	failed := false
	for i, queue := range reading.Replicas {
		mark, was := known[queue.Replica]
		if !was || mark.Started != queue.Started {
			lost := mark.Lost
			mark = fresh(queue, len(before) == 0)
			mark.Lost = lost
		}
		mark.Lost = mark.Lost || queue.Dropped > mark.Dropped
		if why := lacks(queue, maxPending); why != "" {
			waiting = append(waiting, fmt.Sprintf("replica %s %s", queue.Replica, why))
		}
		failed = failed || queue.Failures != mark.Failures
		marks[i] = mark.advanced(queue)
		delete(known, queue.Replica)
	}
	if waiting == nil {
		waiting = idleSince(marks, reading)
	}
	if reading.Missing != "" {
		waiting = append(waiting, reading.Missing)
	}
	for _, mark := range before {
		if _, gone := known[mark.Replica]; gone {
			mark.Lost = mark.Lost || reading.Missing == "" // else it may be one that is only silent
			marks = append(marks, mark)
		}
	}
	return NewBaseline(marks), verdict{dropped: losses(marks), waiting: strings.Join(waiting, "; "), failed: failed}
}

// losses names the replicas that hold less than they were given for the zone.
func losses(marks []Mark) string {
	var lost []string
	for _, mark := range marks {
		if mark.Lost {
			lost = append(lost, fmt.Sprintf("replica %s of the VMAgent has dropped data of this zone since the drain, or is gone with what it had queued", mark.Replica))
		}
	}
	return strings.Join(lost, "; ")
}

// fresh is the mark of a process that was not there before. One that has come
// since the drain counts from zero.
func fresh(queue Queue, first bool) Mark {
	mark := Mark{Replica: queue.Replica, Started: queue.Started, Troubled: true, Failures: queue.Failures}
	if first {
		mark.Dropped = queue.Dropped
	}
	return mark
}

// recent is for how long what comes in may wait in a queue that counts as empty: a vmagent
// puts there once in a second what it has got.
const recent = 2 // seconds

// lacks says what keeps the queue of a replica from being empty. A limit in bytes alone
// would let pass what little comes in through minutes.
func lacks(queue Queue, maxPending int64) string {
	switch {
	case queue.Pending > min(maxPending, recent*queue.PerSecond):
		return fmt.Sprintf("has %s pending", bytes(queue.Pending))
	case queue.Retrying > 0:
		return fmt.Sprintf("keeps %d blocks until it tries again to send them", queue.Retrying)
	}
	return ""
}

// bytes renders a size with its leading bits only, so that a status does not
// change with every byte.
func bytes(n int64) string {
	unit := int64(1)
	for n/unit >= 8 {
		unit *= 2
	}
	n = n / unit * unit
	for _, scale := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= scale.size {
			return fmt.Sprintf("%.3g %s", float64(n)/float64(scale.size), scale.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func (m Mark) advanced(queue Queue) Mark {
	m.Troubled = m.Troubled || queue.Failures != m.Failures
	m.Failures = queue.Failures
	if !m.Marked {
		m.Marked, m.Sent, m.Inflow = true, queue.Sent, queue.Inflow
	}
	return m
}

// idleSince names the replicas that have sent nothing since the zone is in good
// health, though something has come in for any zone.
func idleSince(marks []Mark, reading *Reading) []string {
	var idle []string
	for i, queue := range reading.Replicas {
		if queue.Sent <= marks[i].Sent && queue.Inflow > marks[i].Inflow {
			idle = append(idle, fmt.Sprintf("replica %s has sent nothing since the zone is healthy, though samples come in", queue.Replica))
		}
	}
	return idle
}
