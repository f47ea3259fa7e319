// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/utils/clock"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/absence"
)

// Storage keeps the objects of the kind, whatever group they are read and written
// in.
type Storage struct {
	store  *genericregistry.Store
	scheme *runtime.Scheme
	beside Beside
}

// Beside is what the storage of the kind goes by beside its store.
type Beside struct {
	// Zones answers the subresource zones.
	Zones ZoneReporter
	// Planner answers the subresource plan.
	Planner Planner
	// Aborts remembers which changes were called off.
	Aborts AbortMemory
	// History tells which revisions are on record.
	History History
	// Rights tells who may see what of the VMClusters in the zones.
	Rights authorizer.Authorizer
	// Verifier has the store verified, where that can be done, before a watch says that
	// something is not there.
	Verifier absence.Verifier
	// Clock is for the times of what users say.
	Clock clock.PassiveClock
}

// NewStorage returns the storage of the kind, in whatever backend options leads
// to for the resource.
func NewStorage(scheme *runtime.Scheme, resource schema.GroupResource, options generic.RESTOptionsGetter, beside Beside) (*Storage, error) {
	main := newStrategy(scheme, resource.Group)
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &vmdistributed.VMDistributedCluster{} },
		NewListFunc:               func() runtime.Object { return &vmdistributed.VMDistributedClusterList{} },
		DefaultQualifiedResource:  resource,
		SingularQualifiedResource: schema.GroupResource{Group: resource.Group, Resource: vmdistributed.SingularResource},
		CreateStrategy:            main,
		UpdateStrategy:            main,
		DeleteStrategy:            main,
		ResetFieldsStrategy:       main,
		TableConvertor:            clusterTable{},
		AfterDelete:               forgetting(beside.Aborts),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: options}); err != nil {
		return nil, err
	}
	return &Storage{store: store, scheme: scheme, beside: beside}, nil
}

// Resources maps what serves the kind and its subresources in a group to the paths
// there. All groups share one store; each has strategies that name the kind as the
// group does.
func (s *Storage) Resources(group string) map[string]rest.Storage {
	main := newStrategy(s.scheme, group)
	store := *s.store
	store.CreateStrategy, store.UpdateStrategy, store.DeleteStrategy, store.ResetFieldsStrategy = main, main, main, main

	statusStore := store
	statusStore.UpdateStrategy = statusStrategy{main}
	statusStore.ResetFieldsStrategy = statusStrategy{main}

	claims := claims{list: store.ListPredicate, resource: schema.GroupResource{Group: group, Resource: vmdistributed.Resource}}
	resources := map[string]rest.Storage{
		vmdistributed.Resource:              &REST{Store: &store, claims: claims, verifier: s.beside.Verifier, aborts: s.beside.Aborts},
		vmdistributed.Resource + "/status":  &StatusREST{store: &statusStore, aborts: s.beside.Aborts},
		vmdistributed.Resource + "/zones":   &ZonesREST{store: &store, reporter: s.beside.Zones, values: values{s.beside.Rights}},
		vmdistributed.Resource + "/history": &HistoryREST{store: &store, history: s.beside.History, clock: s.beside.Clock},
	}
	resources[vmdistributed.Resource+"/plan"] = &PlanREST{store: &store, resource: claims.resource, planner: s.beside.Planner, values: values{s.beside.Rights}}
	verbStore := store
	verbStore.UpdateStrategy = verbStrategy{statusStrategy{main}}
	for _, v := range []struct {
		subresource string
		newBody     func() body
		say         func(*speech, body) error
	}{
		{vmdistributed.SubresourcePromote, func() body { return &vmdistributed.VMDistributedClusterPromotion{} }, promote},
		{vmdistributed.SubresourceAbort, func() body { return &vmdistributed.VMDistributedClusterAbort{} }, abort},
		{vmdistributed.SubresourceUndo, func() body { return &vmdistributed.VMDistributedClusterUndo{} }, undo},
		{vmdistributed.SubresourceSkip, func() body { return &vmdistributed.VMDistributedClusterSkip{} }, skip},
		{vmdistributed.SubresourceRestart, func() body { return &vmdistributed.VMDistributedClusterRestart{} }, restart},
		{vmdistributed.SubresourceRetry, func() body { return &vmdistributed.VMDistributedClusterRetry{} }, retry},
	} {
		resources[vmdistributed.Resource+"/"+v.subresource] = &verb{
			store: &verbStore, resource: claims.resource, aborts: s.beside.Aborts, history: s.beside.History, clock: s.beside.Clock, newBody: v.newBody, say: v.say,
		}
	}
	return resources
}

