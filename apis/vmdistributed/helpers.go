// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import "github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"

// Finalizer keeps an object until its VMClusters have been deleted or released.
// The server sets it on every object.
const Finalizer = "distributed.victoriametrics.com/zones"

// ClusterName is the name of the zone's VMCluster, which is also the identity of
// the zone, whatever way it is named.
func (z *Zone) ClusterName() string {
	if z.Ref != nil {
		return z.Ref.Name
	}
	return z.Name
}

// DeletesVMClusters is true where the deletion of the object deletes the VMClusters
// that it defines. Where it is false, they are released, and go on as they are; so are
// those that are referred to, in any case.
func (s *VMDistributedClusterSpec) DeletesVMClusters() bool {
	return s.DeletionPolicy != DeletionPolicyRetain && s.ManagementPolicy != ManagementPolicyObserve
}

// Text is what the zone says of its VMCluster: the definition of an inline one, the
// override of another; nil for none.
func (z *Zone) Text() *rawjson.Object {
	if z.Ref != nil {
		return z.OverrideSpec
	}
	return z.Spec
}

// ZonesByCluster returns the zones by the names of their VMClusters. Without an
// object, in the place of one that was not there before, it returns none.
func (c *VMDistributedCluster) ZonesByCluster() map[string]*Zone {
	if c == nil {
		return nil
	}
	zones := make(map[string]*Zone, len(c.Spec.Zones.VMClusters))
	for i := range c.Spec.Zones.VMClusters {
		zone := &c.Spec.Zones.VMClusters[i]
		zones[zone.ClusterName()] = zone
	}
	return zones
}
