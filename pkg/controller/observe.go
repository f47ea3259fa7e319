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
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

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
	return rollout.Strategy{MaxUnavailable: 1, MinAvailableZones: int(ptr.Deref(spec.MinAvailableZones, 1)), ReadyTimeout: ready, UpdatePause: pause}, nil
}

// namespaceTerminates is true where the namespace is known to be on its way out.
func (v *observation) namespaceTerminates() bool {
	return v.namespace != nil && v.namespace.DeletionTimestamp != nil
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
			view.Strays = append(view.Strays, rollout.Stray{Name: cluster.GetName(), Marked: true})
		}
	}
	return nil
}

func nameOf(object *vmdistributed.VMDistributedCluster) types.NamespacedName {
	return types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
}
