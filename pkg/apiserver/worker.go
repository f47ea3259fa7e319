// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/klog/v2"
)

// Worker is what runs beside the API, in the same process.
type Worker struct {
	// Name is that of its hooks and of its log.
	Name string
	// Run works until ctx ends, and returns when all of its work has stopped.
	Run func(ctx context.Context) error
}

// hooked is where work begins and ends with a server.
type hooked interface {
	AddPostStartHook(name string, hook genericapiserver.PostStartHookFunc) error
	AddPreShutdownHook(name string, hook genericapiserver.PreShutdownHookFunc) error
}

// addWorkers ties the lives of workers to that of the server: they start when the API
// serves, and the server does not stop before they have. They end one after the other, the
// last of them first, so that each has what those before it know for as long as it works.
func addWorkers(server hooked, workers []Worker) error {
	var stops []func()
	for _, worker := range workers {
		stop, err := start(server, worker)
		stops = append(stops, stop)
		if err != nil {
			stopAll(stops)
			return fmt.Errorf("adding the hook that starts %s: %w", worker.Name, err)
		}
	}
	err := server.AddPreShutdownHook("workers", func() error {
		stopAll(stops)
		return nil
	})
	if err != nil {
		stopAll(stops)
		return fmt.Errorf("adding the hook that stops what runs beside the API: %w", err)
	}
	return nil
}

func stopAll(stops []func()) {
	for _, stop := range slices.Backward(stops) {
		stop()
	}
}

// start has a worker start with the server. Stop returns when it has ended.
func start(server hooked, worker Worker) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan struct{}), make(chan struct{})
	err = server.AddPostStartHook(worker.Name, func(hook genericapiserver.PostStartHookContext) error {
		ctx := klog.NewContext(ctx, klog.LoggerWithName(klog.FromContext(hook), worker.Name))
		close(started)
		go func() {
			defer close(done)
			if err := worker.Run(ctx); err != nil {
				klog.FromContext(ctx).Error(err, "The worker ended")
			}
		}()
		return nil
	})
	return func() {
		cancel()
		select {
		case <-started:
			<-done
		default: // the server stops before it ever served
		}
	}, err
}

// Synced is ready once what it is told about has been read for the first time.
func Synced(name string, synced func() bool) healthz.HealthChecker {
	return healthz.NamedCheck(name, func(*http.Request) error {
		if !synced() {
			return fmt.Errorf("%s has not been read yet", name)
		}
		return nil
	})
}
