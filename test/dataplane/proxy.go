// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

// Proxy is an HTTP forward proxy that leads the addresses of pods and the names
// of Services to where their processes listen. Nothing else passes it. Where
// nothing listens, the connection is closed without an answer, which is as near
// as a proxy gets to a refused one.
type Proxy struct {
	server   *http.Server
	address  string
	serving  sync.WaitGroup
	forward  *httputil.ReverseProxy
	tunnels  sync.WaitGroup
	shutdown chan struct{}

	mu     sync.Mutex
	routes map[string][]string
}

func startProxy(ctx context.Context, address string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", address)
	if err != nil {
		return nil, err
	}
	p := &Proxy{address: listener.Addr().String(), routes: map[string][]string{}, shutdown: make(chan struct{})}
	p.forward = passing(p.direct)
	p.server = serverOf(p)
	p.serving.Go(func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			klog.FromContext(ctx).Error(err, "The proxy ended")
		}
	})
	return p, nil
}

// URL is the address of the proxy, as a client's configuration wants it.
func (p *Proxy) URL() string { return "http://" + p.address }

// Env is what makes a Go program use the proxy for everything but loopback.
func (p *Proxy) Env() []string { return spawn.ProxyEnv(p.URL()) }

// set leads host:port to the given addresses, one at random for each request;
// none closes the route.
func (p *Proxy) set(hostPort string, targets []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(targets) == 0 {
		delete(p.routes, hostPort)
		return
	}
	p.routes[hostPort] = targets
}

// target returns where a host and port lead.
func (p *Proxy) target(hostPort string) (string, bool) {
	if _, _, err := net.SplitHostPort(hostPort); err != nil {
		hostPort = net.JoinHostPort(hostPort, "80")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	targets := p.routes[hostPort]
	if len(targets) == 0 {
		return "", false
	}
	return targets[rand.IntN(len(targets))], true
}

func (p *Proxy) direct(out *http.Request) bool {
	target, ok := p.target(out.URL.Host)
	out.URL.Host = target
	return ok
}

// ServeHTTP passes on one request, or opens one tunnel.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.tunnel(w, r)
		return
	}
	p.forward.ServeHTTP(w, r)
}

// tunnel joins a client that speaks TLS with what its address leads to.
func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	target, ok := p.target(r.Host)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	var dialer net.Dialer
	far, err := dialer.DialContext(r.Context(), "tcp4", target)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		panic(http.ErrAbortHandler)
	}
	p.tunnels.Go(func() { p.join(near, far) })
}

// join copies in both directions until one of them or the proxy ends.
func (p *Proxy) join(near, far net.Conn) {
	done := make(chan struct{}, 2)
	var copies sync.WaitGroup
	copies.Go(func() { _, _ = io.Copy(far, near); done <- struct{}{} })
	copies.Go(func() {
		if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err == nil {
			_, _ = io.Copy(near, far)
		}
		done <- struct{}{}
	})
	select {
	case <-done:
	case <-p.shutdown:
	}
	_, _ = near.Close(), far.Close()
	copies.Wait()
}

func (p *Proxy) stop() error {
	close(p.shutdown)
	err := p.server.Close()
	p.serving.Wait()
	p.tunnels.Wait()
	return err
}

// passing returns a handler that passes requests on to where direct leads them
// by changing their URL, and closes the connection where that fails.
func passing(direct func(out *http.Request) bool) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			if !direct(r.Out) {
				// An address without a host makes the transport fail.
				r.Out.URL = &url.URL{Scheme: "http"}
			}
		},
		// No proxy: what is led to is on this machine.
		Transport:    &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}
