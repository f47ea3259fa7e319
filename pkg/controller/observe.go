// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// observation is what one pass has seen: what the decision is made of, and
// beside it what carrying it out takes.
type observation struct {
	rollout.Observed
	owner     types.NamespacedName
	namespace *corev1.Namespace
	// zones are those that the list names, strays those that it no longer does.
	zones, strays map[string]*zoneView
	marked        map[string]*unstructured.Unstructured
	scrape        *scrapeView
	readers       *readers
	// wanted are the zones that are rolled out: those of spec, or of the revision that
	// spec's was undone to.
	wanted vmdistributed.Zones
	// revisions are those of the zones but for a restart, which is in restartedAt; "" for
	// none.
	revisions   map[string]string
	restartedAt string
	// records are what status remembers, by zone.
	records map[string]rollout.Record
	// writeRoutes are places in VMUsers that lead writes to a zone.
	writeRoutes []string
	// agent is the VMAgent that spec names; nil where there is none.
	agent *unstructured.Unstructured
}

// zoneView is one zone with the write that would bring it to what is wanted.
type zoneView struct {
	write   write
	cluster victoriametrics.Cluster
	// applied is the revision that was last written.
	applied string
	exists  bool
	// before and after are the spec as it is and as the write would leave it, as far
	// as that is known: nil, nil where it leaves it alone.
	before, after map[string]any
	readers       zoneReaders
	// entries are the remote writes to it.
	entries []victoriametrics.RemoteWrite
}

// all are the zones that the list names, and those that it no longer does, with
// what carrying out a decision on them takes.
func (v *observation) all() iter.Seq2[*rollout.Zone, *zoneView] {
	return func(yield func(*rollout.Zone, *zoneView) bool) {
		for i := range v.Zones {
			if zone := &v.Zones[i]; !yield(zone, v.zones[zone.Name]) {
				return
			}
		}
		for i := range v.Strays {
			if zone := &v.Strays[i].Zone; !yield(zone, v.strays[zone.Name]) {
				return
			}
		}
	}
}

// viewOf is what has been seen of a zone, listed or not; nil of one that is
// neither.
func (v *observation) viewOf(zone string) *zoneView {
	if seen := v.zones[zone]; seen != nil {
		return seen
	}
	return v.strays[zone]
}

// clusterOf is the VMCluster of a zone, or what is known of one that does not
// exist.
func (v *observation) clusterOf(zone string) victoriametrics.Cluster {
	if seen := v.viewOf(zone); seen != nil && seen.cluster.Name != "" {
		return seen.cluster
	}
	return victoriametrics.Cluster{Namespace: v.owner.Namespace, Name: zone}
}

// scrapeView is the VMAgent with the write that it needs.
type scrapeView struct {
	patches map[string]map[string]any // by name of the VMAgent
	// retry is after how long a write that can't be made is tried again; zero where
	// all can.
	retry  time.Duration
	report *victoriametrics.ScrapeReport
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
	halted, err := o.source.Halt(ctx)
	if err != nil {
		return nil, err
	}
	view := &observation{
		Observed: rollout.Observed{
			Now: now, Paused: object.Spec.Paused, Observing: observes(object), Strategy: strategy, Halt: halted,
		},
		owner:   nameOf(object),
		zones:   map[string]*zoneView{},
		strays:  map[string]*zoneView{},
		marked:  map[string]*unstructured.Unstructured{},
		records: recordsOf(object.Status.Zones),

		revisions: map[string]string{}, restartedAt: object.Status.RestartedAt(),
	}
	if view.namespace, err = o.source.Namespace(ctx, object.Namespace); err != nil {
		return nil, err
	}
	if object.DeletionTimestamp != nil {
		view.Deletion = &rollout.Deletion{
			NamespaceTerminating: view.namespace == nil || view.namespaceTerminates(),
			Retain:               !object.Spec.DeletesVMClusters(),
		}
	}
	if object, err = o.followUndo(ctx, object, view); err != nil {
		return nil, err
	}
	for i := range object.Spec.Zones.VMClusters {
		zone, err := o.observeZone(ctx, object, &object.Spec.Zones.VMClusters[i], view)
		if err != nil {
			return nil, err
		}
		zone.Record = view.records[zone.Name]
		view.Zones = append(view.Zones, zone)
	}
	for _, look := range []func(context.Context, *vmdistributed.VMDistributedCluster, *observation) error{
		o.observeReads, o.observeStrays, o.observeQueues, o.observeScrape,
	} {
		if err := look(ctx, object, view); err != nil {
			return nil, err
		}
	}
	planReturns(object, view)
	heedWords(object, view)
	return view, nil
}

