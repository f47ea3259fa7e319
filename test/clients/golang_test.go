// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	applydistributed "github.com/vmdistributed/vmdistributed-apiserver/generated/applyconfiguration/distributed/v1alpha1"
	applyv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/generated/applyconfiguration/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/informers/externalversions"
	listers "github.com/vmdistributed/vmdistributed-apiserver/generated/listers/operator/v1alpha1"
)

// name of the object of every test: each has a namespace of its own.
const name = "metrics"

// doc: connect

// connect returns a client for the cluster of a kubeconfig file.
func connect(kubeconfig string) (versioned.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	return versioned.NewForConfig(config)
}

// end

// doc: apply

// twoZones is an object of which we, and nobody else, want two zones.
func twoZones(namespace string) *applyv1alpha1.VMDistributedClusterApplyConfiguration {
	return applyv1alpha1.VMDistributedCluster("metrics", namespace).
		WithSpec(applyv1alpha1.VMDistributedClusterSpec().
			WithZones(applyv1alpha1.Zones().WithVMClusters(
				applyv1alpha1.Zone().WithName("zone-a").WithSpec(rawjson.Object{Raw: []byte(
					`{"vmstorage":{"replicaCount":1},"vmselect":{"replicaCount":1},"vminsert":{"replicaCount":1}}`)}),
				applyv1alpha1.Zone().WithRef(applyv1alpha1.ObjectReference().WithName("existing")),
			)))
}

// apply makes it so. Fields that another manager owns are a conflict, unless force
// takes them over.
func apply(ctx context.Context, client versioned.Interface, namespace string, force bool) (*v1alpha1.VMDistributedCluster, error) {
	return client.OperatorV1alpha1().VMDistributedClusters(namespace).
		Apply(ctx, twoZones(namespace), metav1.ApplyOptions{FieldManager: "my-controller", Force: force})
}

// end

// doc: informer

// follow calls ready for every object of a namespace whose rollout is complete,
// whenever that changes, until the context ends. The lister answers from the same
// cache.
func follow(ctx context.Context, client versioned.Interface, namespace string, ready func(*v1alpha1.VMDistributedCluster)) (listers.VMDistributedClusterNamespaceLister, error) {
	factory := externalversions.NewSharedInformerFactoryWithOptions(client, 0, externalversions.WithNamespace(namespace))
	objects := factory.Operator().V1alpha1().VMDistributedClusters()
	tell := func(changed any) {
		if object := changed.(*v1alpha1.VMDistributedCluster); meta.IsStatusConditionTrue(object.Status.Conditions, "Ready") {
			ready(object)
		}
	}
	_, err := objects.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    tell,
		UpdateFunc: func(_, changed any) { tell(changed) },
	})
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("the cache of %v was not filled before the end", kind)
		}
	}
	return objects.Lister().VMDistributedClusters(namespace), nil
}

// end

// doc: zones

// unready names the zones that are not in good health at this moment, and why.
func unready(ctx context.Context, client versioned.Interface, namespace, name string) ([]string, error) {
	report, err := client.OperatorV1alpha1().VMDistributedClusters(namespace).GetZones(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var found []string
	for _, zone := range report.Zones {
		if !zone.Ready {
			found = append(found, fmt.Sprintf("%s is %s: %s", zone.Name, zone.Phase, zone.WaitingFor))
		}
	}
	return found, nil
}

// end

// doc: beside

// applyBeside is apply by the second group. Its spec and status are the first one's.
func applyBeside(ctx context.Context, client versioned.Interface, namespace string) (*distributedv1alpha1.VMDistributedCluster, error) {
	wanted := applydistributed.VMDistributedCluster("metrics", namespace).WithSpec(twoZones(namespace).Spec)
	return client.DistributedV1alpha1().VMDistributedClusters(namespace).
		Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "my-controller"})
}

// end

// room returns a client, and a namespace in which there is a VMCluster to refer to.
func room(t *testing.T) (versioned.Interface, string) {
	t.Helper()
	client, err := connect(shared.cp.Kubeconfig())
	must(t, err)
	namespace := newNamespace(t)
	createCluster(t, namespace, "existing")
	return client, namespace
}

