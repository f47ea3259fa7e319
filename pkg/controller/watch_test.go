// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// crowd is a controller that knows a few objects and has not begun to work.
func crowd(t *testing.T) *shift {
	t.Helper()
	c := &shift{
		objects: cache.NewSharedIndexInformer(&cache.ListWatch{}, &v1alpha1.VMDistributedCluster{}, 0, cache.Indexers{
			cache.NamespaceIndex: cache.MetaNamespaceIndexFunc, byUser: indexByUser, byLeaving: indexByLeaving,
		}),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]()),
	}
	t.Cleanup(c.queue.ShutDown)
	object := func(namespace, name string, users ...string) *v1alpha1.VMDistributedCluster {
		made := &v1alpha1.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		for _, user := range users {
			made.Spec.VMUsers = append(made.Spec.VMUsers, v1alpha1.ObjectReference{Name: user})
		}
		return made
	}
	leaver := object("there", "leaver")
	leaver.DeletionTimestamp = &metav1.Time{}
	for _, object := range []*v1alpha1.VMDistributedCluster{
		object("here", "one", "a"), object("here", "both", "a", "b"), object("here", "other", "b"), object("here", "none"),
		object("there", "namesake", "a"), leaver,
	} {
		if err := c.objects.GetIndexer().Add(object); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestZonesThatStatusRemembersAreWatched: one that was taken off the list while its
// reads were away has no mark, where it was referred to and not written.
func TestZonesThatStatusRemembersAreWatched(t *testing.T) {
	object := &v1alpha1.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: "one"}}
	object.Spec.Zones.VMClusters = []v1alpha1.Zone{{Name: "a"}, {Ref: &v1alpha1.ObjectReference{Name: "b"}}}
	object.Status.Zones = []v1alpha1.ZoneStatus{{Name: "a"}, {Name: "c"}}
	keys, err := indexByZone(object)
	if diff := cmp.Diff([]string{"here/a", "here/b", "here/c"}, keys); diff != "" || err != nil {
		t.Errorf("indexed by (-want +got): %v\n%s", err, diff)
	}
}

// queued empties the queue.
func (c *shift) queued() (keys []string) {
	for c.queue.Len() > 0 {
		key, _ := c.queue.Get()
		c.queue.Done(key)
		keys = append(keys, key.String())
	}
	slices.Sort(keys)
	return keys
}

func routerOf(name string, annotations map[string]string) *unstructured.Unstructured {
	router := &unstructured.Unstructured{Object: map[string]any{}}
	router.SetNamespace("here")
	router.SetName(name)
	router.SetAnnotations(annotations)
	router.SetResourceVersion("1")
	return router
}

func TestAVMUserWakesThoseThatItConcerns(t *testing.T) {
	owner := types.NamespacedName{Namespace: "here", Name: "none"}
	record := `{"drain": {"owner": "here/none", "zone": "zone-a", "taken": []}, "spec": {"targetRefs": [{}]}}`
	drained := map[string]string{victoriametrics.DrainAnnotation(owner): record}
	unreadable := map[string]string{victoriametrics.DrainAnnotation(owner): "{"}
	for name, c := range map[string]struct {
		before, after *unstructured.Unstructured
		want          []string
	}{
		"listed by one and by another": {routerOf("a", nil), routerOf("a", nil), []string{"here/both", "here/one", "there/leaver"}},
		"listed by nobody":             {routerOf("c", nil), routerOf("c", nil), []string{"there/leaver"}},
		"drained by who lists it not":  {routerOf("c", drained), routerOf("c", drained), []string{"here/none", "there/leaver"}},
		"whose drain is undone":        {routerOf("c", drained), routerOf("c", nil), []string{"here/none", "there/leaver"}},
		"with a drain that can't be read": {routerOf("c", unreadable), routerOf("c", nil),
			[]string{"here/both", "here/none", "here/one", "here/other", "there/leaver"}},
	} {
		t.Run(name, func(t *testing.T) {
			controller := crowd(t)
			c.after.SetResourceVersion("2")
			handler(controller.queueByUser).OnUpdate(c.before, c.after)
			if diff := cmp.Diff(c.want, controller.queued()); diff != "" {
				t.Errorf("queued (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAVMAuthWakesReadersWhereItsSpecChanges(t *testing.T) {
	all := []string{"here/both", "here/one", "here/other", "there/leaver", "there/namesake"}
	for name, c := range map[string]struct {
		change func(*unstructured.Unstructured)
		want   []string
	}{
		"its spec":        {func(auth *unstructured.Unstructured) { auth.SetGeneration(2) }, all},
		"its deletion":    {func(auth *unstructured.Unstructured) { auth.SetDeletionTimestamp(new(metav1.Unix(1, 0))) }, all},
		"another like it": {func(auth *unstructured.Unstructured) { auth.SetUID("another") }, all},
		"its status": {func(auth *unstructured.Unstructured) {
			auth.Object["status"] = map[string]any{"updateStatus": "expanding"}
		}, nil},
		"its labels":       {func(auth *unstructured.Unstructured) { auth.SetLabels(map[string]string{"team": "a"}) }, nil},
		"nothing, relists": {func(auth *unstructured.Unstructured) { auth.SetResourceVersion("1") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			controller := crowd(t)
			before, after := routerOf("read", nil), routerOf("read", nil)
			after.SetResourceVersion("2")
			c.change(after)
			specHandler(controller.queueReaders).OnUpdate(before, after)
			if diff := cmp.Diff(c.want, controller.queued()); diff != "" {
				t.Errorf("queued (-want +got):\n%s", diff)
			}
		})
	}
}
