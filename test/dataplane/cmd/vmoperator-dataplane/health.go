// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// readyPath answers 200. Before the data plane is ready, nothing listens.
const readyPath = "/ready"

// shutdownTime bounds the wait for requests that are being answered at the end.
const shutdownTime = 2 * time.Second

// serveHealth answers readyPath on an address until the context ends.
func serveHealth(ctx context.Context, address string) error {
	// An end that comes before the beginning is no error.
	listener, err := (&net.ListenConfig{}).Listen(context.WithoutCancel(ctx), "tcp", address)
	if err != nil {
		return fmt.Errorf("listening for --health-address %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: shutdownTime}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		stopped <- server.Shutdown(within)
	})
	err = server.Serve(listener)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving %s: %w", address, err)
	}
	return <-stopped
}
