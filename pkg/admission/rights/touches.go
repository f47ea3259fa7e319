// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// touch is one object that a request would have us touch.
type touch struct {
	resource schema.GroupVersionResource
	name     string
	verbs    []string
	// reason is what of the request does that, a field mostly.
	reason string
}

// The verbs of the host cluster that stand for what we do.
var (
	creating = []string{"create"}
	changing = []string{"update", "patch"}
	deleting = []string{"delete"}
)

// ofWrite lists what storing object in the place of old, nil for none, makes us
// touch. A VMCluster that a zone newly defines is created, or taken up and changed
// where there is one already.
func ofWrite(object, old *vmdistributed.VMDistributedCluster, exists func(namespace, name string) bool) []touch {
	if old == nil {
		old = &vmdistributed.VMDistributedCluster{}
	}
	everything := letsGo(object, old)
	zones, listChanged := ofZones(object, old, everything, exists)
	found := zones
	changed := everything || len(zones) > 0
	found = append(found, ofReferences("spec.vmusers", victoriametrics.VMUserResource, object.Spec.VMUsers, old.Spec.VMUsers, changed)...)
	found = append(found, ofReferences("spec.vmagent", victoriametrics.VMAgentResource, agents(object), agents(old), everything || listChanged)...)
	if object.DeletionTimestamp != nil && !equality.Semantic.DeepEqual(object.Spec, old.Spec) {
		// What spec says decides what becomes of the VMClusters now.
		found = append(found, ofEnd(object)...)
	}
	return found
}

// letsGo is true for a change that can set in motion, or in another manner, what
// others have asked for.
func letsGo(object, old *vmdistributed.VMDistributedCluster) bool {
	if old.Name == "" && old.UID == "" {
		return false // all of it is new anyway
	}
	observed := old.Spec.ManagementPolicy == vmdistributed.ManagementPolicyObserve && object.Spec.ManagementPolicy != old.Spec.ManagementPolicy
	if observed || old.Spec.Paused && !object.Spec.Paused || !equality.Semantic.DeepEqual(object.Spec.Strategy, old.Spec.Strategy) {
		return true
	}
	for _, key := range []string{vmdistributed.PromoteAnnotation, vmdistributed.AbortAnnotation, victoriametrics.PermitShrinkAnnotation} {
		if object.Annotations[key] != old.Annotations[key] {
			return true
		}
	}
	return false
}

// ofZones lists the VMClusters, and tells whether others are listed than before.
func ofZones(object, old *vmdistributed.VMDistributedCluster, everything bool, exists func(namespace, name string) bool) (found []touch, listChanged bool) {
	before := map[string]*vmdistributed.Zone{}
	for i := range old.Spec.Zones.VMClusters {
		zone := &old.Spec.Zones.VMClusters[i]
		before[zone.ClusterName()] = zone
	}
	path := field.NewPath("spec", "zones", "vmclusters")
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		name := zone.ClusterName()
		stored := before[name]
		delete(before, name)
		listChanged = listChanged || stored == nil
		if same(zone, stored) && !everything {
			continue
		}
		verbs := changing
		if zone.Ref == nil && (stored == nil || stored.Ref != nil) {
			verbs = creating
			if exists(object.Namespace, name) {
				verbs = append(append([]string{}, creating...), changing...)
			}
		}
		found = append(found, touch{victoriametrics.VMClusterResource, name, verbs, path.Index(i).String()})
	}
	for i := range old.Spec.Zones.VMClusters {
		name := old.Spec.Zones.VMClusters[i].ClusterName()
		if before[name] == nil {
			continue
		}
		listChanged = true
		found = append(found, touch{victoriametrics.VMClusterResource, name, changing, "taking the zone out of " + path.String()})
	}
	return found, listChanged
}

// same is true for a zone that asks for what it has asked for before.
func same(zone, stored *vmdistributed.Zone) bool {
	return stored != nil && (zone.Ref == nil) == (stored.Ref == nil) &&
		sameText(zone.Spec, stored.Spec) && sameText(zone.OverrideSpec, stored.OverrideSpec)
}

func sameText(a, b *rawjson.Object) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Raw, b.Raw)
}

func agents(object *vmdistributed.VMDistributedCluster) []vmdistributed.ObjectReference {
	if object.Spec.VMAgent == nil {
		return nil
	}
	return []vmdistributed.ObjectReference{*object.Spec.VMAgent}
}

// ofReferences lists references that are new or gone, and all where all are touched.
func ofReferences(path string, resource schema.GroupVersionResource, now, before []vmdistributed.ObjectReference, all bool) []touch {
	known := map[string]bool{}
	for _, reference := range before {
		known[reference.Name] = true
	}
	var found []touch
	for _, reference := range now {
		if all || !known[reference.Name] {
			found = append(found, touch{resource, reference.Name, changing, path})
		}
		delete(known, reference.Name)
	}
	for _, reference := range before {
		if known[reference.Name] {
			found = append(found, touch{resource, reference.Name, changing, fmt.Sprintf("taking it out of %s", path)})
		}
	}
	return found
}

// ofDelete lists what deleting an object makes us touch.
func ofDelete(old *vmdistributed.VMDistributedCluster) []touch {
	if old == nil || old.DeletionTimestamp != nil {
		return nil // who deleted it first has been asked
	}
	return ofEnd(old)
}

// ofEnd lists what the end of an object touches: VMClusters are deleted or let go,
// and what was taken out of VMUsers and put into the VMAgent is taken back.
func ofEnd(object *vmdistributed.VMDistributedCluster) []touch {
	var found []touch
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		verbs, reason := changing, "deleting the VMDistributedCluster"
		if zone.Ref == nil && object.Spec.DeletionPolicy != vmdistributed.DeletionPolicyRetain {
			verbs, reason = deleting, "deleting the VMDistributedCluster, by its deletionPolicy,"
		}
		found = append(found, touch{victoriametrics.VMClusterResource, zone.ClusterName(), verbs, reason})
	}
	for _, user := range object.Spec.VMUsers {
		found = append(found, touch{victoriametrics.VMUserResource, user.Name, changing, "deleting the VMDistributedCluster"})
	}
	for _, agent := range agents(object) {
		found = append(found, touch{victoriametrics.VMAgentResource, agent.Name, changing, "deleting the VMDistributedCluster"})
	}
	return found
}

// ofStatus lists what a change of status may make us touch: it is what the rollout
// remembers, of gates that have been passed among other things.
func ofStatus(object, old *vmdistributed.VMDistributedCluster) []touch {
	if object == nil || old == nil || equality.Semantic.DeepEqual(object.Status, old.Status) {
		return nil
	}
	var found []touch
	for i := range old.Spec.Zones.VMClusters {
		found = append(found, touch{victoriametrics.VMClusterResource, old.Spec.Zones.VMClusters[i].ClusterName(), changing, "a change of status"})
	}
	return append(found, ofReferences("spec.vmusers", victoriametrics.VMUserResource, old.Spec.VMUsers, old.Spec.VMUsers, true)...)
}
