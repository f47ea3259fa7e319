// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

// newFronted returns a front before a server that answers with the path it was
// asked for.
func newFronted(t *testing.T) (*front, *httptest.Server) {
	t.Helper()
	process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.RequestURI()))
	}))
	t.Cleanup(process.Close)
	at, err := url.Parse(process.URL)
	must(t, err)
	behind, err := strconv.Atoi(at.Port())
	must(t, err)
	port, err := spawn.FreePort(nil)
	must(t, err)
	f := newFront(port, behind)
	t.Cleanup(f.close)
	return f, process
}

func TestFrontTakesThePathsOfACluster(t *testing.T) {
	t.Parallel()
	f, _ := newFronted(t)
	must(t, f.open(t.Context()))
	for asked, want := range map[string]string{
		"/select/0/prometheus/api/v1/query?query=up":    "/api/v1/query?query=up",
		"/select/7:1/prometheus/api/v1/export?a=1&b=2":  "/api/v1/export?a=1&b=2",
		"/insert/multitenant/prometheus/api/v1/write":   "/api/v1/write",
		"/insert/0/prometheus/api/v1/import/prometheus": "/api/v1/import/prometheus",
		"/metrics": "/metrics",
		"/health":  "/health",
	} {
		got, err := pageOf(t, http.DefaultClient, "http://"+f.address+asked)
		if err != nil || got != want {
			t.Errorf("%s becomes %s, %v; want %s", asked, got, err, want)
		}
	}
}

func TestFrontRefusesConnectionsWhileItIsClosed(t *testing.T) {
	t.Parallel()
	f, process := newFronted(t)
	address := "http://" + f.address + "/health"
	for range 2 {
		if _, err := pageOf(t, http.DefaultClient, address); err == nil {
			t.Error("a closed front answers")
		}
		must(t, f.open(t.Context()))
		must(t, f.open(t.Context()))
		if _, err := pageOf(t, http.DefaultClient, address); err != nil {
			t.Error(err)
		}
		f.close()
		f.close()
	}
	must(t, f.open(t.Context()))
	process.Close()
	if page, err := pageOf(t, http.DefaultClient, address); err == nil {
		t.Errorf("a front without a process answers %q", page)
	}
}

func TestFrontFinishesTheRequestsThatItHas(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusOK)
	}))
	defer process.Close()
	at, err := url.Parse(process.URL)
	must(t, err)
	behind, err := strconv.Atoi(at.Port())
	must(t, err)
	port, err := spawn.FreePort(nil)
	must(t, err)
	f := newFront(port, behind)
	must(t, f.open(t.Context()))
	result := make(chan error, 1)
	go func() {
		_, err := pageOf(t, http.DefaultClient, "http://"+f.address)
		result <- err
	}()
	<-asked
	closed := make(chan struct{})
	go func() { defer close(closed); f.close() }()
	for { // The front refuses before it has finished.
		if _, err := pageOf(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://"+f.address); err != nil {
			break
		}
	}
	close(answer)
	if err := <-result; err != nil {
		t.Error(err)
	}
	<-closed
}
