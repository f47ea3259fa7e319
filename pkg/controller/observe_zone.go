// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// observeZone looks at one entry of the list and at the cluster that it names.
func (o *observer) observeZone(ctx context.Context, object *vmdistributed.VMDistributedCluster, entry *vmdistributed.Zone, view *observation) (rollout.Zone, error) {
	zone := rollout.Zone{Name: entry.ClusterName(), Inline: entry.Ref == nil}
	wanted, err := revision.Wanted(entry)
	if err != nil {
		return zone, err
	}
	view.revisions[zone.Name] = revision.OfZone(zone.Inline, wanted)
	zone.Revision = revision.Restarted(view.revisions[zone.Name], view.restartedAt)
	if zone.Inline {
		wanted = victoriametrics.WithRestart(wanted, view.restartedAt)
	}
	live, err := o.source.Cluster(ctx, object.Namespace, zone.Name)
	if err != nil {
		return zone, err
	}
	seen := &zoneView{exists: live != nil}
	view.zones[zone.Name] = seen
	if live == nil {
		if zone.Inline && view.Deletion == nil {
			seen.write, seen.after = createInline(object, zone, wanted), wanted
			_, err = o.tryOut(ctx, &zone, seen)
		}
		return zone, err
	}
	if seen.cluster, err = victoriametrics.ParseCluster(live); err != nil {
		// It exists, and for all that is known it is not well.
		zone.Problem, zone.Cluster = err.Error(), &rollout.Cluster{Unhealthy: err.Error()}
		return zone, nil //nolint:nilerr // the rollout reports it
	}
	zone.Cluster, err = o.health(ctx, seen.cluster)
	if err != nil {
		return zone, err
	}
	zone.Cluster.Ownership, zone.Cluster.Owner = ownership(live, nameOf(object))
	if view.Deletion != nil {
		zone.Cluster.ReferredBy, err = o.referredBy(ctx, object.Namespace, zone.Name)
		return zone, err
	}
	if zone.Cluster.Ownership == rollout.Foreign || zone.Inline && zone.Cluster.Ownership != rollout.Ours {
		return zone, nil
	}
	if err := compare(object, &zone, seen, live, wanted, view.restartedAt); err != nil {
		zone.Problem = err.Error()
		return zone, nil //nolint:nilerr // the rollout reports it
	}
	switch zone.Cluster.Difference {
	case rollout.Spec:
		zone.Cluster.Shrinks, err = o.shrinks(ctx, object, &zone, seen, live)
	case rollout.Metadata:
		// A mark that is refused, by a policy say, must not hold up all else.
		_, err = o.tryOut(ctx, &zone, seen)
	}
	return zone, err
}

// health is what the operator and the workloads say.
func (o *observer) health(ctx context.Context, cluster victoriametrics.Cluster) (*rollout.Cluster, error) {
	seen := &rollout.Cluster{
		UID:        string(cluster.UID),
		Deleting:   cluster.Deleting,
		Generation: cluster.Generation,
		Failed:     cluster.UpdateStatus == victoriametrics.UpdateStatusFailed && cluster.ObservedGeneration >= cluster.Generation,
	}
	operational, evidence := cluster.Operational()
	if !operational {
		seen.Unhealthy = evidence
		return seen, nil
	}
	statefulSets, deployments, err := o.source.Workloads(ctx, cluster.Namespace, cluster.Name)
	if err != nil {
		return nil, err
	}
	if converged, evidence := victoriametrics.Converged(cluster, statefulSets, deployments); !converged {
		seen.Unhealthy = evidence
	}
	return seen, nil
}

func ownership(live *unstructured.Unstructured, object types.NamespacedName) (rollout.Ownership, string) {
	owner, marked, err := victoriametrics.OwnerOf(live)
	switch {
	case err != nil:
		return rollout.Foreign, fmt.Sprintf("named by a mark that can't be read (%v)", err)
	case !marked:
		return rollout.Unmarked, ""
	case owner == object:
		return rollout.Ours, ""
	}
	return rollout.Foreign, owner.String()
}

