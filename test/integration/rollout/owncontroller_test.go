// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/controller"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// controllerAlone is a controller that runs in the test, so that what it sees of
// VMDistributedClusters can be held back too: a server watches those in itself.
type controllerAlone struct {
	config *rest.Config
	own    *heldWatches
	host   *refusing
}

// ownController starts a controller on the objects of a server of its own, whose
// own controller waits for its caches for ever.
func ownController(t *testing.T, name string) *controllerAlone {
	t.Helper()
	return ownControllerBy(t, name, leader.Unopposed{})
}

// ownControllerBy starts one that writes by a mandate.
func ownControllerBy(t *testing.T, name string, mandate controller.Mandate) *controllerAlone {
	t.Helper()
	flag, blind := proxied(t)
	blind.hold("vmclusters")
	server := ownServer(t, name, flag)
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	blind.untilKept(t, "vmclusters")

	c := &controllerAlone{config: config, own: &heldWatches{}, host: &refusing{}}
	own, host := rest.CopyConfig(config), asServer(t)
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { c.own.next = next; return c.own })
	host.Wrap(func(next http.RoundTripper) http.RoundTripper { return c.host.before(next) })
	ctx, cancel := context.WithCancel(context.Background())
	objects, err := dynamic.NewForConfig(host)
	must(t, err)
	kinds, err := kubernetes.NewForConfig(host)
	must(t, err)
	known, err := inventory.New(objects, kinds)
	must(t, err)
	stop := halt.New(kinds, controlplane.ServerNamespace)
	rollouts, err := controller.New(own, host, known, stop, mandate, telemetry.New(clock.RealClock{}))
	must(t, err)
	var group errgroup.Group
	group.Go(func() error { return known.Run(ctx) })
	group.Go(func() error { return stop.Run(ctx) })
	group.Go(func() error { return rollouts.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		must(t, group.Wait())
	})
	return c
}

// refusing refuses writes to VMClusters while it is told to. What is only tried
// out passes.
type refusing struct {
	mutex   sync.Mutex
	refuses bool
	refused int
}

func (f *refusing) refuse(refuses bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.refuses = refuses
}

// tried is how many writes were refused.
func (f *refusing) tried() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.refused
}

func (f *refusing) hits(request *http.Request) bool {
	write := request.Method == http.MethodPatch && path.Base(path.Dir(request.URL.Path)) == "vmclusters" && !request.URL.Query().Has("dryRun")
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if !write || !f.refuses {
		return false
	}
	f.refused++
	return true
}

func (f *refusing) before(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if !f.hits(request) {
			return next.RoundTrip(request)
		}
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Request: request,
			Body: io.NopCloser(strings.NewReader("refused by the test")),
		}, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
