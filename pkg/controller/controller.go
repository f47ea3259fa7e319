// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controller brings VMClusters to what VMDistributedClusters ask for. It
// observes, lets package rollout decide, and carries the decision out: one
// action per pass, written down in status before it is taken.
package controller

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	externalversions "github.com/vmdistributed/vmdistributed-apiserver/generated/informers/externalversions"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/evidence"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

const (
	// workers is how many objects are worked on at the same time.
	workers = 4
	// hostQPS bounds what all objects together ask of the host cluster.
	hostQPS, hostBurst = 100, 200
	// ownLag is for how long the event of a write of ours may be on its way. Until
	// then a pass goes by what was written.
	ownLag = 500 * time.Millisecond
	// minBackoff and maxBackoff are how soon a pass that failed is made again: a zone
	// whose restoration a webhook has refused is not to wait long once that is back.
	minBackoff, maxBackoff = 5 * time.Millisecond, 30 * time.Second
	// leadingRetry is when a pass is made again that was not sure to be the leader's. The
	// Lease is renewed meanwhile, or lost.
	leadingRetry = time.Second
)

// Mandate is what the controller writes by: one of several processes may.
type Mandate interface {
	// Term is the one in which this process leads; an error where it does not.
	Term() (leader.Term, error)
	// Outrank makes the next term one that comes after another, which was found in an
	// object.
	Outrank(found leader.Term)
	// Fence lets no write pass while this process does not lead.
	Fence(next http.RoundTripper) http.RoundTripper
}

var _ Mandate = &leader.Elector{}

// Controller rolls changes out, and reports on zones.
type Controller struct {
	mandate    Mandate
	own        versioned.Interface
	kubernetes kubernetes.Interface
	writer     writer
	live       live
	inventory  *inventory.Inventory
	halt       *halt.Switch
	history    *history.History
	pages      *metricspage.Reader
	telemetry  *telemetry.Telemetry
	// dry tries writes out for reports, which whoever does not lead makes too.
	dry writer
	// reports gathers for requests, which may outlive Run.
	reports *evidence.Gatherer
	tracer  trace.Tracer
	clock   clock.Clock
}

// shift is the controller for as long as it leads. Nothing of it is left when that is
// over.
type shift struct {
	*Controller
	trials   *trials
	evidence *evidence.Gatherer
	factory  externalversions.SharedInformerFactory
	objects  cache.SharedIndexInformer
	pace     pace
	kept     historian
	// complaints are failures that were told.
	complaints complaints
	// latest knows for a moment what we have written ourselves before its event has
	// come.
	latest    cache.MutationCache
	queue     workqueue.TypedRateLimitingInterface[cache.ObjectName]
	recorder  record.EventRecorder
	broadcast record.EventBroadcaster
	// unwatch ends the calls of what outlives the shift.
	unwatch []func()
}

// New returns a controller that reads and writes VMDistributedClusters at own, and
// everything else in the cluster of host, of which the inventory knows what there is,
// and the switch whether anything may be written to it. It writes by its mandate, tells
// of that by telemetry, and does nothing but report before Run.
func New(own, host *rest.Config, known *inventory.Inventory, stop *halt.Switch, mandate Mandate, told *telemetry.Telemetry) (*Controller, error) {
	own, host = rest.CopyConfig(own), rest.CopyConfig(host)
	host.QPS, host.Burst = hostQPS, hostBurst
	rest.AddUserAgent(host, victoriametrics.FieldManager)
	unfenced, err := dynamic.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for the operator's kinds: %w", err)
	}
	own.Wrap(mandate.Fence)
	host.Wrap(mandate.Fence)
	client, err := kubernetes.NewForConfig(compact(host))
	if err != nil {
		return nil, fmt.Errorf("making a client for the host cluster: %w", err)
	}
	objects, err := dynamic.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for the operator's kinds: %w", err)
	}
	ours, err := versioned.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making the client for our own API: %w", err)
	}
	pages := metricspage.New(metricspage.Options{})
	revisions := history.New(client.AppsV1())
	return &Controller{
		mandate:    mandate,
		own:        ours,
		kubernetes: client,
		writer:     writer{objects: objects},
		dry:        writer{objects: unfenced},
		live:       live{objects: objects, kubernetes: client, known: known, halt: stop, history: revisions},
		inventory:  known,
		halt:       stop,
		history:    revisions,
		pages:      pages,
		telemetry:  told,
		reports:    evidence.New(client, metricspage.New(metricspage.Options{}), clock.RealClock{}),
		tracer:     noTracer(),
		clock:      clock.RealClock{},
	}, nil
}

