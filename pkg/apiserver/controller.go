// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
)

// addController ties the controller's life to that of the server: it starts when
// the API serves, and the server does not stop before it has.
func addController(server *genericapiserver.GenericAPIServer, controller Controller) error {
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan struct{}), make(chan struct{})

	err := server.AddPostStartHook("rollout-controller", func(hook genericapiserver.PostStartHookContext) error {
		ctx := klog.NewContext(ctx, klog.LoggerWithName(klog.FromContext(hook), "rollout-controller"))
		close(started)
		go func() {
			defer close(done)
			if err := controller.Run(ctx); err != nil {
				klog.FromContext(ctx).Error(err, "The rollout controller ended")
			}
		}()
		return nil
	})
	if err != nil {
		cancel()
		return fmt.Errorf("adding the hook that starts the controller: %w", err)
	}
	err = server.AddPreShutdownHook("rollout-controller", func() error {
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
		return fmt.Errorf("adding the hook that stops the controller: %w", err)
	}
	return nil
}
