// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// reportEvery is how often follow tells how the load does.
const reportEvery = 4 * time.Second

// follow shows a rollout until it is complete, and returns each zone with the time
// that its change took.
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
	steps := &steps{started: map[string]time.Time{}, took: map[string]time.Duration{}}
	undraw, err := s.drawTree(ctx, name)
	if err != nil {
		return nil, err
	}
	defer undraw()
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

// drawTree has the plugin draw the rollout until it is ended.
func (s *show) drawTree(ctx context.Context, name string) (end func(), err error) {
	args := []string{"vmdc", "status", name, "-n", namespace, "--watch", "--events=0"}
	fmt.Printf("$ kubectl %s\n", quoted(args))
	cmd := exec.CommandContext(ctx, s.kubectl, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("kubectl %s: %w", quoted(args), err)
	}
	return func() {
		// It ends when it is interrupted, after what it has begun to draw. What becomes
		// of it says nothing of the rollout.
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}, nil
}

// report prints how the load does, now and then, until it is ended. On a terminal the
// tree is drawn in one place, and is not to be torn apart.
func (s *show) report(ctx context.Context, began time.Time) (end func()) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		return func() { fmt.Println(s.load.line(ctx)) }
	}
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

// steps remembers when each zone was begun with, and what it took.
type steps struct {
	started map[string]time.Time
	took    map[string]time.Duration
}

// see notes where the zones are, and tells whether the rollout is complete.
func (s *steps) see(object *v1alpha1.VMDistributedCluster) bool {
	if object.Status.ObservedGeneration != object.Generation {
		return false
	}
	now := time.Now()
	for _, zone := range object.Status.Zones {
		s.note(zone, now)
	}
	ready := meta.FindStatusCondition(object.Status.Conditions, "Ready")
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.Generation
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