// begin makes a shift, which watches nothing yet.
func (c *Controller) begin(ctx context.Context) *shift {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	broadcast := record.NewBroadcaster(record.WithContext(ctx), record.WithCorrelatorOptions(storyOptions()))
	s := &shift{
		Controller: c,
		trials:     newTrials(c.writer, c.clock),
		evidence:   evidence.New(c.kubernetes, c.pages, c.clock),
		factory:    externalversions.NewSharedInformerFactory(c.own, 0),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](minBackoff, maxBackoff),
			workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{Name: vmdistributed.Resource}),
		broadcast: broadcast,
		recorder:  broadcast.NewRecorder(scheme, corev1.EventSource{Component: victoriametrics.FieldManager}),
	}
	s.objects = s.factory.Operator().V1alpha1().VMDistributedClusters().Informer()
	s.latest = cache.NewIntegerResourceVersionMutationCache(klog.FromContext(ctx), s.objects.GetStore(), nil, ownLag, false)
	return s
}

// compact asks for the encoding that costs both sides least. The operator's kinds
// have JSON only.
func compact(host *rest.Config) *rest.Config {
	config := rest.CopyConfig(host)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

// Run works until ctx ends, and returns when everything that it started has. It may be
// called again.
func (c *Controller) Run(ctx context.Context) error { return c.begin(ctx).run(ctx) }

func (c *shift) run(ctx context.Context) error {
	logger := klog.FromContext(ctx)
	c.broadcast.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.kubernetes.CoreV1().Events("")})
	defer c.broadcast.Shutdown()
	defer c.queue.ShutDown()

	defer c.leave()
	if err := c.watch(); err != nil {
		return err
	}
	watching, unwatch := context.WithCancel(ctx)
	c.factory.StartWithContext(watching)
	defer c.factory.Shutdown()
	defer unwatch() // a panic must end the process, not wait for what goes on

	logger.Info("Waiting for the caches of VMDistributedClusters and of the operator's kinds")
	if !cache.WaitForCacheSync(ctx.Done(), c.objects.HasSynced, c.inventory.HasSynced) {
		return nil // it ends before they were filled
	}
	logger.Info("Rolling out", "workers", workers)
	defer c.telemetry.Attend(c)()

	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for c.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	c.queue.ShutDown()
	group.Wait()
	c.evidence.Wait()
	return nil
}

// leave ends all calls to the shift.
func (c *shift) leave() {
	for _, unwatch := range c.unwatch {
		unwatch()
	}
}

// next works on one object. It returns false once the queue has been shut down.
func (c *shift) next(ctx context.Context) bool {
	key, quit := c.queue.Get()
	if quit {
		return false
	}
	defer c.queue.Done(key)

	logger := klog.LoggerWithValues(klog.FromContext(ctx), objectKey, key)
	passing, span := c.trace(klog.NewContext(ctx, logger), key)
	wake, err := c.reconcile(passing, key)
	traceEnd(span, err)
	logger = about(logger, err)
	switch {
	case ctx.Err() != nil:
	case leader.IsNotLeading(err):
		logger.Info("Left to whoever leads", "err", err)
		c.queue.AddAfter(key, leadingRetry)
	case isRace(err):
		logger.V(4).Info("Somebody else was faster; looking again", "err", err)
		c.queue.AddRateLimited(key)
	case err != nil:
		logger.Error(err, "Pass failed; trying again")
		c.queue.AddRateLimited(key)
	default:
		c.queue.Forget(key)
		if !wake.IsZero() {
			c.queue.AddAfter(key, max(wake.Sub(c.clock.Now()), 0))
		}
	}
	return true
}
