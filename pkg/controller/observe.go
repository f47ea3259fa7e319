// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// PermitShrinkAnnotation permits changes that take storage away. It stands on a
// VMDistributedCluster and names each change by itself: zone:path=value, separated by commas, such as
// zone-a:vmstorage.replicaCount=1.
const PermitShrinkAnnotation = victoriametrics.AnnotationPrefix + "permit-storage-shrink"

// observation is what one pass has seen: what the decision is made of, and
// beside it what carrying it out takes.
type observation struct {
	rollout.Observed
	namespace *corev1.Namespace
	zones     map[string]*zoneView
	marked    map[string]*unstructured.Unstructured
	scrape    *scrapeView
}

// zoneView is one zone with the write that would bring it to what is wanted.
type zoneView struct {
	write   write
	cluster victoriametrics.Cluster
	// applied is the revision that was last written.
	applied string
	exists  bool
}

// scrapeView is the VMAgent with the write that it needs.
type scrapeView struct {
	patches map[string]map[string]any // by name of the VMAgent
	report  *victoriametrics.ScrapeReport
}

// observer turns an object into an observation.
type observer struct {
	source source
	// trial tries a write out without making it, and returns what the VMCluster
	// would become. Nil leaves that to a later, closer look.
	trial func(ctx context.Context, w write) (*unstructured.Unstructured, error)
}

// observe looks at everything that the rollout of an object depends on.
func (o *observer) observe(ctx context.Context, object *vmdistributed.VMDistributedCluster, now time.Time) (*observation, error) {
	strategy, err := strategyOf(&object.Spec.Strategy)
	if err != nil {
		return nil, err
	}
	view := &observation{
		Observed: rollout.Observed{Now: now, Paused: object.Spec.Paused, Strategy: strategy},
		zones:    map[string]*zoneView{},
		marked:   map[string]*unstructured.Unstructured{},
	}
	if view.namespace, err = o.source.namespace(ctx, object.Namespace); err != nil {
		return nil, err
	}
	if object.DeletionTimestamp != nil {
		view.Deletion = &rollout.Deletion{
			NamespaceTerminating: view.namespace == nil || view.namespaceTerminates(),
			Retain:               object.Spec.DeletionPolicy == vmdistributed.DeletionPolicyRetain,
		}
	}
	records := recordsOf(object.Status.Zones)
	for i := range object.Spec.Zones.VMClusters {
		zone, err := o.observeZone(ctx, object, &object.Spec.Zones.VMClusters[i], view)
		if err != nil {
			return nil, err
		}
		zone.Record = records[zone.Name]
		forgetFirstDrift(&zone)
		view.Zones = append(view.Zones, zone)
	}
	if err := o.observeStrays(ctx, object, view); err != nil {
		return nil, err
	}
	return view, o.observeScrape(ctx, object, view)
}

func strategyOf(spec *vmdistributed.RolloutStrategy) (rollout.Strategy, error) {
	ready, readyErr := time.ParseDuration(spec.ReadyTimeout)
	pause, pauseErr := time.ParseDuration(spec.UpdatePause)
	if err := errors.Join(readyErr, pauseErr); err != nil {
		return rollout.Strategy{}, fmt.Errorf("reading spec.strategy: %w", err)
	}
	return rollout.Strategy{MinAvailableZones: int(ptr.Deref(spec.MinAvailableZones, 1)), ReadyTimeout: ready, UpdatePause: pause}, nil
}

// namespaceTerminates is true where the namespace is known to be on its way out.
func (v *observation) namespaceTerminates() bool {
	return v.namespace != nil && v.namespace.DeletionTimestamp != nil
}