// observes is true for an object of which the user wants to be told only.
func observes(object *vmdistributed.VMDistributedCluster) bool {
	return object.Spec.ManagementPolicy == vmdistributed.ManagementPolicyObserve
}

// heedWords reads what users have said by the verbs of the API.
func heedWords(object *vmdistributed.VMDistributedCluster, view *observation) {
	for zone := range view.all() {
		_, zone.Approved = object.Status.Said(vmdistributed.WordPromote, zone.Name, zone.Revision)
		if skip, said := object.Status.Said(vmdistributed.WordSkip, zone.Name, zone.Revision); said {
			zone.Skipped = &rollout.Skip{By: skip.By, At: skip.At.Time, Reason: skip.Reason}
		}
		_, zone.GoAhead = object.Status.Said(vmdistributed.WordApprove, zone.Name, zone.Revision)
	}
	view.Begun = begunAt(object, view)
	if abort, said := object.Status.Said(vmdistributed.WordAbort, "", view.revision()); said {
		view.Aborted = &rollout.Abort{By: abort.By, At: abort.At.Time, Reason: abort.Reason}
	}
}

// begunAt is when the rollout of what is wanted began, which is now where it has not.
// Times are kept in seconds: what ended in the same one counts as part of it.
func begunAt(object *vmdistributed.VMDistributedCluster, view *observation) time.Time {
	begun := object.Status.Rollout
	if begun == nil || !isOf(begun, view.revision(), view.restartedAt) {
		return view.Now
	}
	return begun.Started.Time
}

func strategyOf(spec *vmdistributed.RolloutStrategy) (rollout.Strategy, error) {
	strategy := rollout.Strategy{
		MaxUnavailable:    int(ptr.Deref(spec.MaxUnavailable, 1)),
		MinAvailableZones: int(ptr.Deref(spec.MinAvailableZones, 1)),
		MaxFailures:       int(ptr.Deref(spec.MaxFailures, 0)),
		MaxPendingBytes:   ptr.Deref(spec.Flush.MaxPendingBytes, 0),
	}
	if spec.Approval != vmdistributed.ApprovalNever {
		strategy.Approval = rollout.Approval(spec.Approval)
	}
	var errs []error
	for _, duration := range []struct {
		text string
		into *time.Duration
	}{
		{spec.ReadyTimeout, &strategy.ReadyTimeout},
		{spec.UpdatePause, &strategy.UpdatePause},
		{spec.ProgressDeadline, &strategy.ProgressDeadline},
		{spec.Drain.Timeout, &strategy.DrainTimeout},
		{spec.Drain.GracePeriod, &strategy.GracePeriod},
		{spec.Flush.Timeout, &strategy.FlushTimeout},
		{cmp.Or(spec.Flush.StableFor, "0s"), &strategy.StableFor},
	} {
		var err error
		*duration.into, err = time.ParseDuration(duration.text)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return rollout.Strategy{}, fmt.Errorf("reading spec.strategy: %w", err)
	}
	return strategy, nil
}

// namespaceTerminates is true where the namespace is known to be on its way out.
func (v *observation) namespaceTerminates() bool {
	return v.namespace != nil && v.namespace.DeletionTimestamp != nil
}

func nameOf(object *vmdistributed.VMDistributedCluster) types.NamespacedName {
	return types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
}
