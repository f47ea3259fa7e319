// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
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
	creating           = []string{"create"}
	changing           = []string{"update", "patch"}
	creatingOrChanging = []string{"create", "update", "patch"}
	deleting           = []string{"delete"}
)

// ofWrite lists what storing object in the place of old, nil for none, makes us
// touch. A VMCluster that a zone newly defines is created, or taken up and changed
// where there is one already.
func ofWrite(object, old *vmdistributed.VMDistributedCluster, around surroundings) []touch {
	created := old == nil
	if created {
		old = &vmdistributed.VMDistributedCluster{} // so that all of it is new
	}
	everything := !created && (letsGo(object, old) || endsUndo(object, old))
	zones, listChanged := ofZones(object, old, everything, around)
	found := zones
	changed := everything || len(zones) > 0
	found = append(found, ofReferences("spec.vmusers", victoriametrics.VMUserResource, object.Spec.VMUsers, old.Spec.VMUsers, changed)...)
	found = append(found, ofReferences("spec.vmagent", victoriametrics.VMAgentResource, agents(object), agents(old), everything || listChanged)...)
	if created || everything {
		found = append(found, around.leftovers...)
	}
	if preparesEnd(object, old) {
		found = append(found, ofEnd(object, around)...)
	}
	return found
}

// preparesEnd is true for a change by which VMClusters may be deleted though nobody
// asks for that any more: what is owned by something that goes, or does not exist, is
// deleted by the garbage collector, in its own name.
func preparesEnd(object, old *vmdistributed.VMDistributedCluster) bool {
	if object.DeletionTimestamp != nil && !equality.Semantic.DeepEqual(object.Spec, old.Spec) {
		return true // what spec says decides what becomes of the VMClusters now
	}
	owned := len(object.OwnerReferences) > 0
	deletes := object.Spec.DeletesVMClusters() && !old.Spec.DeletesVMClusters()
	retained := old.Spec.DeletionPolicy == vmdistributed.DeletionPolicyRetain
	return owned && (deletes || !owners(old).IsSuperset(owners(object))) || deletes && retained
}

func owners(object *vmdistributed.VMDistributedCluster) sets.Set[types.UID] {
	all := sets.New[types.UID]()
	for _, reference := range object.OwnerReferences {
		all.Insert(reference.UID)
	}
	return all
}

// letsGo is true for a change that can set in motion, or in another manner, what
// others have asked for: it lifts what holds everything up, or may lift what one of
// the zones waits for, which is those before it, the VMUsers and the VMAgent.
func letsGo(object, old *vmdistributed.VMDistributedCluster) bool {
	now, before := &object.Spec, &old.Spec
	observed := before.ManagementPolicy == vmdistributed.ManagementPolicyObserve && now.ManagementPolicy != before.ManagementPolicy
	if observed || before.Paused && !now.Paused || !equality.Semantic.DeepEqual(now.Strategy, before.Strategy) {
		return true
	}
	if reordered(now.Zones.VMClusters, before.Zones.VMClusters) || !sameNames(now.VMUsers, before.VMUsers) || !sameNames(agents(object), agents(old)) {
		return true
	}
	return object.Annotations[victoriametrics.PermitShrinkAnnotation] != old.Annotations[victoriametrics.PermitShrinkAnnotation]
}

// endsUndo is true for a change of the zones that has others be touched than those that it
// changes: what runs is not what was stored, or will not be what is.
func endsUndo(object, old *vmdistributed.VMDistributedCluster) bool {
	undone := func(w vmdistributed.Word) bool { return w.Verb == vmdistributed.WordUndo }
	if !slices.ContainsFunc(old.Status.Words, undone) || equality.Semantic.DeepEqual(object.Spec.Zones, old.Spec.Zones) {
		return false // without naming revisions, for which every definition is decoded
	}
	for _, of := range []*vmdistributed.VMDistributedCluster{object, old} {
		zones, err := revision.Of(of)
		if err != nil {
			return true
		}
		if _, undone := old.Status.Undone(revision.OfZones(zones)); undone {
			return true
		}
	}
	return false
}

// reordered is true where the zones that stay come in another order.
func reordered(now, before []vmdistributed.Zone) bool {
	return !slices.Equal(namesAlsoIn(now, before), namesAlsoIn(before, now))
}

func namesAlsoIn(zones, others []vmdistributed.Zone) []string {
	known := map[string]bool{}
	for i := range others {
		known[others[i].ClusterName()] = true
	}
	var names []string
	for i := range zones {
		if name := zones[i].ClusterName(); known[name] {
			names = append(names, name)
		}
	}
	return names
}

