// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Drain is what a VMDistributedCluster has to do with the reads of a zone: to take
// them out of a VMUser, or to give them back.
type Drain struct {
	Owner types.NamespacedName
	Zone  Cluster
	// Others are the zones that may take over, in order. Those that are drained
	// never do.
	Others []Cluster
	// Known are zones of the owner, those that it has drained among them. Of one
	// that a VMUser is drained of and that is not there, the name has to do.
	Known      []Cluster
	LastTarget LastTarget
}

// cluster is what is known of a zone.
func (d Drain) cluster(zone string) Cluster {
	for _, known := range slices.Concat([]Cluster{d.Zone}, d.Known) {
		if known.Name == zone {
			return known
		}
	}
	return Cluster{Namespace: d.Owner.Namespace, Name: zone}
}

// drainer takes zones out of lists of a namespace. What only they serve goes by
// lastTarget.
func (d Drain) drainer(zones []string, lastTarget LastTarget, namespace string) drainer {
	taken := drainer{lastTarget: lastTarget, namespace: namespace}
	for _, zone := range zones {
		taken.zones = append(taken.zones, d.cluster(zone))
	}
	taken.others = slices.DeleteFunc(slices.Clone(d.Others), func(c Cluster) bool { return slices.ContainsFunc(taken.zones, c.is) })
	return taken
}

// is reports whether two are the same VMCluster.
func (c Cluster) is(other Cluster) bool {
	return c.Name == other.Name && c.Namespace == other.Namespace
}

// DrainPlan is what has to be written to a VMUser to take a zone out of it.
type DrainPlan struct {
	// Patch is a JSON merge patch on the whole object, guarded by its
	// resourceVersion; nil when nothing leads to the zone, and when the drain is
	// refused.
	Patch map[string]any
	// Refusal says why the zone cannot be taken out; "" when it can.
	Refusal string
	// After are the zones that the owner has drained it of, where the zone could be
	// taken out once they are given back; none where that would change nothing.
	After []string
	// Taken are the places that led to the zone.
	Taken []string
	// Again is true when the VMUser carries our record of draining the zone, so
	// somebody brought back what it took out.
	Again bool
}

// PlanDrain takes a zone out of the read path of a VMUser and records what it
// took in the same write.
//
// Only what leads to the zone goes: an object of crd.objects, a URL of
// static.urls. An entry that leads nowhere else goes as a whole where another one
// stands in for it: one that matches the same requests, does the same with them,
// and leads to one of Others or to something that is no zone. vmauth takes the
// first entry that matches, so an entry is only removed where the one that stands
// in is the next to match, and where no entry remains alone that would then match
// more than before; else its target is replaced by those zones that the others
// lead to. Where nothing stands in, LastTarget decides. A VMUser keeps at least
// one target.
//
// Where the owner has drained other zones of it, all of them are taken out of what
// the list would be without any drain: what another one has led here is led on.
// Likewise where somebody brought back what we took, or added to it.
//
// A VMUser that another owner's drain is on is refused.
func PlanDrain(user *unstructured.Unstructured, drain Drain) (DrainPlan, error) {
	records, err := DrainRecords(user)
	if err != nil {
		return DrainPlan{}, err
	}
	places, err := RoutesToDrain(user, drain.Owner, drain.Zone)
	if err != nil || len(places) == 0 {
		return DrainPlan{}, err
	}
	refuse := func(reason string) (DrainPlan, error) {
		return DrainPlan{Refusal: fmt.Sprintf("VMUser %s/%s cannot be drained of zone %s: %s", user.GetNamespace(), user.GetName(), drain.Zone.Name, reason)}, nil
	}
	if theirs := otherOwners(records, drain.Owner); theirs != nil {
		return refuse(fmt.Sprintf("VMDistributedCluster %s has drained it of zone %s, and only one may drain a VMUser at a time", theirs.Owner, theirs.zones()))
	}
	record := ownRecord(records, drain.Owner)
	plan := DrainPlan{Taken: places, Again: slices.Contains(record.Zones, drain.Zone.Name)}
	beside := slices.DeleteFunc(slices.Clone(record.Zones), func(zone string) bool { return zone == drain.Zone.Name })
	zones := record.Zones
	if !plan.Again {
		zones = append(slices.Clone(zones), drain.Zone.Name)
	}
	taken, reason, err := record.redrawn(user, drain, zones, drain.LastTarget)
	if err != nil {
		return DrainPlan{}, err
	}
	if reason != "" {
		plan, err := refuse(reason)
		if record.drainableAfter(user, drain, beside) {
			plan.After = beside
		}
		return plan, err
	}
	plan.Patch, err = taken.drainPatch(user)
	return plan, err
}

// drainableAfter is true where a zone could be taken out if some others that are
// drained were there to take over.
func (r DrainRecord) drainableAfter(user *unstructured.Unstructured, drain Drain, others []string) bool {
	for _, zone := range others {
		drain.Others = append(slices.Clone(drain.Others), drain.cluster(zone))
	}
	_, reason, err := r.redrawn(user, drain, []string{drain.Zone.Name}, drain.LastTarget)
	return len(others) > 0 && err == nil && reason == ""
}

// RoutesToDrain returns the places of a VMUser that lead to a zone, or, where none
// do, that would once what the owner has drained it of is given back.
func RoutesToDrain(user *unstructured.Unstructured, owner types.NamespacedName, zone Cluster) ([]string, error) {
	routes, err := ReadRoutes(user, []Cluster{zone})
	if err != nil {
		return nil, err
	}
	records, _ := DrainRecords(user) // one that can't be read is for PlanDrain to report
	if record := ownRecord(records, owner); len(routes) == 0 && len(record.Zones) > 0 && !slices.Contains(record.Zones, zone.Name) {
		whole := user.DeepCopy()
		whole.Object["spec"] = map[string]any{"targetRefs": record.restored(targetRefs(user))}
		routes, err = ReadRoutes(whole, []Cluster{zone})
	}
	var places []string
	for _, route := range routes {
		places = append(places, route.Path)
	}
	return places, err
}