// receive returns what comes next.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case got, ok := <-from:
		if !ok {
			t.Fatalf("waiting for %s: there is no more to come", what)
		}
		return got
	case <-time.After(patience):
		t.Fatalf("waiting for %s: nothing came in %s", what, patience)
		panic("unreachable")
	}
}

func TestGoInformerTellsOfCompleteRollouts(t *testing.T) {
	t.Parallel()
	client, namespace := room(t)
	ready := make(chan *v1alpha1.VMDistributedCluster, 100)
	lister, err := follow(t.Context(), client, namespace, func(object *v1alpha1.VMDistributedCluster) { ready <- object })
	must(t, err)
	if _, err := lister.Get(name); !apierrors.IsNotFound(err) {
		t.Fatalf("the lister finds what is not there: %v", err)
	}
	_, err = apply(t.Context(), client, namespace, false)
	must(t, err)

	told := receive(t, ready, "both zones to be ready")
	if told.Name != name || told.Status.ReadyZones != 2 {
		t.Errorf("it tells of %s, with %d zones ready", told.Name, told.Status.ReadyZones)
	}
	found, err := lister.Get(name)
	must(t, err)
	if found.UID != told.UID {
		t.Errorf("the lister has another object, uid %s, than was told of, %s", found.UID, told.UID)
	}
}

