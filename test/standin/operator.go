// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// workers is how many objects are looked at at a time.
const workers = 4

// Operator is a stand-in for the VictoriaMetrics operator.
type Operator struct {
	config  *rest.Config
	options Options
	client  dynamic.Interface
	memory  *memory
	ready   chan struct{}
	nudges  chan struct{}
	started atomic.Bool
}

// New prepares a stand-in that works on one API server. It starts nothing.
func New(config *rest.Config, options Options) (*Operator, error) {
	config = rest.CopyConfig(config)
	if config.QPS == 0 {
		// The client's own limit would only slow tests down.
		config.QPS = -1
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", config.Host, err)
	}
	return &Operator{
		config: config, options: options, client: client, memory: newMemory(),
		ready: make(chan struct{}), nudges: make(chan struct{}, 1),
	}, nil
}

// Run makes a stand-in and runs it until the context ends.
func Run(ctx context.Context, config *rest.Config, options Options) error {
	operator, err := New(config, options)
	if err != nil {
		return err
	}
	return operator.Run(ctx)
}

// Ready is closed when the stand-in has seen all objects there are and begins
// to act upon them.
func (o *Operator) Ready() <-chan struct{} { return o.ready }

// Reconsider makes the stand-in look at every object again. It needs no call
// when an object changes, only when Options.Behaviour answers otherwise.
func (o *Operator) Reconsider() {
	select {
	case o.nudges <- struct{}{}:
	default: // One that is under way has not begun to look yet.
	}
}

// Run works until the context ends, and returns nil then, after everything that
// it started has ended. It fails at once if the operator's kinds are not served.
// An Operator runs once.
func (o *Operator) Run(ctx context.Context) error {
	if !o.started.CompareAndSwap(false, true) {
		return errors.New("running the stand-in: it ran before: make another one with New")
	}
	if err := preflight(o.config); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[key]())
	watches := newWatches(o.client)
	var group sync.WaitGroup
	defer func() {
		cancel()
		queue.ShutDown()
		group.Wait()
		watches.wait()
	}()
	if err := watches.notify(func(k key) { queue.Add(k) }); err != nil {
		return err
	}
	if !watches.run(ctx) {
		return nil
	}
	r := &reconciler{client: o.client, options: o.options, memory: o.memory, watches: watches}
	for range workers {
		group.Go(func() { work(ctx, queue, r.reconcile) })
	}
	close(o.ready)
	o.listen(ctx, watches, queue)
	return nil
}

// listen enqueues everything at each nudge, until the context ends.
func (o *Operator) listen(ctx context.Context, watches *watches, queue workqueue.TypedRateLimitingInterface[key]) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.nudges:
			for _, resource := range operatorResources() {
				watches.enqueueAll(resource, func(k key) { queue.Add(k) })
			}
		}
	}
}

// work takes keys from the queue until that is shut down.
func work(ctx context.Context, queue workqueue.TypedRateLimitingInterface[key], reconcile reconcileFunc) {
	for {
		k, shutdown := queue.Get()
		if shutdown {
			return
		}
		after, err := reconcile(ctx, k)
		switch {
		case err == nil:
			queue.Forget(k)
			if after > 0 {
				queue.AddAfter(k, after)
			}
		case ctx.Err() == nil:
			klog.FromContext(ctx).Error(err, "The stand-in could not do its work, and tries again", "object", k.String())
			queue.AddRateLimited(k)
		}
		queue.Done(k)
	}
}
