// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net/http"

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

// addWorker ties a worker's life to that of the server: it starts when the API
// serves, and the server does not stop before it has.
func addWorker(server *genericapiserver.GenericAPIServer, worker Worker) error {
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan struct{}), make(chan struct{})

	err := server.AddPostStartHook(worker.Name, func(hook genericapiserver.PostStartHookContext) error {
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
	if err != nil {
		cancel()
		return fmt.Errorf("adding the hook that starts %s: %w", worker.Name, err)
	}
	err = server.AddPreShutdownHook(worker.Name, func() error {
		cancel()
		select {
		case <-started:
			<-done
		default: // the server stops before it ever served
		}
		return nil
	})
	if err != nil {
		cancel()
		return fmt.Errorf("adding the hook that stops %s: %w", worker.Name, err)
	}
	return nil
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
