// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Queues reads the queues of the entries of a VMAgent's spec.remoteWrite in every
// replica of it.
func (l *Look) Queues(ctx context.Context, agent *unstructured.Unstructured, entries []victoriametrics.RemoteWrite) rollout.Reading {
	reading := rollout.Reading{Room: -1}
	pages, missing := l.replicas(ctx, victoriametrics.AgentMetrics(agent), anyTime)
	reading.Missing = missing
	for _, replica := range pages {
		for _, entry := range entries {
			queue, lacks := victoriametrics.QueueOf(replica.page, entry)
			if lacks != "" {
				reading.Missing = fmt.Sprintf("pod %s of VMAgent %s shows %s", replica.pod, agent.GetName(), lacks)
				continue
			}
			reading.Replicas = append(reading.Replicas, rollout.Queue{
				Replica:   replicaName(replica.pod, entry, len(entries)),
				Started:   queue.Started.Unix(),
				Pending:   int64(queue.PendingBytes),
				PerSecond: int64(l.perSecond(queue)),
				Failures:  int64(queue.Failures),
				Retrying:  int64(queue.Waiting),
				Dropped:   int64(queue.Lost()),
				Sent:      int64(queue.Sent),
				Inflow:    int64(queue.RowsPushedToAll),
			})
			if lasts := l.lasts(queue, entry); lasts >= 0 && (reading.Room < 0 || lasts < reading.Room) {
				reading.Room = lasts
			}
		}
	}
	return reading
}

// replicaName tells several queues to one zone in one pod from each other.
func replicaName(pod string, entry victoriametrics.RemoteWrite, entries int) string {
	if entries == 1 {
		return pod
	}
	return fmt.Sprintf("%s[%d]", pod, entry.Position)
}

// settled is how long a process has run until what it has sent tells what usually comes in:
// before that, most may have lain in its queue when it started.
const settled = 5 * time.Minute

// perSecond is what usually comes in, in bytes, rather too little than too much.
func (g *Gatherer) perSecond(queue victoriametrics.QueueReading) float64 {
	return queue.BytesSent / max(g.clock.Since(queue.Started), settled).Seconds()
}

// lasts is how long a queue takes in what usually comes, while nothing goes out;
// negative where that can't be told. What usually comes is what has been sent
// since the start of the process.
func (g *Gatherer) lasts(queue victoriametrics.QueueReading, entry victoriametrics.RemoteWrite) time.Duration {
	room := queue.FreeBytes
	if entry.MaxDiskUsage > 0 {
		left := max(float64(entry.MaxDiskUsage)-queue.PendingBytes, 0)
		if room < 0 || left < room {
			room = left
		}
	}
	running := g.clock.Since(queue.Started)
	if room < 0 || queue.BytesSent <= 0 || running <= 0 {
		return -1
	}
	seconds := room / (queue.BytesSent / running.Seconds())
	return time.Duration(min(seconds, 1e9)) * time.Second
}
