// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// one writes zones with one entry.
func one(zone string) string { return fmt.Sprintf(`[{"name":%q,"spec":{}}]`, zone) }

func TestDryRunStoresNothing(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	const dry = "?dryRun=All"
	shared.admin.send(t, http.MethodPost, in(namespace)+dry, jsonType, paused("new", one("a"))).want(t, http.StatusCreated)
	shared.admin.send(t, http.MethodPatch, in(namespace, "new")+dry+"&fieldManager=tester", applyType, paused("new", one("a"))).want(t, http.StatusCreated)
	wantNames(t, namespace)

	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusCreated)
	stored := encode(t, settled(t, namespace, "x").Object)
	updated := shared.admin.send(t, http.MethodPut, in(namespace, "x")+dry, jsonType, paused("x", one("b"))).want(t, http.StatusOK)
	if got := updated.object(t).GetGeneration(); got != 2 {
		t.Errorf("the update would have generation %d, want 2", got)
	}
	shared.admin.send(t, http.MethodPatch, in(namespace, "x")+dry, mergeType, `{"spec":{"zones":`+one("b")+`}}`).want(t, http.StatusOK)
	shared.admin.send(t, http.MethodDelete, in(namespace, "x")+dry, "", "").want(t, http.StatusOK)
	shared.admin.send(t, http.MethodDelete, in(namespace)+dry, "", "").want(t, http.StatusOK)
	if got := encode(t, read(t, namespace, "x").Object); got != stored {
		t.Errorf("dry runs changed\n%s\ninto\n%s", stored, got)
	}
}

func TestGeneratedNames(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	body := strings.Replace(paused("", one("a")), `"name":""`, `"generateName":"metrics-"`, 1)
	name := shared.admin.create(t, namespace, body).want(t, http.StatusCreated).object(t).GetName()
	if !strings.HasPrefix(name, "metrics-") || len(name) <= len("metrics-") {
		t.Errorf("the name is %q", name)
	}
	wantNames(t, namespace, name)
}

// TestDefaultsAreStored: what the user left out reads back as what it is.
func TestDefaultsAreStored(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusCreated)
	got := typed(t, namespace, "x").Spec
	want := v1alpha1.RolloutStrategy{
		MaxUnavailable: ptr.To[int32](1), MinAvailableZones: ptr.To[int32](1), MaxFailures: ptr.To[int32](0),
		ReadyTimeout: "5m", UpdatePause: "1m", ProgressDeadline: "1h",
		Drain:    v1alpha1.DrainStrategy{Timeout: "3m", GracePeriod: "30s", LastTarget: v1alpha1.LastTargetFailOver},
		Flush:    v1alpha1.FlushStrategy{Timeout: "30m", MaxPendingBytes: ptr.To[int64](1 << 20)},
		Approval: v1alpha1.ApprovalNever,
	}
	if got.DeletionPolicy != v1alpha1.DeletionPolicyDelete || encode(t, got.Strategy) != encode(t, want) {
		t.Errorf("read %+v", got)
	}
}