func targetRefs(user *unstructured.Unstructured) []any {
	list, _ := member(user.Object, "spec", "targetRefs").([]any)
	return list
}

// PlanRestore gives a VMUser back what our drain of a zone took out of it, and
// takes the zone off the record in the same write: a JSON merge patch on the whole
// object, guarded by its resourceVersion; nil when it carries no record of ours
// about the zone.
//
// A list that is as the drains left it becomes the original one. In any other,
// entries that went come back beside their neighbours, those that were changed
// get their target back, and all that was changed, added, removed or reordered
// meanwhile stays. What is back already is not doubled.
//
// What it is drained of beside is taken out of that again, Others taking over,
// whatever LastTarget says: those zones are drained as it is.
func PlanRestore(user *unstructured.Unstructured, drain Drain) (map[string]any, error) {
	record, remaining, err := recordAbout(user, drain)
	if err != nil || record == nil {
		return nil, err
	}
	if _, err := userEntries(user); err != nil {
		return nil, err
	}
	if len(remaining) == 0 {
		return targetsPatch(user, record.restored(targetRefs(user)), DrainAnnotation(drain.Owner), nil), nil
	}
	kept, refusal, err := record.redrawn(user, drain, remaining, LastTargetFailOver)
	if err != nil || refusal != "" {
		return nil, stuck(user, drain, remaining, refusal, err)
	}
	return kept.drainPatch(user)
}

// PlanForget takes a zone off the owner's record on a VMUser and leaves
// spec.targetRefs without it: a JSON merge patch on the whole object, guarded by
// its resourceVersion; nil where no record of ours tells of it. It is for a zone
// that can't be given back, its VMCluster being gone: a reference to it would
// invalidate the VMUser as a whole.
func PlanForget(user *unstructured.Unstructured, drain Drain) (map[string]any, error) {
	record, remaining, err := recordAbout(user, drain)
	if err != nil || record == nil {
		return nil, err
	}
	if len(remaining) == 0 {
		return map[string]any{"metadata": guarded(user, map[string]any{DrainAnnotation(drain.Owner): nil})}, nil
	}
	// Those that it stays drained of come back some day, and stand in then.
	beside := drain
	for _, zone := range remaining {
		beside.Others = append(slices.Clone(beside.Others), drain.cluster(zone))
	}
	without, refusal, err := record.redrawn(user, beside, []string{drain.Zone.Name}, LastTargetFailOver)
	if err != nil || refusal != "" {
		return nil, stuck(user, drain, remaining, refusal, err)
	}
	drain.Others = slices.DeleteFunc(slices.Clone(drain.Others), drain.Zone.is)
	kept, refusal, err := newRecord(without.drained(), user.GetNamespace(), drain, remaining, LastTargetFailOver)
	if err != nil || refusal != "" {
		return nil, stuck(user, drain, remaining, refusal, err)
	}
	return kept.drainPatch(user)
}

// recordAbout is the owner's record about a zone, with the zones that it is about
// beside; nil where there is none.
func recordAbout(user *unstructured.Unstructured, drain Drain) (record *DrainRecord, remaining []string, err error) {
	records, err := DrainRecords(user)
	if err != nil {
		return nil, nil, err
	}
	own := ownRecord(records, drain.Owner)
	at := slices.Index(own.Zones, drain.Zone.Name)
	if at < 0 {
		return nil, nil, nil
	}
	return &own, slices.Delete(slices.Clone(own.Zones), at, at+1), nil
}

// stuck is why a zone can't be taken off a record of several.
func stuck(user *unstructured.Unstructured, drain Drain, remaining []string, refusal string, err error) error {
	if err == nil {
		err = errors.New(refusal)
	}
	return fmt.Errorf("cannot end the drain of zone %s of VMUser %s/%s while it stays drained of zone %s: %w; "+
		"put its spec.targetRefs right, or give all of them back with the annotation %s",
		drain.Zone.Name, user.GetNamespace(), user.GetName(), strings.Join(remaining, " and "), err, DrainAnnotation(drain.Owner))
}

// HasDrained is true for a VMUser that carries the record of the owner's drain of
// a zone.
func HasDrained(user *unstructured.Unstructured, owner types.NamespacedName, zone string) bool {
	records, err := DrainRecords(user)
	return err == nil && slices.Contains(ownRecord(records, owner).Zones, zone)
}

// BusyDraining says which drain of a VMUser has to be over before its owner drains it
// of another zone: one of another owner, since only one may drain it at a time, or
// one of a zone that is no longer listed, and so counts nowhere else. A zone that it
// is drained of already waits for none of its owner's.
func BusyDraining(user *unstructured.Unstructured, owner types.NamespacedName, zone string, listed func(zone string) bool) string {
	records, err := DrainRecords(user)
	if err != nil {
		return ""
	}
	if theirs := otherOwners(records, owner); theirs != nil {
		return fmt.Sprintf("VMUser %s to be given back zone %s, of which VMDistributedCluster %s has drained it: only one may drain a VMUser at a time", user.GetName(), theirs.zones(), theirs.Owner)
	}
	drained := ownRecord(records, owner).Zones
	if slices.Contains(drained, zone) {
		return ""
	}
	for _, other := range drained {
		if !listed(other) {
			return fmt.Sprintf("VMUser %s to be given back zone %s, of which it is drained and which the list no longer names", user.GetName(), other)
		}
	}
	return ""
}
