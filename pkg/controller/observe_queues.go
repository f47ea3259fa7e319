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
	agent, err := o.source.agent(ctx, object.Namespace, object.Spec.VMAgent.Name)
	if err != nil {
		return err
	}
	view.agent = agent
	clusters := make([]victoriametrics.Cluster, len(view.Zones))
	for i := range view.Zones {
		clusters[i] = view.clusterOf(view.Zones[i].Name)
	}
	known, err := o.knownClusters(ctx)
	if err != nil {
		return err
	}
	known = append(known, clusters...)
	for i := range view.Zones {
		queues := &view.Zones[i].Queues
		if agent == nil {
			queues.Gate = rollout.Gated
			queues.Reading = &rollout.Reading{Missing: fmt.Sprintf("VMAgent %q to exist, which spec.vmagent names", object.Spec.VMAgent.Name)}
			continue
		}
		writes := victoriametrics.RemoteWrites(agent, clusters[i], known)
		view.zones[view.Zones[i].Name].entries = writes.Entries
		switch {
		case writes.Unknown != "":
			queues.Gate, queues.Why = rollout.Unclear, fmt.Sprintf("VMAgent %s: %s", agent.GetName(), writes.Unknown)
		case writes.Sharded:
			queues.Gate = rollout.Unclear
			queues.Why = fmt.Sprintf("VMAgent %s shards by URL, so that zones are no replicas of each other", agent.GetName())
		case withoutDiskQueue(writes.Entries):
			queues.Gate = rollout.Unclear
			queues.Why = fmt.Sprintf("VMAgent %s keeps no queue on its disk for the zone, and drops what doesn't fit into memory", agent.GetName())
		case writes.None():
			queues.Why = fmt.Sprintf("VMAgent %s has no remote write to the zone", agent.GetName())
		default:
			queues.Gate = rollout.Gated
			for _, entry := range writes.Entries {
				queues.RetryPause = max(queues.RetryPause, entry.SendPause)
			}
		}
	}
	return nil
}

// knownClusters are all VMClusters there are: a remote write to one of them does
// not lead to another.
func (o *observer) knownClusters(ctx context.Context) ([]victoriametrics.Cluster, error) {
	all, err := o.source.clusters(ctx)
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
