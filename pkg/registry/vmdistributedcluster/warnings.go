// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// listOfZones is where zones are, for people.
const listOfZones = "spec.zones.vmclusters"

// warnings tells what is allowed and yet hardly meant, of zones that are not as they
// were in before, which is nil for a new object: once of each kind, however many
// zones there are.
func warnings(cluster, before *vmdistributed.VMDistributedCluster) []string {
	stored := before.ZonesByCluster()
	var named, empty warned
	path := field.NewPath("spec", "zones", "vmclusters")
	for i := range cluster.Spec.Zones.VMClusters {
		zone := &cluster.Spec.Zones.VMClusters[i]
		if equality.Semantic.DeepEqual(stored[zone.ClusterName()], zone) {
			continue
		}
		if zone.Ref != nil && zone.Name != "" {
			named.add(path.Index(i).Child("name"), zone)
		}
		if zone.OverrideSpec != nil && isEmptyObject(zone.OverrideSpec.Raw) {
			empty.add(path.Index(i).Child("overrideSpec"), zone)
		}
	}
	var found []string
	if names := named.names; len(names) > 0 {
		found = append(found, wording.Say("%s: %s beside ref, which names the %s",
			named.place(), wording.Plural(names, "ignored", "names are ignored"), wording.Counted("VMCluster", names)))
	}
	switch names := empty.names; len(names) {
	case 0:
	case 1:
		found = append(found, wording.Say("%s: is empty and changes nothing", empty.place()))
	default:
		found = append(found, wording.Say("%s: overrides of %s are empty and change nothing", empty.place(), wording.Counted("VMCluster", names)))
	}
	return found
}

// warningsOfLeaving names the zones that a change takes out: a patch replaces the
// list as a whole, and what it forgets to repeat goes.
func warningsOfLeaving(cluster, before *vmdistributed.VMDistributedCluster) []string {
	listed := cluster.ZonesByCluster()
	var gone []string
	for i := range before.Spec.Zones.VMClusters {
		if name := before.Spec.Zones.VMClusters[i].ClusterName(); listed[name] == nil {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	rest := wording.Plural(gone,
		"is taken out; its VMCluster is released and goes on as it is. To take it up again, refer to it with ref",
		"are taken out; their VMClusters are released and go on as they are. To take them up again, refer to them with ref")
	return []string{fmt.Sprintf("%s: %s %s", listOfZones, wording.Counted("zone", gone), rest)}
}

// warned are the zones that one warning is about.
type warned struct {
	path  *field.Path // of the last of them
	names []string
}

func (w *warned) add(path *field.Path, zone *vmdistributed.Zone) {
	w.path, w.names = path, append(w.names, zone.ClusterName())
}

// place is the path of a field of one zone, or that of the list where there are
// several.
func (w *warned) place() string {
	if len(w.names) == 1 {
		return w.path.String()
	}
	return listOfZones
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
