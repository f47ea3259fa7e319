// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"io"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/test/between"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// heldWatches passes requests on, and what watches deliver too, except for
// resources that are held: what comes of those waits, in its order, until they
// are let go. Gets, lists and writes are never held.
type heldWatches struct {
	next http.RoundTripper

	mutex sync.Mutex
	held  map[string]chan struct{} // by resource, closed when it is let go
	kept  map[string]bool          // resources of which something waits, or has
}

// hold makes the watches of resources fall behind from now on.
func (h *heldWatches) hold(resources ...string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.held, h.kept = map[string]chan struct{}{}, map[string]bool{}
	for _, resource := range resources {
		h.held[resource] = make(chan struct{})
	}
}

// release delivers what was held, and all that comes after it.
func (h *heldWatches) release() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, gate := range h.held {
		close(gate)
	}
	h.held = nil
}

// untilKept waits for something to wait: who watches the resource is behind.
func (h *heldWatches) untilKept(t *testing.T, resource string) {
	t.Helper()
	poll(t, "an event of "+resource+" to be held back", func(context.Context) string {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		if !h.kept[resource] {
			return "there was none"
		}
		return ""
	})
}

// gate is nil for what is not held.
func (h *heldWatches) gate(resource string) <-chan struct{} {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	gate, held := h.held[resource]
	if held {
		h.kept[resource] = true
	}
	return gate
}

// RoundTrip implements http.RoundTripper.
func (h *heldWatches) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := h.next.RoundTrip(request)
	if err != nil || !slices.Contains([]string{"true", "1"}, request.URL.Query().Get("watch")) {
		return response, err
	}
	response.Body = &heldBody{ReadCloser: response.Body, request: request, watches: h}
	return response, nil
}

// heldBody is what a watch delivers.
type heldBody struct {
	io.ReadCloser
	request *http.Request
	watches *heldWatches
}

func (b *heldBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if gate := b.watches.gate(path.Base(b.request.URL.Path)); gate != nil {
		select {
		case <-gate:
		case <-b.request.Context().Done():
			return 0, b.request.Context().Err()
		}
	}
	return n, err
}

// asServer returns a client configuration of the server under test.
func asServer(t *testing.T) *rest.Config {
	t.Helper()
	config, err := shared.control.ConfigFor(controlplane.ServerUser,
		"system:serviceaccounts", "system:serviceaccounts:"+controlplane.ServerNamespace)
	must(t, err)
	return config
}

// serverBehind starts a server that reaches the host cluster through a proxy, by
// which its informers can be made to fall behind.
func serverBehind(t *testing.T, name string) (*controlplane.Server, *heldWatches) {
	t.Helper()
	flag, watches := proxied(t)
	return ownServer(t, name, flag), watches
}

// proxied returns the flag that makes a server use a proxy to the host cluster.
func proxied(t *testing.T) (flag string, watches *heldWatches) {
	t.Helper()
	watches = &heldWatches{}
	flag = proxiedBy(t, func(next http.RoundTripper) http.RoundTripper { watches.next = next; return watches })
	t.Cleanup(watches.release)
	return flag, watches
}

// proxiedBy returns the flag that makes a server use a proxy with a transport around
// that to the host cluster.
func proxiedBy(t *testing.T, around func(next http.RoundTripper) http.RoundTripper) (flag string) {
	t.Helper()
	proxy, err := between.New(asServer(t), around)
	must(t, err)
	t.Cleanup(proxy.Cut)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, proxy.WriteKubeconfig(path))
	return "--kubeconfig=" + path
}
