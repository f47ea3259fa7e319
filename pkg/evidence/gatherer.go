// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Gatherer finds pods by EndpointSlices and reads their metrics, one look after
// the other. What it reads of the API server no cache stands before.
type Gatherer struct {
	kubernetes kubernetes.Interface
	pages      *metricspage.Reader
	clock      clock.PassiveClock
	lists      lists
	attempts   attempts
	requests   requests
}

// New returns a gatherer for the cluster of client.
func New(client kubernetes.Interface, pages *metricspage.Reader, clock clock.PassiveClock) *Gatherer {
	return &Gatherer{kubernetes: client, pages: pages, clock: clock}
}

// Look is one look at the data plane. It is content at first with what was found
// out of pods a moment ago: who waits asks their metrics every second, and not
// the API server who they are. Nothing may be done on that; see [Look.Again]. It
// is not for several goroutines.
type Look struct {
	*Gatherer
	began time.Time
	// since is the moment of the oldest lists of pods that count.
	since time.Time
	// asked are the endpoints whose pods were asked for.
	asked []victoriametrics.MetricsEndpoint
	due   time.Time
}

// Look begins a look.
func (g *Gatherer) Look() *Look {
	now := g.clock.Now()
	return &Look{Gatherer: g, began: now, since: now.Add(-listed)}
}

// Again lets no list of pods count any more that was asked for before the look
// began, and asks at once, without waiting, for those that will be wanted.
func (l *Look) Again(ctx context.Context) {
	l.since, l.due = l.began, time.Time{}
	for _, endpoint := range l.asked {
		l.list(ctx, endpoint)
	}
}

// Due is when what is missing may be there though nothing was said of it, as far
// as that can be told; zero otherwise.
func (l *Look) Due() time.Time { return l.due }

// dueAt keeps the earliest moment.
func (l *Look) dueAt(moment time.Time) {
	if l.due.IsZero() || moment.Before(l.due) {
		l.due = moment
	}
}

// anyTime lets every page count that is fresh.
func anyTime(string) time.Time { return time.Time{} }

// Wait returns when no question is under way any more that a look has asked. Looks
// have to have come to their end.
func (g *Gatherer) Wait() { g.lists.asking.Wait() }

// page is what one pod says.
type page struct {
	pod  string
	page metricspage.Page
}

// replicas reads the page of every pod of an endpoint. missing says why that is
// not all of them, the pods included that the workloads want and that are not
// there. No page is of before since, which is asked with the name of a pod.
func (l *Look) replicas(ctx context.Context, endpoint victoriametrics.MetricsEndpoint, since func(pod string) time.Time) (pages []page, missing string) {
	if endpoint.Unknown != "" {
		return nil, endpoint.Unknown
	}
	listing := l.list(ctx, endpoint)
	targets, missing := listing.targets(endpoint)
	if missing == "" {
		pages, missing = l.read(ctx, endpoint, targets, since)
	}
	if missing != "" {
		l.lists.forget(listing) // who can't be asked may not be there any more
	}
	return pages, missing
}

func (l *Look) list(ctx context.Context, endpoint victoriametrics.MetricsEndpoint) *listing {
	l.asked = append(l.asked, endpoint)
	return l.lists.join(ctx, l.kubernetes, endpoint, l.since, l.clock.Now())
}

// read asks all pods at once. missing says why that is not all of them.
func (l *Look) read(ctx context.Context, endpoint victoriametrics.MetricsEndpoint, targets []victoriametrics.PodTarget, since func(pod string) time.Time) (pages []page, missing string) {
	read := make([]page, len(targets))
	failed := make([]error, len(targets))
	var group sync.WaitGroup
	for i, target := range targets {
		group.Go(func() {
			read[i].pod = target.Pod
			read[i].page, failed[i] = l.pages.ReadSince(ctx, metricspage.Target{
				URL: target.URL, AuthKey: endpoint.AuthKey, Username: endpoint.Username, Password: endpoint.Password,
			}, since(target.Pod))
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
