// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// way is how a request goes wrong.
type way func(next http.RoundTripper, request *http.Request) (*http.Response, error)

// answered refuses with a status and a body.
func answered(status int, contentType, body string) way {
	return func(_ http.RoundTripper, request *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
			Header: http.Header{"Content-Type": {contentType}},
			Body:   io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
		}, nil
	}
}

// cut ends the connection before anything is done.
func cut(http.RoundTripper, *http.Request) (*http.Response, error) {
	return nil, errors.New("cut by the test")
}

// untold has writes done, and ends the connection before the answer.
func untold(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	response, err := next.RoundTrip(request)
	if request.Method == http.MethodGet || err != nil {
		return response, err
	}
	_ = response.Body.Close()
	return nil, errors.New("cut by the test, after it was done")
}

// trouble is what servers have with their cluster: none, until it begins.
type trouble struct {
	next http.RoundTripper

	mutex sync.Mutex
	paths []string
	way   way
	// met counts by method how many requests have met it.
	met map[string]int
	// watches are the bodies of those that go on.
	watches map[*watching]struct{}
}

// begin has requests go wrong whose path contains one of these, and ends watches of them.
func (b *trouble) begin(how way, paths ...string) {
	b.mutex.Lock()
	b.way, b.paths, b.met = how, paths, map[string]int{}
	var ended []*watching
	for watch := range b.watches {
		if b.concerns(watch.path) {
			ended = append(ended, watch)
		}
	}
	b.mutex.Unlock()
	for _, watch := range ended {
		_ = watch.Close()
	}
}

func (b *trouble) end() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.paths = nil
}

// times tells how many requests by a method have met it.
func (b *trouble) times(method string) int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.met[method]
}

func (b *trouble) concerns(path string) bool {
	for _, part := range b.paths {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// meet counts a request that is in trouble, and tells in which.
func (b *trouble) meet(request *http.Request) way {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !b.concerns(request.URL.Path) {
		return nil
	}
	b.met[request.Method]++
	return b.way
}

// RoundTrip implements http.RoundTripper.
func (b *trouble) RoundTrip(request *http.Request) (*http.Response, error) {
	if way := b.meet(request); way != nil {
		return way(b.next, request)
	}
	response, err := b.next.RoundTrip(request)
	if err != nil || !strings.HasPrefix(request.URL.Query().Get("watch"), "t") && request.URL.Query().Get("watch") != "1" {
		return response, err
	}
	watch := &watching{ReadCloser: response.Body, path: request.URL.Path, trouble: b}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.watches == nil {
		b.watches = map[*watching]struct{}{}
	}
	b.watches[watch] = struct{}{}
	response.Body = watch
	return response, nil
}

// watching is what a watch delivers.
type watching struct {
	io.ReadCloser
	path    string
	trouble *trouble
}

func (w *watching) Close() error {
	w.trouble.mutex.Lock()
	delete(w.trouble.watches, w)
	w.trouble.mutex.Unlock()
	return w.ReadCloser.Close()
}

// untilMet waits for the trouble to have been met so often by requests of a method.
func (s *site) untilMet(t *testing.T, method string, times int) {
	t.Helper()
	poll(t, method+" to be in trouble", func() string {
		if s.trouble.times(method) < times {
			return "not often enough"
		}
		return ""
	})
}
