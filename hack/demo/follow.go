// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

const (
	// reportEvery is how often follow tells how the load does.
	reportEvery = 4 * time.Second
	// shown is how much is printed of what a zone waits for.
	shown = 110
)

// follow prints every step of a rollout until it is complete, and returns each
// zone with the time that its change took.
func (s *show) follow(ctx context.Context, name string, began time.Time) ([]string, error) {
	objects := s.client.OperatorV1alpha1().VMDistributedClusters(namespace)
	selector := fields.OneTermEqualSelector("metadata.name", name).String()
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = selector
			return objects.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = selector
			return objects.Watch(ctx, options)
		},
	}
	steps := &steps{began: began, phases: map[string]v1alpha1.ZonePhase{}, started: map[string]time.Time{}, took: map[string]time.Duration{}}
	defer s.report(ctx, began)()
	event, err := watchtools.UntilWithSync(ctx, source, &v1alpha1.VMDistributedCluster{}, nil, func(event watch.Event) (bool, error) {
		object, ok := event.Object.(*v1alpha1.VMDistributedCluster)
		if !ok || event.Type == watch.Deleted {
			return false, fmt.Errorf("following VMDistributedCluster %s: it is gone", name)
		}
		return steps.see(object), nil
	})
	if err != nil {
		return nil, fmt.Errorf("following VMDistributedCluster %s: %w", name, err)
	}
	return steps.summary(event.Object.(*v1alpha1.VMDistributedCluster)), nil
}

// report prints how the load does, now and then, until it is ended.
func (s *show) report(ctx context.Context, began time.Time) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(reportEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if line := s.load.line(ctx); ctx.Err() == nil {
					fmt.Printf("%6.1fs  %s\n", now.Sub(began).Seconds(), line)
				}
			}
		}
	})
	return func() {
		cancel()
		reporting.Wait()
	}
}

// steps remembers where each zone was seen last.
type steps struct {
	began   time.Time
	phases  map[string]v1alpha1.ZonePhase
	started map[string]time.Time
	took    map[string]time.Duration
}

// see prints what is new, and tells whether the rollout is complete.
func (s *steps) see(object *v1alpha1.VMDistributedCluster) bool {
	if object.Status.ObservedGeneration != object.Generation {
		return false
	}
	now := time.Now()
	for _, zone := range object.Status.Zones {
		if s.phases[zone.Name] == zone.Phase {
			continue
		}
		s.phases[zone.Name] = zone.Phase
		s.note(zone, now)
		line := fmt.Sprintf("%6.1fs  %-16s %s", now.Sub(s.began).Seconds(), zone.Name, zone.Phase)
		if zone.WaitingFor != "" {
			line += fmt.Sprintf("%*s(waiting for %s)", max(11-len(zone.Phase), 2), "", shortened(zone.WaitingFor))
		}
		fmt.Println(line)
	}
	ready := meta.FindStatusCondition(object.Status.Conditions, "Ready")
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.Generation
}

// shortened leaves out the end of a long text.
func shortened(text string) string {
	if runes := []rune(text); len(runes) > shown {
		return string(runes[:shown]) + "..."
	}
	return text
}

func (s *steps) note(zone v1alpha1.ZoneStatus, now time.Time) {
	switch zone.Phase {
	case v1alpha1.ZoneCreating, v1alpha1.ZoneDraining, v1alpha1.ZoneUpdating:
		if s.started[zone.Name].IsZero() {
			s.started[zone.Name] = now
		}
	case v1alpha1.ZoneBaking, v1alpha1.ZoneReady:
		if started, busy := s.started[zone.Name]; busy && s.took[zone.Name] == 0 {
			s.took[zone.Name] = now.Sub(started)
		}
	}
}

func (s *steps) summary(object *v1alpha1.VMDistributedCluster) []string {
	var zones []string
	for _, zone := range object.Status.Zones {
		zones = append(zones, fmt.Sprintf("%s in %.1fs", zone.Name, s.took[zone.Name].Seconds()))
	}
	return zones
}
