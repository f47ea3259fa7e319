// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"sync"

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
// there.
func (g *Gatherer) replicas(ctx context.Context, endpoint victoriametrics.MetricsEndpoint) (pages []page, missing string) {
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
			read[i].page, failed[i] = g.pages.Read(ctx, metricspage.Target{
				URL: target.URL, AuthKey: endpoint.AuthKey, Username: endpoint.Username, Password: endpoint.Password,
			})
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
	wanted, missing := g.wanted(ctx, endpoint)
	if missing != "" {
		return nil, missing
	}
	slices, err := g.kubernetes.DiscoveryV1().EndpointSlices(endpoint.Namespace).
		List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + endpoint.Service})
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

func (g *Gatherer) wanted(ctx context.Context, endpoint victoriametrics.MetricsEndpoint) (int32, string) {
	options := metav1.ListOptions{LabelSelector: endpoint.WorkloadSelector}
	apps := g.kubernetes.AppsV1()
	failed := func(what string, err error) (int32, string) {
		return 0, fmt.Sprintf("listing the %s of %s: %v", what, endpoint.Of, err)
	}
	sets, err := apps.StatefulSets(endpoint.Namespace).List(ctx, options)
	if err != nil {
		return failed("StatefulSets", err)
	}
	deployments, err := apps.Deployments(endpoint.Namespace).List(ctx, options)
	if err != nil {
		return failed("Deployments", err)
	}
	daemons, err := apps.DaemonSets(endpoint.Namespace).List(ctx, options)
	if err != nil {
		return failed("DaemonSets", err)
	}
	return victoriametrics.ReplicasWanted(endpoint, sets.Items, deployments.Items, daemons.Items)
}
