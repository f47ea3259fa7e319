// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// planReturns plans what ends the drains of all zones, those that are no longer listed
// included. One whose drain can be ended nowhere says why: what others stay drained of
// is in its way.
func planReturns(object *vmdistributed.VMDistributedCluster, view *observation) {
	for zone, seen := range view.all() {
		for _, user := range seen.readers.drained {
			patch, err := planReturn(object, view, zone, user)
			switch {
			case err != nil:
				zone.Reads.Kept = err.Error()
			case patch != nil:
				seen.readers.returns = append(seen.readers.returns,
					mergePatch(victoriametrics.VMUserResource, user.GetNamespace(), user.GetName(), patch))
			}
		}
		if len(seen.readers.returns) > 0 {
			zone.Reads.Kept = ""
		}
	}
}

// planReturn plans what ends the drain of one zone of a VMUser. Where no healthy one
// serves what the VMUser stays drained of, those have to that do now.
func planReturn(object *vmdistributed.VMDistributedCluster, view *observation, zone *rollout.Zone, user *unstructured.Unstructured) (map[string]any, error) {
	plan := victoriametrics.PlanRestore
	if zone.Cluster == nil {
		plan = victoriametrics.PlanForget
	}
	healthy, reserve := takingOver(view, zone.Name), inReserve(view, zone.Name)
	if zone.Cluster != nil {
		back := view.clusterOf(zone.Name)
		reserve = append(reserve, back)
		if view.zones[zone.Name] != nil { // who leaves may be deleted by its owner
			healthy = append(healthy, back)
		}
	}
	patch, err := plan(user, drainOf(object, view, zone.Name, asListed(view, healthy)))
	if err != nil {
		patch, err = plan(user, drainOf(object, view, zone.Name, asListed(view, reserve)))
	}
	return patch, err
}

// asListed brings clusters into the order of the list, those that are off it last.
func asListed(view *observation, clusters []victoriametrics.Cluster) []victoriametrics.Cluster {
	place := func(cluster victoriametrics.Cluster) int {
		i := slices.IndexFunc(view.Zones, func(zone rollout.Zone) bool { return zone.Name == cluster.Name })
		if i < 0 {
			return len(view.Zones)
		}
		return i
	}
	return slices.SortedStableFunc(slices.Values(clusters), func(a, b victoriametrics.Cluster) int { return cmp.Compare(place(a), place(b)) })
}

// inReserve are the zones that are not drained, healthy or not, for where nobody
// else serves what stays drained.
func inReserve(view *observation, drained string) []victoriametrics.Cluster {
	var others []victoriametrics.Cluster
	for i := range view.Zones {
		if zone := &view.Zones[i]; zone.Name != drained && zone.Cluster != nil && readable(view, zone) {
			others = append(others, view.zones[zone.Name].cluster)
		}
	}
	return others
}