// REST serves the main resource.
type REST struct {
	*genericregistry.Store
	claims   claims
	verifier absence.Verifier
	aborts   AbortMemory
}

var (
	_ rest.StandardStorage      = &REST{}
	_ rest.ShortNamesProvider   = &REST{}
	_ rest.CategoriesProvider   = &REST{}
	_ rest.SingularNameProvider = &REST{}
)

// ShortNames lets users type kubectl get vmdc.
func (*REST) ShortNames() []string { return []string{"vmdc"} }

// Categories lets users type kubectl get victoriametrics.
func (*REST) Categories() []string { return []string{"victoriametrics"} }

// Create refuses an object that claims a VMCluster of another one. A change that was
// called off before the store was lost still is.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	ctx, cancel := context.WithCancel(ctx)
	claims := r.claims.ahead(ctx)
	defer claims.ended()
	defer cancel()
	ctx, recalled := recalling(ctx, r.aborts)
	return r.Store.Create(ctx, obj, recalled.onCreate(claims.onCreate(validate)), options)
}

// Update refuses a change that claims a VMCluster of another object. It creates what an
// apply finds absent.
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, validateCreate rest.ValidateObjectFunc, validateUpdate rest.ValidateObjectUpdateFunc, forceAllowCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	ctx, recalled := recalling(ctx, r.aborts)
	return r.Store.Update(ctx, name, info, recalled.onCreate(r.claims.onCreate(validateCreate)), r.claims.onUpdate(validateUpdate), forceAllowCreate, options)
}

// Watch says of nothing that it is gone that the store has only lost.
func (r *REST) Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error) {
	watching, err := r.Store.Watch(ctx, options)
	if err != nil || r.verifier == nil {
		return watching, err
	}
	return absence.Watch(ctx, watching, r.verifier), nil
}

// StatusREST serves the subresource status.
type StatusREST struct {
	store  *genericregistry.Store
	aborts AbortMemory
}

var (
	_ rest.Patcher              = &StatusREST{}
	_ rest.ResetFieldsStrategy  = &StatusREST{}
	_ rest.TableConvertor       = &StatusREST{}
	_ rest.SingularNameProvider = &StatusREST{}
)

// New returns an empty object for the decoder.
func (r *StatusREST) New() runtime.Object { return r.store.New() }

// Destroy does nothing: the store belongs to the main resource.
func (r *StatusREST) Destroy() {}

// GetSingularName names the resource in the singular.
func (r *StatusREST) GetSingularName() string { return r.store.GetSingularName() }

// Get reads the object, as a patch has to.
func (r *StatusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

// Update writes status. It never creates.
func (r *StatusREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, validateCreate rest.ValidateObjectFunc, validateUpdate rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	var before []vmdistributed.Word
	noting := func(_ context.Context, after, old runtime.Object) (runtime.Object, error) {
		before = old.(*vmdistributed.VMDistributedCluster).Status.Words
		return after, nil
	}
	stored, created, err := r.store.Update(ctx, name, rest.WrapUpdatedObjectInfo(info, noting), validateCreate, validateUpdate, false, options)
	if err == nil && !dryrun.IsDryRun(options.DryRun) {
		ended(ctx, r.aborts, r.store, before, stored.(*vmdistributed.VMDistributedCluster))
	}
	return stored, created, err
}

// GetResetFields names what this subresource does not write.
func (r *StatusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}

// ConvertToTable prints the object as the main resource does.
func (r *StatusREST) ConvertToTable(ctx context.Context, object, options runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, object, options)
}
