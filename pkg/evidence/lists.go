// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// listed is for how long a look may begin with the pods that another one found. A
// pod that came since is missed for no longer, and one that went is noticed by its
// page.
const listed = 5 * time.Second

// lists are what the API server said of pods, by whose they are. Listing once
// more within 100 ms is worse than to do without: what the API server answers from
// its own cache it first brings up to date, and asks etcd about that ten times
// per second at most (progressRequestPeriod, pkg/storage/cacher/progress of
// k8s.io/apiserver).
type lists struct {
	asking sync.WaitGroup
	mutex  sync.Mutex
	of     map[pods]*listing
}

// pods are those of an endpoint.
type pods struct{ namespace, service, workloads string }

// listing is what one time of asking came to.
type listing struct {
	of    pods
	began time.Time
	// The following are set before done is closed.
	done         chan struct{}
	slices       []discoveryv1.EndpointSlice
	statefulSets []appsv1.StatefulSet
	deployments  []appsv1.Deployment
	daemonSets   []appsv1.DaemonSet
	missing      string
}

// join returns a listing that was begun since a moment, or begins one now.
func (l *lists) join(ctx context.Context, client kubernetes.Interface, endpoint victoriametrics.MetricsEndpoint, since, now time.Time) *listing {
	of := pods{endpoint.Namespace, endpoint.Service, endpoint.WorkloadSelector}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if known := l.of[of]; known != nil && !known.began.Before(since) {
		return known
	}
	if l.of == nil {
		l.of = map[pods]*listing{}
	}
	maps.DeleteFunc(l.of, func(_ pods, old *listing) bool { return now.Sub(old.began) > listed })
	begun := &listing{of: of, began: now, done: make(chan struct{})}
	l.of[of] = begun
	l.asking.Go(func() {
		defer close(begun.done)
		begun.ask(ctx, client, endpoint)
	})
	return begun
}

// forget drops a listing: the next one who asks begins another.
func (l *lists) forget(old *listing) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.of[old.of] == old {
		delete(l.of, old.of)
	}
}

// ask lists all kinds at once: a rollout waits for the answer.
func (l *listing) ask(ctx context.Context, client kubernetes.Interface, endpoint victoriametrics.MetricsEndpoint) {
	ofService := metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + endpoint.Service}
	ofWorkload := metav1.ListOptions{LabelSelector: endpoint.WorkloadSelector}
	apps := client.AppsV1()
	kinds := []struct {
		kind string
		list func() error
	}{
		{"EndpointSlice", func() error {
			list, err := client.DiscoveryV1().EndpointSlices(endpoint.Namespace).List(ctx, ofService)
			if err == nil {
				l.slices = list.Items
			}
			return err
		}},
		{"StatefulSet", func() error {
			list, err := apps.StatefulSets(endpoint.Namespace).List(ctx, ofWorkload)
			if err == nil {
				l.statefulSets = list.Items
			}
			return err
		}},
		{"Deployment", func() error {
			list, err := apps.Deployments(endpoint.Namespace).List(ctx, ofWorkload)
			if err == nil {
				l.deployments = list.Items
			}
			return err
		}},
		{"DaemonSet", func() error {
			list, err := apps.DaemonSets(endpoint.Namespace).List(ctx, ofWorkload)
			if err == nil {
				l.daemonSets = list.Items
			}
			return err
		}},
	}
	errs := make([]error, len(kinds))
	var group sync.WaitGroup
	for i, of := range kinds {
		if i == 0 || endpoint.MayHave(of.kind) {
			group.Go(func() { errs[i] = of.list() })
		}
	}
	group.Wait()
	for i, of := range kinds {
		if errs[i] != nil {
			l.missing = fmt.Sprintf("listing the %ss of %s: %v", of.kind, endpoint.Of, errs[i])
			return
		}
	}
}

// targets waits for the pods. There have to be as many as the workloads want.
func (l *listing) targets(endpoint victoriametrics.MetricsEndpoint) ([]victoriametrics.PodTarget, string) {
	<-l.done
	if l.missing != "" {
		return nil, l.missing
	}
	wanted, missing := victoriametrics.ReplicasWanted(endpoint, l.statefulSets, l.deployments, l.daemonSets)
	if missing != "" {
		return nil, missing
	}
	targets, err := victoriametrics.TargetsOf(endpoint, l.slices)
	if err != nil {
		return nil, err.Error()
	}
	if len(targets) < int(wanted) {
		return nil, fmt.Sprintf("%s wants %d replicas, and Service %s has %d", endpoint.Of, wanted, endpoint.Service, len(targets))
	}
	return targets, ""
}