func (o *observer) observeZone(ctx context.Context, object *vmdistributed.VMDistributedCluster, entry *vmdistributed.Zone, view *observation) (rollout.Zone, error) {
	zone := rollout.Zone{Name: entry.ClusterName(), Inline: entry.Ref == nil}
	wanted, err := decode(entry)
	if err != nil {
		return zone, fmt.Errorf("reading zone %s: %w", zone.Name, err)
	}
	zone.Revision = revisionOf(zone.Inline, wanted)
	live, err := o.source.cluster(ctx, object.Namespace, zone.Name)
	if err != nil {
		return zone, err
	}
	seen := &zoneView{exists: live != nil}
	view.zones[zone.Name] = seen
	if live == nil {
		if zone.Inline && view.Deletion == nil {
			seen.write = createInline(object, zone, wanted)
			_, err = o.tryOut(ctx, &zone, seen)
		}
		return zone, err
	}
	if seen.cluster, err = victoriametrics.ParseCluster(live); err != nil {
		zone.Problem = err.Error()
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
	if err := compare(object, &zone, seen, live, wanted); err != nil {
		zone.Problem = err.Error()
		return zone, nil //nolint:nilerr // the rollout reports it
	}
	if zone.Cluster.Difference == rollout.Spec {
		zone.Cluster.Shrinks, err = o.shrinks(ctx, object, &zone, seen, live)
	}
	return zone, err
}

// health is what the operator and the workloads say.
func (o *observer) health(ctx context.Context, cluster victoriametrics.Cluster) (*rollout.Cluster, error) {
	seen := &rollout.Cluster{
		Deleting:   cluster.Deleting,
		Generation: cluster.Generation,
		Failed:     cluster.UpdateStatus == victoriametrics.UpdateStatusFailed && cluster.ObservedGeneration >= cluster.Generation,
	}
	operational, evidence := cluster.Operational()
	if !operational {
		seen.Unhealthy = evidence
		return seen, nil
	}
	statefulSets, deployments, err := o.source.workloads(ctx, cluster.Namespace, cluster.Name)
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
func compare(object *vmdistributed.VMDistributedCluster, zone *rollout.Zone, seen *zoneView, live *unstructured.Unstructured, wanted map[string]any) error {
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
		if seen.applied == zone.Revision && zone.Cluster.Difference == rollout.Spec {
			zone.Cluster.Drift = &rollout.Drift{Paths: difference.Paths, Managers: difference.Managers}
		}
		return nil
	}
	plan, err := victoriametrics.PlanOverride(live, wanted, nameOf(object), object.UID)
	if err != nil {
		return err
	}
	record, err := victoriametrics.OverrideRecordOf(live)
	if err != nil {
		return err
	}
	if record != nil {
		seen.applied = revisionOf(false, record.Applied)
	} else {
		seen.applied = revisionOf(false, nil)
	}
	seen.write = patchReferenced(live, plan.Patch)
	zone.Cluster.Difference = differenceOf(plan.Kind)
	if len(plan.Foreign) > 0 && seen.applied == zone.Revision {
		zone.Cluster.Drift = &rollout.Drift{Paths: plan.Foreign, Managers: plan.ForeignManagers}
	}
	return nil
}

// forgetFirstDrift leaves drift out where the revision was never seen through by
// this object: an unfinished first write is no change by somebody else.
func forgetFirstDrift(zone *rollout.Zone) {
	if zone.Cluster == nil || zone.Cluster.Drift == nil {
		return
	}
	if record := zone.Record; record.Revision != zone.Revision && record.Updating != zone.Revision {
		zone.Cluster.Drift = nil
	}
}

// shrinks lists the storage that the write would take away without permission.
// What the write would make of the cluster, the API server says.
func (o *observer) shrinks(ctx context.Context, object *vmdistributed.VMDistributedCluster, zone *rollout.Zone, seen *zoneView, live *unstructured.Unstructured) ([]string, error) {
	target, err := o.tryOut(ctx, zone, seen)
	if target == nil || err != nil {
		return nil, err
	}
	permissions, err := victoriametrics.ParsePermissions(object.Annotations[PermitShrinkAnnotation])
	if err != nil {
		zone.Problem = fmt.Sprintf("the annotation %s to be corrected: %v", PermitShrinkAnnotation, err)
		return nil, nil
	}
	before, _, _ := unstructured.NestedMap(live.Object, "spec")
	after, _, _ := unstructured.NestedMap(target.Object, "spec")
	var found []string
	for _, shrink := range victoriametrics.Unpermitted(zone.Name, victoriametrics.StorageShrinks(before, after), permissions) {
		found = append(found, fmt.Sprintf("%s from %s to %s (annotate the VMDistributedCluster with %s: %q to allow it)",
			shrink.Path, shrink.From, shrink.To, PermitShrinkAnnotation, zone.Name+":"+shrink.String()))
	}
	return found, nil
}

// tryOut returns what a write would make of a cluster, and notes where the API
// server refuses it: better now than with the zone half done.
func (o *observer) tryOut(ctx context.Context, zone *rollout.Zone, seen *zoneView) (*unstructured.Unstructured, error) {
	if o.trial == nil {
		return nil, nil
	}
	target, err := o.trial(ctx, seen.write)
	if err != nil && permanent(err) {
		zone.Problem = fmt.Sprintf("a definition that the API server accepts: %v", err)
		return nil, nil
	}
	return target, err
}

// referredBy lists the VMUsers and VMAuths that a deletion would break.
func (o *observer) referredBy(ctx context.Context, namespace, name string) ([]string, error) {
	routers, err := o.source.routers(ctx)
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

// observeStrays finds clusters of ours that the list no longer names.
func (o *observer) observeStrays(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) error {
	marked, err := o.source.marked(ctx, nameOf(object))
	if err != nil {
		return err
	}
	for _, cluster := range marked {
		view.marked[cluster.GetName()] = cluster
		if view.zones[cluster.GetName()] == nil {
			view.Strays = append(view.Strays, cluster.GetName())
		}
	}
	return nil
}

// observeScrape plans the writes to the VMAgent that is named, and to those that
// were once and are no longer.
func (o *observer) observeScrape(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) error {
	view.scrape = &scrapeView{patches: map[string]map[string]any{}}
	agents, err := o.source.agents(ctx, object.Namespace)
	if err != nil {
		return err
	}
	var labels map[string]string
	if view.namespace != nil {
		labels = view.namespace.Labels
	}
	named := object.Spec.VMAgent
	for _, agent := range agents {
		var zones []victoriametrics.ScrapedZone
		isNamed := named != nil && named.Name == agent.GetName() && view.Deletion == nil
		if isNamed {
			zones = scraped(view)
		}
		patch, report := victoriametrics.PlanScrape(agent, object.Name, zones, labels)
		if patch != nil {
			view.scrape.patches[agent.GetName()] = patch
		}
		if isNamed {
			view.scrape.report = &report
		}
	}
	view.ScrapePending = len(view.scrape.patches) > 0
	if named != nil && view.scrape.report == nil {
		view.scrape.report = &victoriametrics.ScrapeReport{
			Reason:  "VMAgentMissing",
			Message: fmt.Sprintf("VMAgent %q does not exist", named.Name),
		}
	}
	return nil
}

// scraped are the zones that are ours, or will be.
func scraped(view *observation) []victoriametrics.ScrapedZone {
	var zones []victoriametrics.ScrapedZone
	for i := range view.Zones {
		zone := &view.Zones[i]
		if zone.Cluster != nil && (zone.Cluster.Ownership == rollout.Foreign || zone.Inline && zone.Cluster.Ownership == rollout.Unmarked) {
			continue
		}
		zones = append(zones, victoriametrics.ScrapedZone{Name: zone.Name, Spec: view.zones[zone.Name].cluster.Spec})
	}
	return zones
}

// decode returns the definition or the override of a zone, nil for no override.
func decode(entry *vmdistributed.Zone) (map[string]any, error) {
	object := entry.Spec
	if entry.Ref != nil {
		object = entry.OverrideSpec
	}
	if object == nil || len(object.Raw) == 0 {
		return emptyOr(object), nil
	}
	var decoded map[string]any
	if err := json.Unmarshal(object.Raw, &decoded); err != nil {
		return nil, err
	}
	if len(decoded) == 0 && entry.Ref != nil {
		return nil, nil
	}
	return decoded, nil
}

func emptyOr(object *rawjson.Object) map[string]any {
	if object == nil {
		return nil
	}
	return map[string]any{}
}

// revisionOf is the revision of a zone. No override and an empty one are the
// same.
func revisionOf(inline bool, wanted map[string]any) string {
	if inline {
		return victoriametrics.Revision("inline", wanted)
	}
	if len(wanted) == 0 {
		wanted = nil
	}
	return victoriametrics.Revision("override", wanted)
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

func nameOf(object *vmdistributed.VMDistributedCluster) types.NamespacedName {
	return types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
}
