// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/pages"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
)

// What is counted. The stand-in for the operator makes none of these requests.
const (
	Clusters = "writes of VMClusters"
	Status   = "writes of our status"
	History  = "writes of revisions"
	DryRuns  = "dry runs of writes"
	Events   = "writes of Events"
	Reads    = "reads"
)

// Kinds are all that is counted.
func Kinds() []string { return []string{Clusters, Status, History, DryRuns, Events, Reads} }

// Counts are how many requests there were of each kind.
type Counts map[string]float64

// Since is what came after an earlier count.
func (c Counts) Since(earlier Counts) Counts {
	since := Counts{}
	for kind, n := range c {
		since[kind] = n - earlier[kind]
	}
	return since
}

// Writes are those that change something, Events left out.
func (c Counts) Writes() float64 { return c[Clusters] + c[Status] + c[History] }

// Count counts what there was since the servers started.
func Count(ctx context.Context, s *site.Site) (Counts, error) {
	cluster, err := pages.Read(ctx, s.Peer)
	if err != nil {
		return nil, err
	}
	own, err := pages.Read(ctx, s.Direct)
	if err != nil {
		return nil, err
	}
	return Counts{
		// The stand-in replaces VMClusters, and never patches.
		Clusters: requests(cluster, "vmclusters", "", "", "APPLY", "PATCH", "POST", "DELETE"),
		DryRuns:  requests(cluster, "vmclusters", "", "All", "APPLY", "PATCH", "POST", "PUT"),
		History:  requests(cluster, "controllerrevisions", "", "", "APPLY", "PATCH", "POST", "PUT", "DELETE"),
		Events:   requests(cluster, "events", "", "", "PATCH", "POST"),
		Status:   requests(own, site.Plural, "status", "", "APPLY", "PATCH", "PUT"),
		Reads:    Own(own)["GET"],
	}, nil
}

func requests(page pages.Page, resource, subresource, dryRun string, verbs ...string) float64 {
	return page.Sum("apiserver_request_total", func(labels map[string]string) bool {
		return labels["resource"] == resource && labels["subresource"] == subresource && labels["dry_run"] == dryRun && slices.Contains(verbs, labels["verb"])
	})
}

// Own counts by method what the server has asked of others and of itself.
func Own(page pages.Page) map[string]float64 {
	methods := map[string]float64{}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		methods[method] = page.Sum("rest_client_requests_total", func(labels map[string]string) bool { return labels["method"] == method })
	}
	return methods
}

// UntilIdle returns when the controller has looked at all objects and makes no more passes.
func UntilIdle(ctx context.Context, s *site.Site, objects int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := -1.
	err := wait.PollUntilContextCancel(ctx, 2*time.Second, true, func(ctx context.Context) (bool, error) {
		page, err := pages.Read(ctx, s.Direct)
		if err != nil {
			return false, err
		}
		passes := page.Sum("workqueue_work_duration_seconds", func(labels map[string]string) bool { return labels["name"] == site.Plural })
		idle := passes >= float64(objects) && passes == last
		last = passes
		return idle, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the controller goes on after %s: %v passes over %d objects", patience, last, objects)
	}
	return err
}
