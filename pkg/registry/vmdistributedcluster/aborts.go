// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// AbortMemory remembers beside the store which changes to an object were called off or
// undone, and which zones were skipped.
type AbortMemory interface {
	// Recall returns the words by which they were.
	Recall(ctx context.Context, object types.NamespacedName) ([]vmdistributed.Word, error)
	// Keep remembers of an object what its words say. They are asked for as often as it
	// takes to have the latest.
	Keep(ctx context.Context, object types.NamespacedName, words func(context.Context) ([]vmdistributed.Word, error)) error
}

func keyOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// recollection is what is remembered of an object that is created, once it is asked for.
type recollection struct {
	aborts AbortMemory
	words  []vmdistributed.Word
	err    error
}

type recollectionKey struct{}

// recalling has an object that is created under ctx begin with what is remembered of it.
func recalling(ctx context.Context, aborts AbortMemory) (context.Context, *recollection) {
	r := &recollection{aborts: aborts}
	return context.WithValue(ctx, recollectionKey{}, r), r
}

// recalled are the words that an object begins with. That they are not known, onCreate
// says.
func recalled(ctx context.Context, object *vmdistributed.VMDistributedCluster) []vmdistributed.Word {
	r, ok := ctx.Value(recollectionKey{}).(*recollection)
	if !ok {
		return nil
	}
	r.words, r.err = r.aborts.Recall(ctx, keyOf(object))
	return r.words
}

// onCreate refuses an object of which it can't be told whether its change was called off.
func (r *recollection) onCreate(next rest.ValidateObjectFunc) rest.ValidateObjectFunc {
	return func(ctx context.Context, obj runtime.Object) error {
		if err := next(ctx, obj); err != nil {
			return err
		}
		if r.err != nil {
			return apierrors.NewServiceUnavailable(fmt.Sprintf("whether this change was called off before the store was lost is not known, try again: %v", r.err))
		}
		return nil
	}
}

// keepWords has what an object says now be remembered.
func keepWords(ctx context.Context, aborts AbortMemory, store *genericregistry.Store, object *vmdistributed.VMDistributedCluster) error {
	return aborts.Keep(ctx, keyOf(object), func(ctx context.Context) ([]vmdistributed.Word, error) {
		now, err := store.Get(ctx, object.Name, &metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return now.(*vmdistributed.VMDistributedCluster).Status.Words, nil
	})
}

// ended drops what is remembered of words that the controller has dropped: a skip that has
// had its time must not come back with an object that is made anew. What can't be dropped
// now, the next verb drops.
func ended(ctx context.Context, aborts AbortMemory, store *genericregistry.Store, before []vmdistributed.Word, stored *vmdistributed.VMDistributedCluster) {
	ends := func(w vmdistributed.Word) bool {
		_, said := stored.Status.Said(w.Verb, w.Zone, w.Revision)
		return w.Outlives() && !said
	}
	if !slices.ContainsFunc(before, ends) {
		return
	}
	if err := keepWords(ctx, aborts, store, stored); err != nil {
		klog.FromContext(ctx).Error(err, "A zone that is not skipped any more would be again after the loss of the store", "vmdistributedcluster", keyOf(stored))
	}
}

// forgetPatience is for what is done after an answer is decided on.
const forgetPatience = 5 * time.Second

// forgetting drops what is remembered of an object once somebody has deleted it. A store
// that is lost deletes nothing.
func forgetting(aborts AbortMemory) genericregistry.AfterDeleteFunc {
	return func(obj runtime.Object, options *metav1.DeleteOptions) {
		object, ok := obj.(*vmdistributed.VMDistributedCluster)
		if !ok || options != nil && dryrun.IsDryRun(options.DryRun) || !slices.ContainsFunc(object.Status.Words, vmdistributed.Word.Outlives) {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), forgetPatience)
		defer cancel()
		nothing := func(context.Context) ([]vmdistributed.Word, error) { return nil, nil }
		if err := aborts.Keep(ctx, keyOf(object), nothing); err != nil {
			klog.ErrorS(err, "An object that is made anew under this name may begin with a change that is called off", "vmdistributedcluster", keyOf(object))
		}
	}
}
