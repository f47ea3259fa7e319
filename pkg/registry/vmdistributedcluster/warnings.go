// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// warnings tells what is allowed and yet hardly meant, of zones that are not as they
// were in before, which is nil for a new object.
func warnings(cluster, before *vmdistributed.VMDistributedCluster) []string {
	stored := before.ZonesByCluster()
	var found []string
	path := field.NewPath("spec", "zones", "vmclusters")
	for i := range cluster.Spec.Zones.VMClusters {
		zone := &cluster.Spec.Zones.VMClusters[i]
		at := path.Index(i)
		if equality.Semantic.DeepEqual(stored[zone.ClusterName()], zone) {
			continue
		}
		if zone.Ref != nil && zone.Name != "" {
			found = append(found, fmt.Sprintf("%s: ignored beside ref, which names the VMCluster %q", at.Child("name"), zone.Ref.Name))
		}
		if zone.OverrideSpec != nil && isEmptyObject(zone.OverrideSpec.Raw) {
			found = append(found, fmt.Sprintf("%s: is empty and changes nothing", at.Child("overrideSpec")))
		}
	}
	return found
}

// warningsOfLeaving names the zones that a change takes out: a patch replaces the
// list as a whole, and what it forgets to repeat goes.
func warningsOfLeaving(cluster, before *vmdistributed.VMDistributedCluster) []string {
	listed := cluster.ZonesByCluster()
	var found []string
	for i := range before.Spec.Zones.VMClusters {
		if name := before.Spec.Zones.VMClusters[i].ClusterName(); listed[name] == nil {
			found = append(found, fmt.Sprintf("spec.zones.vmclusters: zone %q is taken out; its VMCluster is released and goes on as it is. To take it up again, refer to it with ref", name))
		}
	}
	return found
}

func isEmptyObject(raw []byte) bool {
	var members int
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n', '{', '}':
		default:
			members++
		}
	}
	return members == 0
}
