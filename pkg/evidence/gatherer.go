// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Gatherer finds pods by EndpointSlices and reads their metrics. What it reads of
// the API server no cache stands before.
type Gatherer struct {
	kubernetes kubernetes.Interface
	pages      *metricspage.Reader
	clock      clock.PassiveClock
	attempts   attempts
	requests   requests
}

// New returns a gatherer for the cluster of client.
func New(client kubernetes.Interface, pages *metricspage.Reader, clock clock.PassiveClock) *Gatherer {
	return &Gatherer{kubernetes: client, pages: pages, clock: clock}
}

// page is what one pod says.
type page struct {
	pod  string
	page metricspage.Page
}

// replicas reads the page of every pod of an endpoint. missing says why that is
// not all of them, the pods included that the workloads want and that are not
// there. No page is of before since.
func (g *Gatherer) replicas(ctx context.Context, endpoint victoriametrics.MetricsEndpoint, since time.Time) (pages []page, missing string) {
	if endpoint.Unknown != "" {
		return nil, endpoint.Unknown
	}
	targets, missing := g.targets(ctx, endpoint)
	if missing != "" {
		return nil, missing
	}
	read := make([]page, len(targets))
	failed := make([]error, len(targets))
	var group sync.WaitGroup
	for i, target := range targets {
		group.Go(func() {
			read[i].pod = target.Pod
			read[i].page, failed[i] = g.pages.ReadSince(ctx, metricspage.Target{
				URL: target.URL, AuthKey: endpoint.AuthKey, Username: endpoint.Username, Password: endpoint.Password,
			}, since)
		})
	}
	group.Wait()
	for i := range targets {
		switch {
		case failed[i] == nil:
			pages = append(pages, read[i])
		case missing == "":
			missing = fmt.Sprintf("pod %s of %s: %v", targets[i].Pod, endpoint.Of, failed[i])
		}
	}
	return pages, missing
}

// targets finds the pods. There have to be as many as the workloads want.
func (g *Gatherer) targets(ctx context.Context, endpoint victoriametrics.MetricsEndpoint) ([]victoriametrics.PodTarget, string) {
	var slices *discoveryv1.EndpointSliceList
	var err error
	var group sync.WaitGroup
	group.Go(func() {
		slices, err = g.kubernetes.DiscoveryV1().EndpointSlices(endpoint.Namespace).
			List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + endpoint.Service})
	})
	wanted, missing := g.wanted(ctx, endpoint)
	group.Wait()
	if missing != "" {
		return nil, missing
	}
	if err != nil {
		return nil, fmt.Sprintf("listing the EndpointSlices of Service %s/%s: %v", endpoint.Namespace, endpoint.Service, err)
	}
	targets, err := victoriametrics.TargetsOf(endpoint, slices.Items)
	if err != nil {
		return nil, err.Error()
	}
	if len(targets) < int(wanted) {
		return nil, fmt.Sprintf("%s wants %d replicas, and Service %s has %d", endpoint.Of, wanted, endpoint.Service, len(targets))
	}
	return targets, ""
}

// wanted asks for all kinds at once: a rollout waits for the answer.
func (g *Gatherer) wanted(ctx context.Context, endpoint victoriametrics.MetricsEndpoint) (int32, string) {
	options := metav1.ListOptions{LabelSelector: endpoint.WorkloadSelector}
	apps := g.kubernetes.AppsV1()
	var (
		sets        *appsv1.StatefulSetList
		deployments *appsv1.DeploymentList
		daemons     *appsv1.DaemonSetList
		errs        [3]error
		group       sync.WaitGroup
	)
	group.Go(func() { sets, errs[0] = apps.StatefulSets(endpoint.Namespace).List(ctx, options) })
	group.Go(func() { deployments, errs[1] = apps.Deployments(endpoint.Namespace).List(ctx, options) })
	group.Go(func() { daemons, errs[2] = apps.DaemonSets(endpoint.Namespace).List(ctx, options) })
	group.Wait()
	for i, what := range []string{"StatefulSets", "Deployments", "DaemonSets"} {
		if errs[i] != nil {
			return 0, fmt.Sprintf("listing the %s of %s: %v", what, endpoint.Of, errs[i])
		}
	}
	return victoriametrics.ReplicasWanted(endpoint, sets.Items, deployments.Items, daemons.Items)
}