// sameNames is true for references to the same objects, in whatever order.
func sameNames(now, before []vmdistributed.ObjectReference) bool {
	names := func(references []vmdistributed.ObjectReference) map[string]bool {
		all := map[string]bool{}
		for _, reference := range references {
			all[reference.Name] = true
		}
		return all
	}
	return maps.Equal(names(now), names(before))
}

// ofZones lists the VMClusters, and tells whether others are listed than before, or
// in another manner.
func ofZones(object, old *vmdistributed.VMDistributedCluster, everything bool, around surroundings) (found []touch, listChanged bool) {
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
		// The VMAgent scrapes what is ours, and not every VMCluster that is defined here is.
		listChanged = listChanged || stored == nil || (stored.Ref == nil) != (zone.Ref == nil)
		if same(zone, stored) && !everything {
			continue
		}
		found = append(found, touch{victoriametrics.VMClusterResource, name, verbsOn(zone, stored, around), path.Index(i).String()})
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

// verbsOn are those that it takes to bring a VMCluster to what its zone asks for.
// stored is the zone as it was, nil for a new one.
func verbsOn(zone, stored *vmdistributed.Zone, around surroundings) []string {
	name, defined := zone.ClusterName(), stored != nil && stored.Ref == nil
	switch {
	case zone.Ref != nil || defined && !around.mayBeMissing(name):
		return changing
	case !defined && !around.mayExist(name):
		return creating
	}
	// A definition may have been stored long before anything came of it.
	return creatingOrChanging
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
func ofDelete(old *vmdistributed.VMDistributedCluster, around surroundings) []touch {
	if old == nil || old.DeletionTimestamp != nil {
		return nil // who deleted it first has been asked
	}
	return ofEnd(old, around)
}

// ofEnd lists what the end of an object touches: VMClusters are deleted or let go,
// and what was taken out of VMUsers and put into the VMAgent is taken back.
func ofEnd(object *vmdistributed.VMDistributedCluster, around surroundings) []touch {
	const reason = "deleting the VMDistributedCluster"
	var found []touch
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		if zone.Ref == nil && object.Spec.DeletesVMClusters() {
			found = append(found, touch{victoriametrics.VMClusterResource, zone.ClusterName(), deleting, reason + ", by its deletionPolicy,"})
			continue
		}
		found = append(found, touch{victoriametrics.VMClusterResource, zone.ClusterName(), changing, reason})
	}
	return append(append(found, ofAllReferences(object, reason)...), around.leftovers...)
}

// ofStatus lists what a change of status may make us touch: it is what the rollout
// remembers, of gates that have been passed among other things.
func ofStatus(object, old *vmdistributed.VMDistributedCluster, around surroundings) []touch {
	if object == nil || old == nil || equality.Semantic.DeepEqual(object.Status, old.Status) {
		return nil
	}
	return ofAll(old, around, "a change of status")
}

// ofAll lists everything that a rollout changes.
func ofAll(object *vmdistributed.VMDistributedCluster, around surroundings, reason string) []touch {
	var found []touch
	for i := range object.Spec.Zones.VMClusters {
		found = append(found, touch{victoriametrics.VMClusterResource, object.Spec.Zones.VMClusters[i].ClusterName(), changing, reason})
	}
	return append(append(found, ofAllReferences(object, reason)...), around.leftovers...)
}

// ofUndo lists what going back to another revision may have us touch: all of the object,
// whose zones are those of that revision too. A VMCluster that is gone is made anew.
func ofUndo(object *vmdistributed.VMDistributedCluster, around surroundings) []touch {
	const reason = "the verb " + vmdistributed.SubresourceUndo
	var found []touch
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		found = append(found, touch{victoriametrics.VMClusterResource, zone.ClusterName(), verbsOn(zone, zone, around), reason})
	}
	return append(append(found, ofAllReferences(object, reason)...), around.leftovers...)
}

// ofAbort lists what calling a change off makes us touch: reads are given back.
func ofAbort(object *vmdistributed.VMDistributedCluster) []touch {
	var found []touch
	for _, user := range object.Spec.VMUsers {
		found = append(found, touch{victoriametrics.VMUserResource, user.Name, changing, "the verb " + vmdistributed.SubresourceAbort})
	}
	return found
}

// ofAllReferences lists the VMUsers and the VMAgent.
func ofAllReferences(object *vmdistributed.VMDistributedCluster, reason string) []touch {
	var found []touch
	for _, user := range object.Spec.VMUsers {
		found = append(found, touch{victoriametrics.VMUserResource, user.Name, changing, reason})
	}
	for _, agent := range agents(object) {
		found = append(found, touch{victoriametrics.VMAgentResource, agent.Name, changing, reason})
	}
	return found
}
