// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

const (
	// loopback is the only address that anything here listens on.
	loopback = "127.0.0.1"
	// finishing is how long the requests of a front may take to be answered when
	// it closes: victoria-metrics itself takes 7 seconds at most.
	finishing = 8 * time.Second
	// headerPatience bounds how long a client may take to ask.
	headerPatience = 10 * time.Second
)

func serverOf(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: headerPatience}
}

// front plays one component of a zone before the zone's process. It listens on
// a port of its own while it is open, and refuses connections otherwise.
type front struct {
	address string
	handler http.Handler

	mu      sync.Mutex
	server  *http.Server
	serving sync.WaitGroup
}

// clusterPaths are the paths that the components of a cluster add to those of
// the single node, by the prefix that names the component. See "URL format" in
// the documentation of the cluster version.
var clusterPaths = regexp.MustCompile(`^/(?:select|insert)/[^/]+/prometheus(/.*)$`)

// newFront makes a front on a port, before a process on another one.
func newFront(port, process int) *front {
	target := localAddress(process)
	return &front{
		address: localAddress(port),
		handler: passing(func(out *http.Request) bool {
			out.URL.Host = target
			if m := clusterPaths.FindStringSubmatch(out.URL.Path); m != nil {
				out.URL.Path, out.URL.RawPath = m[1], ""
			}
			return true
		}),
	}
}

func localAddress(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// open makes the front listen.
func (f *front) open(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", f.address)
	if err != nil {
		return fmt.Errorf("opening a front: %w", err)
	}
	server := serverOf(f.handler)
	f.server = server
	f.serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			klog.FromContext(ctx).Error(err, "A front ended", "address", f.address)
		}
	})
	return nil
}

// close makes the front refuse connections at once and returns when it has
// answered the requests that it had.
func (f *front) close() {
	f.mu.Lock()
	server := f.server
	f.server = nil
	f.mu.Unlock()
	if server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishing)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close()
	}
	f.serving.Wait()
}
