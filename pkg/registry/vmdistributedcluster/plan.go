// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// Planner tells what would be done about an object, which need not be stored.
type Planner interface {
	PlanRollout(ctx context.Context, cluster *vmdistributed.VMDistributedCluster) (*vmdistributed.VMDistributedClusterPlan, error)
}

// PlanREST serves the subresource plan: by GET for what is pending, by POST for an
// object as it would be. It writes nothing.
type PlanREST struct {
	store    *genericregistry.Store
	resource schema.GroupResource
	planner  Planner
	values   values
}

var (
	_ rest.Getter               = &PlanREST{}
	_ rest.NamedCreater         = &PlanREST{}
	_ rest.StorageMetadata      = &PlanREST{}
	_ rest.SingularNameProvider = &PlanREST{}
)

// New returns an empty body for the decoder: that of a POST is the changed object.
func (*PlanREST) New() runtime.Object { return &vmdistributed.VMDistributedCluster{} }

// Destroy does nothing: the store belongs to the main resource.
func (*PlanREST) Destroy() {}

// GetSingularName names the resource in the singular.
func (r *PlanREST) GetSingularName() string { return r.store.GetSingularName() }

// ProducesMIMETypes adds none to those that everything is served in.
func (*PlanREST) ProducesMIMETypes(string) []string { return nil }

// ProducesObject says that all answers are plans, as the published schema has them.
func (*PlanREST) ProducesObject(string) any { return &v1alpha1.VMDistributedClusterPlan{} }

// Get plans for an object as it is stored.
func (r *PlanREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	stored, err := r.store.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return r.plan(ctx, stored.(*vmdistributed.VMDistributedCluster))
}

// Create plans for an object as it would be after a write of this one: spec and
// annotations are those of the body. One that is not stored yet would be created.
func (r *PlanREST) Create(ctx context.Context, name string, obj runtime.Object, validate rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	asked := obj.(*vmdistributed.VMDistributedCluster)
	if asked.Name == "" {
		asked.Name = name
	}
	if asked.Name != name {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("metadata.name: is %q, and the request is about %q", asked.Name, name))
	}
	if validate != nil {
		if err := validate(ctx, asked.DeepCopy()); err != nil {
			return nil, err
		}
	}
	planned, err := r.asWritten(ofSubresource(ctx, ""), asked)
	if err != nil {
		return nil, err
	}
	return r.plan(ctx, planned)
}

// asWritten returns the object as it would be stored, checked as a write is.
func (r *PlanREST) asWritten(ctx context.Context, asked *vmdistributed.VMDistributedCluster) (*vmdistributed.VMDistributedCluster, error) {
	stored, err := r.store.Get(ctx, asked.Name, &metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		rest.FillObjectMetaSystemFields(asked)
		return asked, rest.BeforeCreate(r.store.CreateStrategy, ctx, asked)
	}
	if err != nil {
		return nil, err
	}
	before := stored.(*vmdistributed.VMDistributedCluster)
	after := before.DeepCopy()
	after.Spec = asked.Spec
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	maps.Copy(after.Annotations, asked.Annotations)
	return after, rest.BeforeUpdate(r.store.UpdateStrategy, ctx, after, before)
}

func (r *PlanREST) plan(ctx context.Context, object *vmdistributed.VMDistributedCluster) (runtime.Object, error) {
	if object.DeletionTimestamp != nil {
		return nil, apierrors.NewConflict(r.resource, object.Name, fmt.Errorf("the object is being deleted: there is no rollout to plan"))
	}
	plan, err := r.planner.PlanRollout(ctx, object)
	if err != nil {
		// A wrapped answer of the host cluster would be told as our own failure.
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("what a rollout of VMDistributedCluster %s/%s would do can't be told now, try again: %v",
			object.Namespace, object.Name, err))
	}
	r.values.hidePlanned(ctx, object.Namespace, plan.Zones)
	plan.ObjectMeta = metav1.ObjectMeta{
		Name:              object.Name,
		Namespace:         object.Namespace,
		UID:               object.UID,
		ResourceVersion:   object.ResourceVersion,
		Generation:        object.Generation,
		CreationTimestamp: object.CreationTimestamp,
	}
	return plan, nil
}
