// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package vmdistributedcluster stores VMDistributedClusters and serves them with
// their subresources.
package vmdistributedcluster

import (
	"context"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/validation"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// strategy is how the main resource is created and updated: users own spec. What
// the tags on the types of a version say is checked with its own validation.
type strategy struct {
	rest.DeclarativeValidation
	names.NameGenerator
	group string
}

var (
	_ rest.RESTCreateStrategy            = strategy{}
	_ rest.RESTUpdateStrategy            = strategy{}
	_ rest.RESTDeleteStrategy            = strategy{}
	_ rest.ResetFieldsStrategy           = strategy{}
	_ rest.DeclarativeValidationStrategy = strategy{}
)

// newStrategy returns the strategy for requests to a group.
func newStrategy(scheme *runtime.Scheme, group string) strategy {
	return strategy{rest.DeclarativeValidation{Scheme: scheme}, names.SimpleNameGenerator, group}
}

// ObjectKinds names the kind in the group that requests are for: errors name the
// first, and the scheme has the hub in every group.
func (s strategy) ObjectKinds(obj runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	kinds, unversioned, err := s.Scheme.ObjectKinds(obj)
	if err != nil {
		return nil, false, err
	}
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(kind schema.GroupVersionKind) bool { return kind.Group != s.group })
	if len(kinds) == 0 {
		return nil, false, runtime.NewNotRegisteredErrForType(s.group, reflect.TypeOf(obj))
	}
	return kinds, unversioned, nil
}

func (strategy) NamespaceScoped() bool { return true }

func (strategy) AllowCreateOnUpdate(context.Context) bool { return false }

func (strategy) AllowUnconditionalUpdate(context.Context) bool { return true }

func (strategy) Canonicalize(runtime.Object) {}

// GetResetFields names what server-side apply must not own through the main
// resource.
func (strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return resetFields(fieldpath.MakePathOrDie("status"))
}

func (strategy) PrepareForCreate(ctx context.Context, obj runtime.Object) {
	cluster := obj.(*vmdistributed.VMDistributedCluster)
	cluster.Status = vmdistributed.VMDistributedClusterStatus{Words: recalled(ctx, cluster), Conditions: unobserved(cluster)}
	cluster.Generation = 1
	cluster.Status.ZonesChanged = changeBy(ctx, cluster.Generation)
	ensureFinalizer(cluster)
}

// unobserved says that there is more to come of an object that the controller has not
// looked at. Tools that go by kstatus take one without conditions for complete.
func unobserved(cluster *vmdistributed.VMDistributedCluster) []metav1.Condition {
	return []metav1.Condition{{
		Type: rollout.ConditionReconciling, Status: metav1.ConditionTrue, Reason: rollout.NotObserved, Message: "the controller has not looked at the object yet",
		LastTransitionTime: cluster.CreationTimestamp,
	}}
}

func (strategy) PrepareForUpdate(ctx context.Context, obj, old runtime.Object) {
	cluster, before := obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster)
	cluster.Status, cluster.Stored = before.Status, before.Stored
	keepUnchangedText(cluster, before)
	cluster.Generation = before.Generation
	if !equality.Semantic.DeepEqual(cluster.Spec, before.Spec) {
		cluster.Generation++
	}
	if !equality.Semantic.DeepEqual(cluster.Spec.Zones, before.Spec.Zones) {
		cluster.Status.ZonesChanged = changeBy(ctx, cluster.Generation)
	}
	if before.DeletionTimestamp == nil {
		ensureFinalizer(cluster)
	}
}

// changeBy tells of the request that changes the zones, as the server knows it.
func changeBy(ctx context.Context, generation int64) *vmdistributed.ChangeRecord {
	record := &vmdistributed.ChangeRecord{Generation: generation}
	if user, known := request.UserFrom(ctx); known {
		record.By = user.GetName()
	}
	if at, known := request.ReceivedTimestampFrom(ctx); known {
		record.At = metav1.NewTime(at)
	}
	return record
}

func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	cluster := obj.(*vmdistributed.VMDistributedCluster)
	return append(validation.ValidateCreate(cluster), validateAnnotations(cluster, nil)...)
}

func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	cluster, before := obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster)
	return append(validation.ValidateUpdate(cluster, before), validateAnnotations(cluster, before)...)
}

func (strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	return warnings(obj.(*vmdistributed.VMDistributedCluster), nil)
}

func (strategy) WarningsOnUpdate(_ context.Context, obj, old runtime.Object) []string {
	cluster, before := obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster)
	return append(warnings(cluster, before), warningsOfLeaving(cluster, before)...)
}

// statusStrategy is how the subresource status is updated: the controller owns
// status and can touch nothing else.
type statusStrategy struct{ strategy }

// GetResetFields names what server-side apply must not own through the
// subresource status.
func (statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return resetFields(fieldpath.MakePathOrDie("spec"), fieldpath.MakePathOrDie("metadata"))
}

func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	cluster, before := obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster)
	managed := cluster.ManagedFields
	version := cluster.ResourceVersion
	cluster.ObjectMeta = *before.ObjectMeta.DeepCopy()
	cluster.ManagedFields, cluster.ResourceVersion = managed, version
	cluster.Spec, cluster.Stored = before.Spec, before.Stored
	cluster.Status.ZonesChanged = before.Status.ZonesChanged // the server's to say
	// What users have said is theirs to say, by the verbs. The controller forgets what has
	// had its time.
	cluster.Status.Words = slices.DeleteFunc(slices.Clone(before.Status.Words), func(w vmdistributed.Word) bool {
		_, kept := cluster.Status.Said(w.Verb, w.Zone, w.Revision)
		return !kept
	})
}

func (statusStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validation.ValidateStatusUpdate(obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster))
}

func (statusStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// verbStrategy is how the verbs of a rollout update an object: they own status.words,
// and can touch neither spec nor metadata.
type verbStrategy struct{ statusStrategy }

func (verbStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	cluster, before := obj.(*vmdistributed.VMDistributedCluster), old.(*vmdistributed.VMDistributedCluster)
	cluster.ObjectMeta = *before.ObjectMeta.DeepCopy()
	cluster.Spec, cluster.Stored = before.Spec, before.Stored
}

// resetFields are the same in every group: what a manager owns by one of them is held
// against what somebody writes by another.
func resetFields(paths ...fieldpath.Path) map[fieldpath.APIVersion]*fieldpath.Set {
	fields := map[fieldpath.APIVersion]*fieldpath.Set{}
	for _, version := range install.GroupVersions() {
		fields[fieldpath.APIVersion(version.String())] = fieldpath.NewSet(paths...)
	}
	return fields
}

// ensureFinalizer puts the finalizer back where a client that replaces the whole
// object has left it out: without it, the VMClusters would stay behind owned by
// nothing.
func ensureFinalizer(cluster *vmdistributed.VMDistributedCluster) {
	if !slices.Contains(cluster.Finalizers, vmdistributed.Finalizer) {
		cluster.Finalizers = append(cluster.Finalizers, vmdistributed.Finalizer)
	}
}
