// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// readers are the VMUsers that an object has to do with, and the VMAuths that
// may serve them.
type readers struct {
	// listed are those that spec names, drained all that carry a record of ours.
	listed, drained []*unstructured.Unstructured
	auths           []*unstructured.Unstructured
	// unknown says why not all of that can be told, unreadable that one carries a
	// record of ours that can't be read.
	unknown, unreadable string
}

// zoneReaders are the VMUsers that one zone is read through.
type zoneReaders struct {
	// leading are listed and lead there now.
	leading []*unstructured.Unstructured
	// drained carry our record of the zone.
	drained []*unstructured.Unstructured
	// returns are the writes that end that: they put the zone back or, where its
	// VMCluster is gone, take it off the record.
	returns []write
}

// observeReads looks at the read path to every zone.
func (o *observer) observeReads(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) error {
	readers, err := o.readers(ctx, object)
	if err != nil {
		return err
	}
	view.readers = readers
	for i := range view.Zones {
		if err := o.observeZoneReads(object, view, i); err != nil {
			return err
		}
	}
	return nil
}

func (o *observer) readers(ctx context.Context, object *vmdistributed.VMDistributedCluster) (*readers, error) {
	users, err := o.source.Users(ctx, object.Namespace)
	if err != nil {
		return nil, err
	}
	found := &readers{}
	for _, user := range users {
		records, err := victoriametrics.DrainRecords(user)
		if err != nil {
			found.unknown = err.Error()
			if _, ours := user.GetAnnotations()[victoriametrics.DrainAnnotation(nameOf(object))]; ours {
				found.unreadable = err.Error()
			}
			continue
		}
		if slices.ContainsFunc(records, func(r victoriametrics.DrainRecord) bool { return r.Owner == nameOf(object) }) {
			found.drained = append(found.drained, user)
		}
	}
	var absent []string
	for _, listed := range object.Spec.VMUsers {
		i := slices.IndexFunc(users, func(user *unstructured.Unstructured) bool { return user.GetName() == listed.Name })
		if i < 0 {
			absent = append(absent, fmt.Sprintf("%q", listed.Name))
			continue
		}
		found.listed = append(found.listed, users[i])
	}
	if len(absent) > 0 {
		found.unknown = fmt.Sprintf("VMUser %s to exist, which spec.vmusers names", strings.Join(absent, " and "))
	}
	if len(found.listed)+len(found.drained) == 0 {
		return found, nil
	}
	found.auths, err = o.source.Auths(ctx)
	return found, err
}

// observeZoneReads tells how one zone is read from, and plans what would take its
// reads away and give them back.
func (o *observer) observeZoneReads(object *vmdistributed.VMDistributedCluster, view *observation, i int) error {
	zone, readers := &view.Zones[i], view.readers
	seen := view.zones[zone.Name]
	cluster := view.clusterOf(zone.Name)
	reads := &zone.Reads
	reads.Unknown, reads.Unreadable, reads.Listed = readers.unknown, readers.unreadable, len(object.Spec.VMUsers) > 0
	noteDrained(view, zone, seen)
	for _, user := range readers.listed {
		if err := planUser(object, view, i, cluster, user); err != nil {
			reads.Unknown = err.Error()
		}
	}
	if len(readers.listed) > 0 {
		for _, auth := range readers.auths {
			reads.Undrainable = append(reads.Undrainable, victoriametrics.UndrainableAuth(auth, cluster)...)
		}
	}
	return nil
}

// noteDrained notes from which VMUsers a zone's reads can be given back.
func noteDrained(view *observation, zone *rollout.Zone, seen *zoneView) {
	for _, user := range view.readers.drained {
		if victoriametrics.HasDrained(user, view.owner, zone.Name) {
			zone.Reads.Drained = append(zone.Reads.Drained, "VMUser "+user.GetName())
			seen.readers.drained = append(seen.readers.drained, user)
		}
	}
}

// planUser plans how a zone is taken out of one VMUser that leads to it.
func planUser(object *vmdistributed.VMDistributedCluster, view *observation, i int, cluster victoriametrics.Cluster, user *unstructured.Unstructured) error {
	zone, readers := &view.Zones[i], view.readers
	seen, reads := view.zones[zone.Name], &zone.Reads
	reads.Undrainable = append(reads.Undrainable, victoriametrics.Undrainable(user, readers.auths, cluster)...)
	writes, err := victoriametrics.WriteRoutes(user, []victoriametrics.Cluster{cluster})
	if err != nil {
		return err
	}
	for _, route := range writes {
		view.writeRoutes = append(view.writeRoutes, fmt.Sprintf("VMUser %s at %s to zone %s", user.GetName(), route.Path, zone.Name))
	}
	routes, err := victoriametrics.RoutesToDrain(user, view.owner, cluster)
	if err != nil || len(routes) == 0 {
		return err
	}
	reads.Open = append(reads.Open, fmt.Sprintf("VMUser %s at %s", user.GetName(), strings.Join(routes, ", ")))
	seen.readers.leading = append(seen.readers.leading, user)
	listed := func(name string) bool { return view.zones[name] != nil }
	if busy := victoriametrics.BusyDraining(user, view.owner, zone.Name, listed); busy != "" {
		reads.Busy = busy
		return nil
	}
	others := takingOver(view, zone.Name)
	if len(others) == 0 {
		return nil // nothing would be left to read from; what that means, the guards say
	}
	plan, err := victoriametrics.PlanDrain(user, drainOf(object, view, zone.Name, others))
	switch {
	case plan.After != nil:
		reads.Busy = fmt.Sprintf("VMUser %s to be given back zone %s: %s", user.GetName(), strings.Join(plan.After, " and "), plan.Refusal)
	case plan.Refusal != "":
		reads.Undrainable = append(reads.Undrainable, plan.Refusal)
	}
	return err
}

// drainOf is what there is to do with the reads of a zone, while some others may
// take over.
func drainOf(object *vmdistributed.VMDistributedCluster, view *observation, zone string, others []victoriametrics.Cluster) victoriametrics.Drain {
	drain := victoriametrics.Drain{
		Owner: view.owner, Zone: view.clusterOf(zone), Others: others, LastTarget: victoriametrics.LastTarget(object.Spec.Strategy.Drain.LastTarget),
	}
	for known := range view.all() {
		drain.Known = append(drain.Known, view.clusterOf(known.Name))
	}
	return drain
}

// takingOver are the zones that may serve what a drained one did: healthy ones
// that are not drained themselves.
func takingOver(view *observation, drained string) []victoriametrics.Cluster {
	var others []victoriametrics.Cluster
	for i := range view.Zones {
		zone := &view.Zones[i]
		record := &zone.Record
		if zone.Name == drained || zone.Cluster == nil || !zone.Cluster.Healthy() || !record.Drained.IsZero() || !record.Restored.IsZero() || record.Emptied {
			continue
		}
		if readable(view, zone) {
			others = append(others, view.zones[zone.Name].cluster)
		}
	}
	return others
}

// readable is true for a zone of ours that no VMUser is drained of.
func readable(view *observation, zone *rollout.Zone) bool {
	return zone.Cluster.Ownership != rollout.Foreign && !slices.ContainsFunc(view.readers.drained, func(user *unstructured.Unstructured) bool {
		return victoriametrics.HasDrained(user, view.owner, zone.Name)
	})
}
