// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// newProxied returns a proxy, and a client that uses it and trusts a server.
func newProxied(t *testing.T, server *httptest.Server) (*Proxy, *http.Client) {
	t.Helper()
	p, err := startProxy(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	address, err := url.Parse(p.URL())
	must(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(address), DisableKeepAlives: true}
	if trusting, ok := server.Client().Transport.(*http.Transport); ok && trusting.TLSClientConfig != nil {
		transport.TLSClientConfig = trusting.TLSClientConfig.Clone()
		transport.TLSClientConfig.ServerName = "example.com" // what httptest's certificate says
	}
	return p, &http.Client{Transport: transport}
}

func TestProxyLeadsWhereItsRoutesDo(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.URL.Path)) })
	for scheme, newServer := range map[string]func(http.Handler) *httptest.Server{
		"http": httptest.NewServer, "https": httptest.NewTLSServer,
	} {
		server := newServer(handler)
		defer server.Close()
		p, client := newProxied(t, server)
		target := strings.TrimPrefix(server.URL, scheme+"://")
		ask := func(host string) error {
			page, err := pageOf(t, client, scheme+"://"+host+"/metrics")
			if err == nil && page != "/metrics" {
				t.Errorf("%s at %s answers %q", scheme, host, page)
			}
			return err
		}
		if ask("192.0.2.1:8429") == nil {
			t.Errorf("%s: an address without a route answers", scheme)
		}
		p.set("192.0.2.1:8429", []string{target})
		if err := ask("192.0.2.1:8429"); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if ask("192.0.2.1:8428") == nil {
			t.Errorf("%s: another port answers", scheme)
		}
		p.set("192.0.2.1:8429", nil)
		if ask("192.0.2.1:8429") == nil {
			t.Errorf("%s: a closed route answers", scheme)
		}
		p.set("192.0.2.1:8429", []string{"127.0.0.1:1"})
		if ask("192.0.2.1:8429") == nil {
			t.Errorf("%s: a route to nobody answers", scheme)
		}
	}
}

func TestProxyKeepsLoopbackDirect(t *testing.T) {
	env := strings.Join((&Proxy{address: "127.0.0.1:9"}).Env(), " ")
	for _, want := range []string{"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1"} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is not in %s", want, env)
		}
	}
}