// TestGenerationMovesWithSpecAlone, by one for each change.
func TestGenerationMovesWithSpecAlone(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	body := strings.Replace(paused("x", canonical), `"metadata":{`, `"metadata":{"generation":41,`, 1)
	shared.admin.create(t, namespace, body).want(t, http.StatusCreated)
	for _, step := range []struct {
		name, patch string
		want        int64
	}{
		{"as created", `{}`, 1},
		{"a label", `{"metadata":{"labels":{"a":"b"}}}`, 1},
		{"an annotation", `{"metadata":{"annotations":{"a":"b"}}}`, 1},
		{"generation itself", `{"metadata":{"generation":7}}`, 1},
		{"a default written out", `{"spec":{"deletionPolicy":"Delete"}}`, 1},
		{"a knob", `{"spec":{"strategy":{"updatePause":"2m"}}}`, 2},
		{"an inner field", `{"spec":{"zones":[` + strings.Replace(inlineEntry, `"replicaCount":1`, `"replicaCount":2`, 1) + `,` + referredEntry + `]}}`, 3},
		{"order", `{"spec":{"zones":[` + referredEntry + `,` + strings.Replace(inlineEntry, `"replicaCount":1`, `"replicaCount":2`, 1) + `]}}`, 4},
		{"a null taken out of an override", `{"spec":{"zones":[{"ref":{"name":"zone-b"},"overrideSpec":{"vmselect":{"replicaCount":2}}}]}}`, 5},
		{"a null put into an override", `{"spec":{"zones":[` + referredEntry + `]}}`, 6},
		{"the same once more", `{"spec":{"zones":[` + referredEntry + `]}}`, 6},
	} {
		shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, step.patch).want(t, http.StatusOK)
		if got := settled(t, namespace, "x").GetGeneration(); got != step.want {
			t.Errorf("after %s the generation is %d, want %d", step.name, got, step.want)
		}
	}
}

// TestFinalizerIsAlwaysThere: without it the clusters would stay behind owned by
// nothing. Others beside it belong to their owners.
func TestFinalizerIsAlwaysThere(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusCreated)
	want := func(when string, finalizers ...string) {
		t.Helper()
		if got := read(t, namespace, "x").GetFinalizers(); !slices.Equal(slices.Sorted(slices.Values(got)), finalizers) {
			t.Errorf("%s: finalizers %v, want %v", when, got, finalizers)
		}
	}
	want("created", vmdistributed.Finalizer)
	shared.admin.send(t, http.MethodPut, in(namespace, "x"), jsonType, paused("x", one("a"))).want(t, http.StatusOK)
	want("replaced", vmdistributed.Finalizer)
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"finalizers":["example.com/mine"]}}`).want(t, http.StatusOK)
	want("patched", vmdistributed.Finalizer, "example.com/mine")

	shared.admin.send(t, http.MethodDelete, in(namespace, "x"), "", "").want(t, http.StatusOK, http.StatusAccepted)
	eventually(t, "ours is gone", func() bool {
		return !slices.Contains(read(t, namespace, "x").GetFinalizers(), vmdistributed.Finalizer)
	})
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"labels":{"a":"b"}}}`).want(t, http.StatusOK)
	want("deleted and changed", "example.com/mine")
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"finalizers":[]}}`).want(t, http.StatusOK)
	shared.admin.get(t, in(namespace, "x")).want(t, http.StatusNotFound)
}

func TestSelectors(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for name, labels := range map[string]string{"x": `{"tier":"a"}`, "y": `{"tier":"b"}`, "z": `{}`} {
		body := strings.Replace(paused(name, one("zone-"+name)), `"metadata":{`, `"metadata":{"labels":`+labels+`,`, 1)
		shared.admin.create(t, namespace, body).want(t, http.StatusCreated)
	}
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"labelSelector=tier", []string{"x", "y"}},
		{"labelSelector=tier=a", []string{"x"}},
		{"labelSelector=!tier", []string{"z"}},
		{"labelSelector=tier in (a,b)&fieldSelector=metadata.name!=x", []string{"y"}},
		{"fieldSelector=metadata.name=z", []string{"z"}},
		{"fieldSelector=metadata.namespace=" + namespace, []string{"x", "y", "z"}},
		{"fieldSelector=metadata.namespace=other", nil},
	} {
		for _, path := range []string{in(namespace), "/apis/" + groupVersion + "/vmdistributedclusters"} {
			if path != in(namespace) && !strings.Contains(test.query, "namespace="+namespace) {
				continue // other tests have objects too
			}
			if got := names(t, shared.admin.get(t, path+"?"+escape(test.query))); !slices.Equal(got, test.want) {
				t.Errorf("%s: %v, want %v", test.query, got, test.want)
			}
		}
	}
	for _, query := range []string{"fieldSelector=spec.paused=true", "fieldSelector=status.updateStatus=operational", "labelSelector=a=b=c", "fieldSelector=x", "limit=x"} {
		shared.admin.get(t, in(namespace)+"?"+escape(query)).want(t, http.StatusBadRequest).problem(t)
	}
}

// escape makes a query out of what a person would write.
func escape(query string) string {
	values := url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		values.Set(key, value)
	}
	return values.Encode()
}

// TestPages reads a list in parts, each from the same moment.
func TestPages(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	objects := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace)
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("x%d", i))
		shared.admin.create(t, namespace, paused(want[i], one(want[i]))).want(t, http.StatusCreated)
	}
	var got []string
	var sizes []int
	options := metav1.ListOptions{Limit: 2}
	for {
		page, err := objects.List(t.Context(), options)
		must(t, err)
		for i := range page.Items {
			got = append(got, page.Items[i].Name)
		}
		sizes = append(sizes, len(page.Items))
		if left := len(want) - len(got); left > 0 && ptr.Deref(page.RemainingItemCount, -1) != int64(left) {
			t.Errorf("after %d of %d, %d are said to remain", len(got), len(want), ptr.Deref(page.RemainingItemCount, -1))
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
		if len(sizes) == 1 { // what comes now is not on a later page
			shared.admin.create(t, namespace, paused("x9", one("x9"))).want(t, http.StatusCreated)
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("pages of %v with %v, want %v", sizes, got, want)
	}
	_, err := objects.List(t.Context(), metav1.ListOptions{Limit: 2, Continue: "nonsense"})
	if !apierrors.IsBadRequest(err) {
		t.Errorf("a token of somebody's making: %v", err)
	}
}

// TestWatchFromARevision tells all that has happened since, in order.
func TestWatchFromARevision(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	objects := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace)
	shared.admin.create(t, namespace, paused("old", one("zone-old"))).want(t, http.StatusCreated)
	settled(t, namespace, "old")
	list, err := objects.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusCreated)

	events := watching(t, func(ctx context.Context) (watch.Interface, error) {
		return objects.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	})
	first := next(t, events)
	if first.Type != watch.Added || nameOf(first) != "x" {
		t.Fatalf("the first event is %s of %s", first.Type, nameOf(first))
	}
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"labels":{"a":"b"}}}`).want(t, http.StatusOK)
	shared.admin.send(t, http.MethodDelete, in(namespace, "x"), "", "").want(t, http.StatusOK, http.StatusAccepted)
	labelled := false
	for event := next(t, events); event.Type != watch.Deleted; event = next(t, events) {
		if event.Type != watch.Modified || nameOf(event) != "x" {
			t.Fatalf("there is an event %s of %s", event.Type, nameOf(event))
		}
		labelled = labelled || event.Object.(*v1alpha1.VMDistributedCluster).Labels["a"] == "b"
	}
	if !labelled {
		t.Error("the label was not in any event")
	}
}