func TestGoWatchGoesOnWhereAListEnded(t *testing.T) {
	t.Parallel()
	client, namespace := room(t)
	objects := client.OperatorV1alpha1().VMDistributedClusters(namespace)
	list, err := objects.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	watcher, err := objects.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	must(t, err)
	defer watcher.Stop()

	created, err := objects.Create(t.Context(), &v1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.VMDistributedClusterSpec{
			Paused: true,
			Zones:  v1alpha1.Zones{VMClusters: []v1alpha1.Zone{{Ref: &v1alpha1.ObjectReference{Name: "existing"}}}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = objects.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"metrics"}}}`), metav1.PatchOptions{})
	must(t, err)
	must(t, objects.Delete(t.Context(), name, metav1.DeleteOptions{}))

	var events []watch.EventType
	labelled := false
	for !slices.Contains(events, watch.Deleted) {
		event := receive(t, watcher.ResultChan(), "the deletion")
		object, ok := event.Object.(*v1alpha1.VMDistributedCluster)
		if !ok || object.UID != created.UID {
			t.Fatalf("%s of %+v", event.Type, event.Object)
		}
		events = append(events, event.Type)
		labelled = labelled || event.Type == watch.Modified && object.Labels["team"] == "metrics"
	}
	if events[0] != watch.Added || !labelled {
		t.Errorf("the events are %v, with the change among them: %t", events, labelled)
	}
}

func TestGoApplyTakesTheFieldsOfOthersByForceOnly(t *testing.T) {
	t.Parallel()
	client, namespace := room(t)
	objects := client.OperatorV1alpha1().VMDistributedClusters(namespace)
	others := applyv1alpha1.VMDistributedCluster(name, namespace).
		WithSpec(applyv1alpha1.VMDistributedClusterSpec().WithPaused(true).
			WithZones(applyv1alpha1.Zones().WithVMClusters(
				applyv1alpha1.Zone().WithRef(applyv1alpha1.ObjectReference().WithName("existing")))))
	_, err := objects.Apply(t.Context(), others, metav1.ApplyOptions{FieldManager: "somebody"})
	must(t, err)

	_, err = apply(t.Context(), client, namespace, false)
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) {
		t.Fatalf("applying what somebody else owns: %v", err)
	}
	causes := status.Status().Details.Causes
	if len(causes) != 1 || causes[0].Field != ".spec.zones.vmclusters" {
		t.Errorf("the conflict is about %+v", causes)
	}

	applied, err := apply(t.Context(), client, namespace, true)
	must(t, err)
	if zones := applied.Spec.Zones.VMClusters; len(zones) != 2 || zones[0].Name != "zone-a" || !applied.Spec.Paused {
		t.Errorf("by force it became %+v", applied.Spec)
	}
	mine, err := applyv1alpha1.ExtractVMDistributedCluster(applied, "my-controller")
	must(t, err)
	if mine.Spec.Zones == nil || mine.Spec.Paused != nil {
		t.Errorf("we own %+v", mine.Spec)
	}
}

// TestGoClientOfTheSecondGroupMeansTheSameObjects, whose owner is the same manager.
func TestGoClientOfTheSecondGroupMeansTheSameObjects(t *testing.T) {
	t.Parallel()
	client, namespace := room(t)
	ready := make(chan *v1alpha1.VMDistributedCluster, 100)
	_, err := follow(t.Context(), client, namespace, func(object *v1alpha1.VMDistributedCluster) { ready <- object })
	must(t, err)
	made, err := applyBeside(t.Context(), client, namespace)
	must(t, err)
	if told := receive(t, ready, "both zones to be ready"); told.UID != made.UID {
		t.Errorf("the informer of the first group tells of uid %s, made was %s", told.UID, made.UID)
	}
	applied, err := apply(t.Context(), client, namespace, false)
	must(t, err)
	if applied.UID != made.UID || applied.Generation != 1 {
		t.Errorf("applied in the first group it has uid %s, generation %d", applied.UID, applied.Generation)
	}
}

func TestGoUpdateStatusWritesStatusAlone(t *testing.T) {
	t.Parallel()
	client, namespace := room(t)
	objects := client.OperatorV1alpha1().VMDistributedClusters(namespace)
	_, err := apply(t.Context(), client, namespace, false)
	must(t, err)
	var written *v1alpha1.VMDistributedCluster
	// The controller writes status too.
	must(t, retry.OnError(wait.Backoff{Duration: 10 * time.Millisecond, Steps: 1000}, apierrors.IsConflict, func() error {
		object, err := objects.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		object.Status.Reason = "ours"
		object.Spec.Paused = true
		written, err = objects.UpdateStatus(t.Context(), object, metav1.UpdateOptions{})
		return err
	}))
	if written.Status.Reason != "ours" || written.Spec.Paused || written.Generation != 1 {
		t.Errorf("it wrote the reason %q, paused %t, generation %d", written.Status.Reason, written.Spec.Paused, written.Generation)
	}
}

func TestGoZonesTellsWhatIsNotReady(t *testing.T) {
	t.Parallel()
	client, namespace := room(t)
	_, err := unready(t.Context(), client, namespace, name)
	if !apierrors.IsNotFound(err) {
		t.Errorf("the zones of an object that is not there: %v", err)
	}
	ready := make(chan *v1alpha1.VMDistributedCluster, 100)
	_, err = follow(t.Context(), client, namespace, func(object *v1alpha1.VMDistributedCluster) { ready <- object })
	must(t, err)
	_, err = apply(t.Context(), client, namespace, false)
	must(t, err)
	receive(t, ready, "both zones to be ready")
	last, err := unready(t.Context(), client, namespace, name)
	must(t, err)
	if len(last) > 0 {
		t.Errorf("not ready are %q", last)
	}

	// A zone that nobody defines is not.
	missing := applyv1alpha1.VMDistributedCluster("other", namespace).
		WithSpec(applyv1alpha1.VMDistributedClusterSpec().WithZones(applyv1alpha1.Zones().WithVMClusters(
			applyv1alpha1.Zone().WithRef(applyv1alpha1.ObjectReference().WithName("nowhere")))))
	_, err = client.OperatorV1alpha1().VMDistributedClusters(namespace).Apply(t.Context(), missing, metav1.ApplyOptions{FieldManager: "my-controller"})
	must(t, err)
	last, err = unready(t.Context(), client, namespace, "other")
	must(t, err)
	if len(last) != 1 || !strings.HasPrefix(last[0], "nowhere is Missing: ") {
		t.Errorf("not ready are %q", last)
	}
}
