// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package between stands between a server and what it talks to, so that a test can hold
// back, refuse or cut what passes there.
package between

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Proxy passes requests on to an API server as somebody, who needs no credentials for
// the proxy. A request that fails on the way has its connection cut.
type Proxy struct{ server *httptest.Server }

// New returns a proxy to the API server of config, with a transport around that to it.
func New(config *rest.Config, around func(next http.RoundTripper) http.RoundTripper) (*Proxy, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a transport to %s: %w", config.Host, err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("the address of an API server: %w", err)
	}
	return &Proxy{httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     around(transport),
		FlushInterval: -1, // an event has to be there at once
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})}, nil
}

// WriteKubeconfig writes a file by which a program reaches the proxy.
func (p *Proxy) WriteKubeconfig(path string) error {
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"proxy": {Server: p.server.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"proxy": {Cluster: "proxy"}},
		CurrentContext: "proxy",
	}, path)
}

// Cut ends all connections. The next ones are taken.
func (p *Proxy) Cut() { p.server.CloseClientConnections() }

// Close ends the proxy.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}
