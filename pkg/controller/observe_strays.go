// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// observeStrays finds what the list no longer names and we have still to do with:
// VMClusters that carry our mark, and those that a VMUser is drained of.
func (o *observer) observeStrays(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) error {
	marked, err := o.source.Marked(ctx, view.owner)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, cluster := range marked {
		view.marked[cluster.GetName()] = cluster
		names[cluster.GetName()] = true
	}
	for _, user := range view.readers.drained {
		records, err := victoriametrics.DrainRecords(user)
		if err != nil {
			return err
		}
		for _, record := range records {
			if record.Owner != view.owner {
				continue
			}
			for _, zone := range record.Zones {
				names[zone] = true
			}
		}
	}
	if view.readers.unreadable != "" {
		for name := range view.records {
			names[name] = true // it may be of any that status remembers
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if view.zones[name] != nil {
			continue
		}
		if err := o.observeStray(ctx, object, name, view); err != nil {
			return err
		}
	}
	return nil
}

func (o *observer) observeStray(ctx context.Context, object *vmdistributed.VMDistributedCluster, name string, view *observation) error {
	record := view.records[name]
	stray := rollout.Stray{Marked: view.marked[name] != nil, Zone: rollout.Zone{
		Name: name, Record: record, Revision: cmp.Or(record.Updating, record.Revision, rollout.UnknownRevision),
		Reads: rollout.Reads{Unreadable: view.readers.unreadable},
	}}
	seen := &zoneView{}
	view.strays[name] = seen
	live, err := o.source.Cluster(ctx, object.Namespace, name)
	if err != nil {
		return err
	}
	if live != nil {
		if stray.Cluster, err = o.strayCluster(ctx, live, seen); err != nil {
			return err
		}
	}
	noteDrained(view, &stray.Zone, seen)
	view.Strays = append(view.Strays, stray)
	return nil
}

// strayCluster is how a VMCluster does. One that can't be read is not healthy.
func (o *observer) strayCluster(ctx context.Context, live *unstructured.Unstructured, seen *zoneView) (*rollout.Cluster, error) {
	seen.exists = true
	cluster, err := victoriametrics.ParseCluster(live)
	if err != nil {
		return &rollout.Cluster{Unhealthy: err.Error()}, nil //nolint:nilerr // the rollout reports it
	}
	seen.cluster = cluster
	return o.health(ctx, cluster)
}
