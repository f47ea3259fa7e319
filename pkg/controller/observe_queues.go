// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// observeQueues looks at the write path to every zone.
func (o *observer) observeQueues(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) error {
	if object.Spec.VMAgent == nil {
		return nil
	}
	agent, err := o.source.Agent(ctx, object.Namespace, object.Spec.VMAgent.Name)
	if err != nil {
		return err
	}
	view.agent = agent
	known, err := o.knownClusters(ctx)
	if err != nil {
		return err
	}
	for zone := range view.all() {
		known = append(known, view.clusterOf(zone.Name))
	}
	for zone, seen := range view.all() {
		if agent == nil {
			zone.Queues = rollout.Queues{Gate: rollout.Gated, Reading: &rollout.Reading{
				Missing: fmt.Sprintf("VMAgent %q to exist, which spec.vmagent names", object.Spec.VMAgent.Name),
			}}
			continue
		}
		writes := victoriametrics.RemoteWrites(agent, view.clusterOf(zone.Name), known)
		seen.entries = writes.Entries
		zone.Queues = queuesOf(agent.GetName(), writes)
	}
	return nil
}

// queuesOf tells whether the queues of a zone can be waited for.
func queuesOf(agent string, writes victoriametrics.ZoneWrites) rollout.Queues {
	switch {
	case writes.Unknown != "":
		return rollout.Queues{Gate: rollout.Unclear, Why: fmt.Sprintf("VMAgent %s: %s", agent, writes.Unknown)}
	case writes.Sharded:
		return rollout.Queues{Gate: rollout.Unclear, Why: fmt.Sprintf("VMAgent %s shards by URL, so that zones are no replicas of each other", agent)}
	case withoutDiskQueue(writes.Entries):
		return rollout.Queues{Gate: rollout.Unclear, Why: fmt.Sprintf("VMAgent %s keeps no queue on its disk for the zone, and drops what doesn't fit into memory", agent)}
	case writes.None():
		return rollout.Queues{Gate: rollout.NoGate, Why: fmt.Sprintf("VMAgent %s has no remote write to the zone", agent)}
	}
	queues := rollout.Queues{Gate: rollout.Gated}
	for _, entry := range writes.Entries {
		queues.RetryPause = max(queues.RetryPause, entry.SendPause)
	}
	return queues
}

// knownClusters are all VMClusters there are: a remote write to one of them does
// not lead to another.
func (o *observer) knownClusters(ctx context.Context) ([]victoriametrics.Cluster, error) {
	all, err := o.source.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	known := make([]victoriametrics.Cluster, 0, len(all))
	for _, object := range all {
		if cluster, err := victoriametrics.ParseCluster(object); err == nil {
			known = append(known, cluster)
		}
	}
	return known, nil
}

func withoutDiskQueue(entries []victoriametrics.RemoteWrite) bool {
	return slices.ContainsFunc(entries, func(entry victoriametrics.RemoteWrite) bool { return entry.NoDiskQueue })
}