// TestWatchWithSelector sees an object come and go as it begins and ceases to
// match.
func TestWatchWithSelector(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	objects := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace)
	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusCreated)
	version := settled(t, namespace, "x").GetResourceVersion()
	events := watching(t, func(ctx context.Context) (watch.Interface, error) {
		return objects.Watch(ctx, metav1.ListOptions{ResourceVersion: version, LabelSelector: "a=b"})
	})
	for _, step := range []struct {
		label string
		want  watch.EventType
	}{{`"b"`, watch.Added}, {`"c"`, watch.Deleted}} {
		shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"labels":{"a":`+step.label+`}}}`).want(t, http.StatusOK)
		if event := next(t, events); event.Type != step.want {
			t.Errorf("label %s: event %s, want %s", step.label, event.Type, step.want)
		}
	}
}

// TestWatchBeginsWithWhatThereIs and marks where that ends, as informers ask for.
func TestWatchBeginsWithWhatThereIs(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, name := range []string{"x", "y"} {
		shared.admin.create(t, namespace, paused(name, one("zone-"+name))).want(t, http.StatusCreated)
	}
	events := watching(t, func(ctx context.Context) (watch.Interface, error) {
		return shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).Watch(ctx, metav1.ListOptions{
			SendInitialEvents:    ptr.To(true),
			ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
			AllowWatchBookmarks:  true,
		})
	})
	seen := map[string]bool{}
	event := next(t, events)
	for ; event.Type == watch.Added; event = next(t, events) {
		seen[nameOf(event)] = true
	}
	if !maps.Equal(seen, map[string]bool{"x": true, "y": true}) {
		t.Errorf("the first events are of %v", seen)
	}
	for ; event.Type == watch.Modified; event = next(t, events) {
		continue // a status that was written meanwhile
	}
	mark := event.Object.(*v1alpha1.VMDistributedCluster)
	if event.Type != watch.Bookmark || mark.Annotations[metav1.InitialEventsAnnotationKey] != "true" || mark.ResourceVersion == "" {
		t.Errorf("then comes %s with annotations %v", event.Type, mark.Annotations)
	}
}

func watching(t *testing.T, begin func(context.Context) (watch.Interface, error)) <-chan watch.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	w, err := begin(ctx)
	must(t, err)
	t.Cleanup(func() { w.Stop(); cancel() })
	return w.ResultChan()
}

func next(t *testing.T, events <-chan watch.Event) watch.Event {
	t.Helper()
	event, ok := <-events
	if !ok || event.Type == watch.Error {
		t.Fatalf("the watch ended: %v", event.Object)
	}
	return event
}

func nameOf(event watch.Event) string { return event.Object.(*v1alpha1.VMDistributedCluster).Name }

// TestStaleWritesConflict: who writes an old revision, or deletes one, is told.
func TestStaleWritesConflict(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	objects := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace)
	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	stale := typed(t, namespace, "x")
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"labels":{"a":"b"}}}`).want(t, http.StatusOK)

	stale.Spec.DeletionPolicy = v1alpha1.DeletionPolicyRetain
	if _, err := objects.Update(t.Context(), stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("update: %v", err)
	}
	if _, err := objects.UpdateStatus(t.Context(), stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("update of status: %v", err)
	}
	for _, preconditions := range []metav1.Preconditions{{ResourceVersion: &stale.ResourceVersion}, {UID: ptr.To(stale.UID + "x")}} {
		if err := objects.Delete(t.Context(), "x", metav1.DeleteOptions{Preconditions: &preconditions}); !apierrors.IsConflict(err) {
			t.Errorf("delete with %+v: %v", preconditions, err)
		}
	}
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"resourceVersion":"`+stale.ResourceVersion+`"},"spec":{"deletionPolicy":"Retain"}}`).want(t, http.StatusConflict)
	if got := typed(t, namespace, "x"); got.Spec.DeletionPolicy != v1alpha1.DeletionPolicyDelete || got.DeletionTimestamp != nil {
		t.Errorf("a refused write changed the object: %+v", got)
	}
	shared.admin.create(t, namespace, paused("x", one("a"))).want(t, http.StatusConflict)
	shared.admin.send(t, http.MethodPut, in(namespace, "absent"), jsonType, paused("absent", one("b"))).want(t, http.StatusNotFound)
}

func TestDeleteCollectionHonoursSelectors(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for name, label := range map[string]string{"x": "go", "y": "go", "z": "stay"} {
		body := strings.Replace(paused(name, one("zone-"+name)), `"metadata":{`, `"metadata":{"labels":{"do":"`+label+`"},`, 1)
		shared.admin.create(t, namespace, body).want(t, http.StatusCreated)
	}
	must(t, shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).
		DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "do=go"}))
	eventually(t, "two of three are gone", func() bool {
		return slices.Equal(names(t, shared.admin.get(t, in(namespace))), []string{"z"})
	})
	if read(t, namespace, "z").GetDeletionTimestamp() != nil {
		t.Error("the third is being deleted")
	}
}
