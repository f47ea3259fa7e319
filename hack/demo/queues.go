// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// queues are those of the VMAgent, one for each zone and replica.
type queues struct {
	reader   *metricspage.Reader
	replicas []string // addresses
	of       []zoneQueue
}

type zoneQueue struct {
	zone  string
	entry victoriametrics.RemoteWrite
}

// queuesOf finds the queues of a VMAgent, in the order of its remote writes.
func queuesOf(agent *unstructured.Unstructured, zones, replicas []string) (*queues, error) {
	q := &queues{reader: metricspage.New(metricspage.Options{}), replicas: replicas}
	for _, zone := range zones {
		writes := victoriametrics.RemoteWrites(agent, victoriametrics.Cluster{Namespace: agent.GetNamespace(), Name: zone}, nil)
		if len(writes.Entries) != 1 {
			return nil, fmt.Errorf("VMAgent %s has %d remote writes to %s, want 1: %s", agent.GetName(), len(writes.Entries), zone, writes.Unknown)
		}
		q.of = append(q.of, zoneQueue{zone: zone, entry: writes.Entries[0]})
	}
	slices.SortFunc(q.of, func(a, b zoneQueue) int { return a.entry.Position - b.entry.Position })
	return q, nil
}

func (q *queues) zones() []string {
	var zones []string
	for _, queue := range q.of {
		zones = append(zones, queue.zone)
	}
	return zones
}

// line says what waits for each zone in all replicas together.
func (q *queues) line(ctx context.Context) string {
	pages := make([]metricspage.Page, len(q.replicas))
	for i, replica := range q.replicas {
		var err error
		if pages[i], err = q.reader.Read(ctx, metricspage.Target{URL: replica + "/metrics"}); err != nil {
			return fmt.Sprintf("not known: %v", err)
		}
	}
	var waiting []string
	for _, queue := range q.of {
		if text := queue.line(pages); text != "" {
			waiting = append(waiting, queue.zone+" "+text)
		}
	}
	if len(waiting) == 0 {
		return "empty"
	}
	return strings.Join(waiting, ", ")
}

func (q zoneQueue) line(pages []metricspage.Page) string {
	var bytes, blocks float64
	for _, page := range pages {
		reading, missing := victoriametrics.QueueOf(page, q.entry)
		if missing != "" {
			return missing
		}
		bytes, blocks = bytes+reading.PendingBytes, blocks+reading.Waiting
	}
	var parts []string
	if bytes > 0 {
		parts = append(parts, fmt.Sprintf("%.1f KiB", bytes/1024))
	}
	if blocks > 0 {
		parts = append(parts, fmt.Sprintf("%.0f blocks held for another try", blocks))
	}
	return strings.Join(parts, " and ")
}
