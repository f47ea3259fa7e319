// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package chronicle

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

var (
	clusterResource = schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters"}
	userResource    = clusterResource.GroupVersion().WithResource("vmusers")
	secretResource  = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	resources       = []schema.GroupVersionResource{
		clusterResource,
		userResource,
		secretResource,
		{Group: "apps", Version: "v1", Resource: "statefulsets"},
		{Group: "apps", Version: "v1", Resource: "deployments"},
	}
)

// event is one version of one object.
type event struct {
	version  uint64
	resource string
	gone     bool
	object   *unstructured.Unstructured
}

// Chronicle records one namespace.
type Chronicle struct {
	client    dynamic.Interface
	namespace string
	watches   []*watchtools.RetryWatcher
	group     sync.WaitGroup

	mu     sync.Mutex
	events []event
	theirs map[string]bool // cluster@generation made by the test itself
	left   map[string]bool // cluster@generation that others go on without
	atOnce int             // how many zones may be out; 0 counts as one
	failed error
}

// Begin records from now on, until End. What exists already counts.
func Begin(ctx context.Context, client dynamic.Interface, namespace string) (*Chronicle, error) {
	c := &Chronicle{client: client, namespace: namespace, theirs: map[string]bool{}, left: map[string]bool{}}
	for _, resource := range resources {
		if err := c.follow(ctx, resource); err != nil {
			c.End()
			return nil, err
		}
	}
	return c, nil
}

func (c *Chronicle) follow(ctx context.Context, resource schema.GroupVersionResource) error {
	client := c.client.Resource(resource).Namespace(c.namespace)
	list, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing %s: %w", resource.Resource, err)
	}
	for i := range list.Items {
		c.add(resource.Resource, watch.Event{Type: watch.Added, Object: &list.Items[i]})
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return client.Watch(ctx, options)
		},
	}
	watcher, err := watchtools.NewRetryWatcherWithContext(context.WithoutCancel(ctx), list.GetResourceVersion(), source)
	if err != nil {
		return fmt.Errorf("watching %s: %w", resource.Resource, err)
	}
	c.watches = append(c.watches, watcher)
	c.group.Go(func() {
		for found := range watcher.ResultChan() {
			c.add(resource.Resource, found)
		}
	})
	return nil
}

func (c *Chronicle) add(resource string, found watch.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	object, ok := found.Object.(*unstructured.Unstructured)
	if !ok || found.Type == watch.Error {
		c.failed = fmt.Errorf("watching %s: %v", resource, found.Object)
		return
	}
	version, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		c.failed = fmt.Errorf("reading the resourceVersion of a version of %s: %w", resource, err)
		return
	}
	c.events = append(c.events, event{version: version, resource: resource, gone: found.Type == watch.Deleted, object: object})
}

// LeftOut says that a user has the others go on whatever becomes of a generation of a
// VMCluster.
func (c *Chronicle) LeftOut(cluster *unstructured.Unstructured) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left[edition(cluster)] = true
}

// AtOnce says how many zones of an owner may be out at a time: one unless it is said.
func (c *Chronicle) AtOnce(zones int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atOnce = zones
}

// Theirs says that a generation of a VMCluster was made by somebody else than
// the server under test.
func (c *Chronicle) Theirs(cluster *unstructured.Unstructured) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.theirs[edition(cluster)] = true
}

func edition(cluster *unstructured.Unstructured) string {
	return fmt.Sprintf("%s/%s@%d", cluster.GetName(), cluster.GetUID(), cluster.GetGeneration())
}

// CatchUp returns when everything that is in the namespace now has been recorded.
func (c *Chronicle) CatchUp(ctx context.Context) error {
	wanted := map[string]uint64{}
	for _, resource := range resources {
		list, err := c.client.Resource(resource).Namespace(c.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("listing %s: %w", resource.Resource, err)
		}
		for i := range list.Items {
			version, _ := strconv.ParseUint(list.Items[i].GetResourceVersion(), 10, 64)
			wanted[resource.Resource] = max(wanted[resource.Resource], version)
		}
	}
	return wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.failed != nil {
			return false, c.failed
		}
		seen := map[string]uint64{}
		for _, e := range c.events {
			seen[e.resource] = max(seen[e.resource], e.version)
		}
		for resource, version := range wanted {
			if seen[resource] < version {
				return false, nil
			}
		}
		return true, nil
	})
}

// End stops recording.
func (c *Chronicle) End() {
	for _, watcher := range c.watches {
		watcher.Stop()
	}
	c.group.Wait()
}

// ordered returns the events in the order in which they happened. All come from
// one etcd, so their versions tell.
func (c *Chronicle) ordered() []event {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := slices.Clone(c.events)
	slices.SortStableFunc(events, func(a, b event) int {
		switch {
		case a.version < b.version:
			return -1
		case a.version > b.version:
			return 1
		}
		return 0
	})
	return events
}
