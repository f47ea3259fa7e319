// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package revision names what is wanted of a VMDistributedCluster, by hashes. They follow
// from spec alone: nothing has to be read to tell which one is wanted now. A restart makes
// another revision of each zone, and none of the whole: what is wanted of it stays.
package revision

import (
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Wanted returns the definition or the override of a zone. An empty override is none: nil.
func Wanted(zone *vmdistributed.Zone) (map[string]any, error) {
	decoded, err := zone.Text().Decode()
	if err != nil {
		return nil, fmt.Errorf("reading zone %s: %w", zone.ClusterName(), err)
	}
	if zone.Ref != nil && len(decoded) == 0 {
		return nil, nil
	}
	return decoded, nil
}

// OfZone is the revision of a zone that is defined inline, or referred to, by what is
// wanted of it. No override and an empty one are the same.
func OfZone(inline bool, wanted map[string]any) string {
	if inline {
		return victoriametrics.Revision("inline", wanted)
	}
	if len(wanted) == 0 {
		wanted = nil
	}
	return victoriametrics.Revision("override", wanted)
}

// Restarted is the revision of a zone that is to be as another one says, and to have been
// restarted at a time; "" for never.
func Restarted(zone, at string) string {
	if at == "" {
		return zone
	}
	return victoriametrics.Revision("restarted", map[string]any{"zone": zone, "at": at})
}

// OfZones is the revision of all zones, by theirs. Their order does not matter.
func OfZones(zones map[string]string) string {
	revisions := make(map[string]any, len(zones))
	for name, zone := range zones {
		revisions[name] = zone
	}
	return victoriametrics.Revision("zones", revisions)
}

// Of returns the revision of each zone in the list of an object, by its name.
func Of(object *vmdistributed.VMDistributedCluster) (map[string]string, error) {
	return OfList(object.Spec.Zones.VMClusters)
}

// OfList returns the revision of each zone in a list, by its name.
func OfList(list []vmdistributed.Zone) (map[string]string, error) {
	zones := map[string]string{}
	for i := range list {
		zone := &list[i]
		wanted, err := Wanted(zone)
		if err != nil {
			return nil, err
		}
		zones[zone.ClusterName()] = OfZone(zone.Ref == nil, wanted)
	}
	return zones, nil
}
