// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	applydistributed "github.com/vmdistributed/vmdistributed-apiserver/generated/applyconfiguration/distributed/v1alpha1"
	applyv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/generated/applyconfiguration/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/informers/externalversions"
)

// TestGeneratedClientsOfTheSecondGroup go the way that a controller goes: apply,
// follow, look up, read the zones, write status, delete. Spec and status are of the
// types of the first group.
func TestGeneratedClientsOfTheSecondGroup(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	objects := shared.admin.vmdc.DistributedV1alpha1().VMDistributedClusters(namespace)
	factory := externalversions.NewSharedInformerFactoryWithOptions(shared.admin.vmdc, 0, externalversions.WithNamespace(namespace))
	informers := factory.Distributed().V1alpha1().VMDistributedClusters()
	informers.Informer() // makes the factory start it
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	factory.WaitForCacheSync(ctx.Done())
	lister := informers.Lister().VMDistributedClusters(namespace)

	wanted := applydistributed.VMDistributedCluster("x", namespace).
		WithSpec(applyv1alpha1.VMDistributedClusterSpec().WithPaused(true).
			WithZones(applyv1alpha1.Zones().WithVMClusters(
				applyv1alpha1.Zone().WithRef(applyv1alpha1.ObjectReference().WithName("a")))))
	applied, err := objects.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "tester"})
	must(t, err)
	if twin := typedSettled(t, namespace, "x"); twin.UID != applied.UID || twin.Spec.Zones.VMClusters[0].Ref.Name != "a" {
		t.Errorf("in the other group it is %s", encode(t, twin))
	}
	eventually(t, "the lister has the object as it is reported on", func() bool {
		found, err := lister.Get("x")
		return err == nil && found.UID == applied.UID && meta.FindStatusCondition(found.Status.Conditions, "Paused") != nil
	})
	mine, err := applydistributed.ExtractVMDistributedCluster(applied, "tester")
	must(t, err)
	if *mine.APIVersion != otherGroupVersion || mine.Spec.Paused == nil || mine.Spec.DeletionPolicy != nil {
		t.Errorf("extracted %s", encode(t, mine))
	}
	zones, err := objects.GetZones(ctx, "x", metav1.GetOptions{})
	must(t, err)
	if len(zones.Zones) != 1 || zones.Zones[0].Phase != v1alpha1.ZoneMissing || zones.UID != applied.UID {
		t.Errorf("the zones are %s", encode(t, zones))
	}
	created, err := objects.Create(ctx, &distributedv1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "y"},
		Spec: v1alpha1.VMDistributedClusterSpec{Paused: true, Zones: v1alpha1.Zones{
			VMClusters: []v1alpha1.Zone{{Ref: &v1alpha1.ObjectReference{Name: "b"}}}}},
	}, metav1.CreateOptions{})
	must(t, err)
	if created.Spec.DeletionPolicy != v1alpha1.DeletionPolicyDelete {
		t.Errorf("created %s, without its defaults", encode(t, created))
	}
	eventually(t, "status is written", func() bool {
		object, err := objects.Get(ctx, "y", metav1.GetOptions{})
		must(t, err)
		object.Status.Reason = "ours"
		written, err := objects.UpdateStatus(ctx, object, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) { // the controller writes it too
			return false
		}
		must(t, err)
		return written.Status.Reason == "ours" && written.Generation == 1
	})
	must(t, objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	eventually(t, "the lister has lost both", func() bool {
		left, err := lister.List(labels.Everything())
		must(t, err)
		return len(left) == 0
	})
}

// TestWatchesInBothGroupsTellTheSame, at the same resourceVersions, whatever group a
// change comes by.
func TestWatchesInBothGroupsTellTheSame(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first, second := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace), shared.admin.vmdc.DistributedV1alpha1().VMDistributedClusters(namespace)
	list, err := second.List(ctx, metav1.ListOptions{})
	must(t, err)
	from := metav1.ListOptions{ResourceVersion: list.ResourceVersion}
	inFirst, err := first.Watch(ctx, from)
	must(t, err)
	defer inFirst.Stop()
	inSecond, err := second.Watch(ctx, from)
	must(t, err)
	defer inSecond.Stop()

	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	_, err = second.Patch(ctx, "x", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{})
	must(t, err)
	must(t, second.Delete(ctx, "x", metav1.DeleteOptions{}))
	eventually(t, "x is gone", func() bool { _, err := first.Get(ctx, "x", metav1.GetOptions{}); return apierrors.IsNotFound(err) })

	a, b := untilDeleted(t, inFirst, groupVersion), untilDeleted(t, inSecond, otherGroupVersion)
	if !slices.Equal(a, b) || !strings.HasPrefix(a[0], "ADDED") {
		t.Errorf("told are\n%s\nand\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

// untilDeleted writes down what a watch tells of x, to its end.
func untilDeleted(t *testing.T, watcher watch.Interface, version string) []string {
	t.Helper()
	var told []string
	for {
		select {
		case event, ok := <-watcher.ResultChan():
			if !ok {
				t.Fatalf("the watch ended after %q", told)
			}
			object, err := meta.Accessor(event.Object)
			must(t, err)
			if kind := event.Object.GetObjectKind().GroupVersionKind(); kind.GroupVersion().String() != version && !kind.Empty() {
				t.Errorf("in %s it tells of %s", version, kind)
			}
			if object.GetName() != "x" {
				continue
			}
			told = append(told, fmt.Sprintf("%s %s %s", event.Type, object.GetUID(), object.GetResourceVersion()))
			if event.Type == watch.Deleted {
				return told
			}
		case <-time.After(patience):
			t.Fatalf("nothing comes after %q", told)
		}
	}
}