// compare fills in what a write would change, and the write.
func compare(object *vmdistributed.VMDistributedCluster, zone *rollout.Zone, seen *zoneView, live *unstructured.Unstructured, wanted map[string]any, restartedAt string) error {
	if zone.Inline {
		difference, err := victoriametrics.InlineDifference(live, wanted, nameOf(object), zone.Revision)
		if err != nil {
			return err
		}
		seen.applied = victoriametrics.RevisionOf(live)
		seen.write = applyInline(object, *zone, wanted, live)
		zone.Cluster.Difference = differenceOf(difference.Kind)
		if patch := victoriametrics.ForgetOverridePatch(live); patch != nil && zone.Cluster.Difference == rollout.Same {
			// The zone was a reference once; apply can't take away what it never set.
			seen.write, zone.Cluster.Difference = patchReferenced(live, patch), rollout.Metadata
		}
		if zone.Cluster.Difference == rollout.Spec {
			seen.before, seen.after = specOf(live), victoriametrics.InlineTarget(live, wanted)
		}
		if seen.applied == zone.Revision && zone.Cluster.Difference == rollout.Spec {
			zone.Cluster.Drift = &rollout.Drift{Paths: difference.Paths, Managers: difference.Managers}
		}
		return nil
	}
	wanted, err := victoriametrics.OverrideWithRestart(live, wanted, restartedAt)
	if err != nil {
		return err
	}
	plan, err := victoriametrics.PlanOverride(live, wanted, nameOf(object), object.UID)
	if err != nil {
		return err
	}
	record, err := victoriametrics.OverrideRecordOf(live)
	if err != nil {
		return err
	}
	switch {
	case record == nil:
		seen.applied = revision.OfZone(false, nil)
	case override.Equal(record.Applied, wanted):
		seen.applied = zone.Revision // of which a restart is a part
	default:
		seen.applied = revision.OfZone(false, record.Applied)
	}
	seen.write = patchReferenced(live, plan.Patch)
	zone.Cluster.Difference = differenceOf(plan.Kind)
	if zone.Cluster.Difference == rollout.Spec {
		seen.before, seen.after = specOf(live), plan.Target
	}
	if len(plan.Foreign) > 0 && seen.applied == zone.Revision {
		zone.Cluster.Drift = &rollout.Drift{Paths: plan.Foreign, Managers: plan.ForeignManagers}
	}
	return nil
}

// shrinks lists the storage that the write would take away without permission.
// What the write would make of the cluster, the API server says.
func (o *observer) shrinks(ctx context.Context, object *vmdistributed.VMDistributedCluster, zone *rollout.Zone, seen *zoneView, live *unstructured.Unstructured) ([]string, error) {
	target, err := o.tryOut(ctx, zone, seen)
	if target == nil || err != nil {
		return nil, err
	}
	permissions, err := victoriametrics.ParsePermissions(object.Annotations[victoriametrics.PermitShrinkAnnotation])
	if err != nil {
		zone.Problem = fmt.Sprintf("the annotation %s to be corrected: %v", victoriametrics.PermitShrinkAnnotation, err)
		return nil, nil
	}
	var found []string
	for _, shrink := range victoriametrics.Unpermitted(zone.Name, victoriametrics.StorageShrinks(specOf(live), specOf(target)), permissions) {
		// What there is now is for those to see who may read the VMCluster.
		found = append(found, fmt.Sprintf("%s to %s (annotate the VMDistributedCluster with %s: %q to allow it)",
			shrink.Path, shrink.To, victoriametrics.PermitShrinkAnnotation, zone.Name+":"+shrink.String()))
	}
	return found, nil
}

func specOf(cluster *unstructured.Unstructured) map[string]any {
	spec, _, _ := unstructured.NestedMap(cluster.Object, "spec")
	return spec
}

// tryOut returns what a write would make of a cluster, and notes where the API
// server refuses it: better now than with the zone half done.
func (o *observer) tryOut(ctx context.Context, zone *rollout.Zone, seen *zoneView) (*unstructured.Unstructured, error) {
	if o.trial == nil {
		return nil, nil
	}
	target, err := o.trial(ctx, seen.write)
	switch {
	case err == nil:
		if seen.after != nil {
			seen.after = specOf(target)
		}
		return target, nil
	case ctx.Err() != nil || isRace(err):
		return nil, err
	case permanent(err):
		zone.Problem = fmt.Sprintf("a definition that the API server accepts: %v", err)
	default:
		zone.Untried = err.Error() // a webhook that does not answer, say: one zone's trouble
	}
	return nil, nil
}

// referredBy lists the VMUsers and VMAuths that a deletion would break.
func (o *observer) referredBy(ctx context.Context, namespace, name string) ([]string, error) {
	routers, err := o.source.Routers(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, router := range routers {
		references, err := victoriametrics.ClusterReferences(router)
		if err != nil {
			return nil, err
		}
		for _, reference := range references {
			if reference.Namespace == namespace && reference.Name == name {
				found = append(found, fmt.Sprintf("%s %s/%s (%s)", router.GetKind(), router.GetNamespace(), router.GetName(), reference.Path))
				break
			}
		}
	}
	return found, nil
}

func differenceOf(kind victoriametrics.DifferenceKind) rollout.Difference {
	switch kind {
	case victoriametrics.DifferenceSpec:
		return rollout.Spec
	case victoriametrics.DifferenceMetadata:
		return rollout.Metadata
	}
	return rollout.Same
}
