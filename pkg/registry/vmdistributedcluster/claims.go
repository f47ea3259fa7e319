// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// claims refuses, at the door, a second object that lists a VMCluster which
// another one in the namespace lists already. Two requests at the same moment
// can still slip through; then the mark on the VMCluster decides, and the
// controller reports the loser.
type claims struct {
	list     func(ctx context.Context, predicate storage.SelectionPredicate, options *metainternalversion.ListOptions) (runtime.Object, error)
	resource schema.GroupResource
}

// ahead looks at once who claims what, and tells when it is asked.
func (c claims) ahead(ctx context.Context) claimsAhead {
	list := c.list
	listed := askAhead(ctx, func(ctx context.Context) (runtime.Object, error) { return list(ctx, storage.Everything, nil) })
	c.list = func(context.Context, storage.SelectionPredicate, *metainternalversion.ListOptions) (runtime.Object, error) {
		return listed.get()
	}
	return claimsAhead{claims: c, ended: listed.ended}
}

// claimsAhead are claims of one moment. Ended waits until nothing is asked any more.
type claimsAhead struct {
	claims
	ended func()
}

func (c claims) onCreate(next rest.ValidateObjectFunc) rest.ValidateObjectFunc {
	return func(ctx context.Context, obj runtime.Object) error {
		if next != nil {
			if err := next(ctx, obj); err != nil {
				return err
			}
		}
		return c.check(ctx, obj.(*vmdistributed.VMDistributedCluster), nil)
	}
}

func (c claims) onUpdate(next rest.ValidateObjectUpdateFunc) rest.ValidateObjectUpdateFunc {
	return func(ctx context.Context, obj, old runtime.Object) error {
		if next != nil {
			if err := next(ctx, obj, old); err != nil {
				return err
			}
		}
		return c.check(ctx, obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster))
	}
}

// check looks only at VMClusters that old did not list: who has a claim keeps it.
func (c claims) check(ctx context.Context, cluster, old *vmdistributed.VMDistributedCluster) error {
	stored, added := old.ZonesByCluster(), map[string]*field.Path{}
	path := field.NewPath("spec", "zones", "vmclusters")
	for i := range cluster.Spec.Zones.VMClusters {
		zone := &cluster.Spec.Zones.VMClusters[i]
		if name := zone.ClusterName(); stored[name] == nil {
			added[name] = namePath(zone, path.Index(i))
		}
	}
	if len(added) == 0 {
		return nil
	}
	errs, err := c.conflicts(ctx, cluster.Name, added)
	if err != nil {
		return err
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(schema.GroupKind{Group: c.resource.Group, Kind: vmdistributed.Kind}, cluster.Name, errs)
	}
	return nil
}

func (c claims) conflicts(ctx context.Context, self string, added map[string]*field.Path) (field.ErrorList, error) {
	listed, err := c.list(ctx, storage.Everything, nil)
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("listing %s in namespace %q to see who has which VMCluster: %w",
			c.resource.Resource, genericapirequest.NamespaceValue(ctx), err))
	}
	var errs field.ErrorList
	reported := sets.New[string]()
	for _, other := range listed.(*vmdistributed.VMDistributedClusterList).Items {
		if other.Name == self {
			continue
		}
		for i := range other.Spec.Zones.VMClusters {
			name := other.Spec.Zones.VMClusters[i].ClusterName()
			at, wanted := added[name]
			if !wanted || reported.Has(name) {
				continue
			}
			reported.Insert(name)
			errs = append(errs, field.Invalid(at, name, fmt.Sprintf("VMCluster %q belongs to the VMDistributedCluster %q already; take it out of there first", name, other.Name)))
		}
	}
	return errs, nil
}

func namePath(zone *vmdistributed.Zone, path *field.Path) *field.Path {
	if zone.Ref != nil {
		return path.Child("ref", "name")
	}
	return path.Child("name")
}
