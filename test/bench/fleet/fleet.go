// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fleet has many VMDistributedClusters rolled out at once, and counts what that
// takes of the API servers.
package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
)

type fields = map[string]any

const (
	// hands is how many apply at the same time.
	hands = 4
	// patience bounds the wait for everything to be Ready, from the last object that was.
	patience = 2 * time.Minute
)

// Fleet is many objects of the same size, without VMUsers and VMAgents.
type Fleet struct {
	objects     typed.VMDistributedClusterInterface
	size, zones int
}

// New returns a fleet of which nothing exists yet.
func New(s *site.Site, size, zones int) (*Fleet, error) {
	client, err := versioned.NewForConfig(s.Aggregated.Config)
	if err != nil {
		return nil, err
	}
	return &Fleet{objects: client.OperatorV1alpha1().VMDistributedClusters(site.Namespace), size: size, zones: zones}, nil
}

// Apply brings every zone of every object to a version, and returns when all objects are
// Ready at that.
func (f *Fleet) Apply(ctx context.Context, version int) error {
	generations := make([]int64, f.size)
	group, applying := errgroup.WithContext(ctx)
	group.SetLimit(hands)
	for i := range f.size {
		group.Go(func() (err error) {
			generations[i], err = f.apply(applying, i, version)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	wanted := map[string]int64{}
	for i, generation := range generations {
		wanted[name(i)] = generation
	}
	return f.untilReady(ctx, wanted)
}

func name(i int) string { return fmt.Sprintf("fleet-%d", i) }

func (f *Fleet) apply(ctx context.Context, i, version int) (generation int64, err error) {
	var zones []any
	for zone := range f.zones {
		one := fields{"replicaCount": 1}
		zones = append(zones, fields{
			"name": fmt.Sprintf("%s-%d", name(i), zone),
			"spec": fields{"clusterVersion": fmt.Sprintf("v%d", version), "vmstorage": one, "vmselect": one, "vminsert": one},
		})
	}
	body, err := json.Marshal(fields{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": vmdistributed.Kind, "metadata": fields{"name": name(i)},
		"spec": fields{"strategy": fields{"updatePause": "0s"}, "zones": fields{"vmclusters": zones}},
	})
	if err != nil {
		return 0, err
	}
	object, err := f.objects.Patch(ctx, name(i), types.ApplyYAMLPatchType, body, metav1.PatchOptions{FieldManager: "bench", Force: ptr.To(true)})
	if err != nil {
		return 0, fmt.Errorf("applying %s: %w", name(i), err)
	}
	return object.Generation, nil
}

// untilReady returns when all objects are Ready at their generations, and removes those
// that are from wanted meanwhile.
func (f *Fleet) untilReady(ctx context.Context, wanted map[string]int64) error {
	for len(wanted) > 0 {
		if err := f.follow(ctx, wanted); err != nil {
			return err
		}
	}
	return nil
}

// follow watches until all are Ready, or the watch ends.
func (f *Fleet) follow(ctx context.Context, wanted map[string]int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := f.objects.Watch(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return fmt.Errorf("watching the fleet: %w", err)
	}
	defer w.Stop()
	for len(wanted) > 0 {
		select {
		case event, open := <-w.ResultChan():
			if !open {
				return ctx.Err()
			}
			if object, is := event.Object.(*v1alpha1.VMDistributedCluster); is && readyAt(object, wanted[object.Name]) {
				delete(wanted, object.Name)
			}
		case <-time.After(patience):
			return fmt.Errorf("%d of %d objects are not Ready, and nothing has changed for %s", len(wanted), f.size, patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func readyAt(object *v1alpha1.VMDistributedCluster, generation int64) bool {
	return object.Status.ObservedGeneration >= generation && meta.IsStatusConditionTrue(object.Status.Conditions, "Ready")
}
