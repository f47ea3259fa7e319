// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// Side is a way to one of the kinds. Requests are made as raw HTTP, so that what a client
// library does with them is not measured.
type Side struct {
	// Name is what figures call it.
	Name string
	// Short is the same in names of objects.
	Short string
	// Group is that of its kind.
	Group string
	// Stored is where in the etcd of the control plane its objects are.
	Stored string
	// Config is for who needs a client library after all.
	Config *rest.Config

	http *http.Client
	url  string
	wire Wire
}

// Wire counts bytes of the connections of a Side, what encrypts them and headers included.
type Wire struct{ in, out atomic.Int64 }

// In are the bytes that came from the server.
func (w *Wire) In() int64 { return w.in.Load() }

// Out are the bytes that went to the server.
func (w *Wire) Out() int64 { return w.out.Load() }

// counted is a connection that counts.
type counted struct {
	net.Conn
	wire *Wire
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.in.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.wire.out.Add(int64(n))
	return n, err
}

func newSide(name, group string, config *rest.Config) (*Side, error) {
	side := &Side{Name: name, Short: strings.ToLower(name), Group: group, Config: config, url: config.Host}
	counting, dialer := rest.CopyConfig(config), &net.Dialer{}
	counting.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return counted{connection, &side.wire}, nil
	}
	var err error
	if side.http, err = rest.HTTPClientFor(counting); err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", config.Host, err)
	}
	return side, nil
}

// Wire counts the bytes of all requests that were made on this side.
func (s *Side) Wire() *Wire { return &s.wire }

// Version is the path of the group and version.
func (s *Side) Version() string {
	return "/apis/" + s.Group + "/" + v1alpha1.SchemeGroupVersion.Version
}

// Objects is the path of the objects in the namespace.
func (s *Side) Objects() string { return s.Version() + "/namespaces/" + Namespace + "/" + Plural }

// Call is one request.
type Call struct {
	Method, Path string
	// Type is that of the body, if there is one.
	Type string
	Body []byte
	// Accept is the form of the answer, JSON if empty.
	Accept string
}

// Do makes a request and returns the answer's body; an error where that is not of
// success.
func (s *Side) Do(ctx context.Context, call Call) ([]byte, error) {
	response, err := s.send(ctx, call)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", call.Method, call.Path, err)
	}
	return body, nil
}

// Open makes a request and returns the answer's body as it comes.
func (s *Side) Open(ctx context.Context, call Call) (io.ReadCloser, error) {
	response, err := s.send(ctx, call)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

func (s *Side) send(ctx context.Context, call Call) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, call.Method, s.url+call.Path, bytes.NewReader(call.Body))
	if err != nil {
		return nil, err
	}
	if call.Type != "" {
		request.Header.Set("Content-Type", call.Type)
	}
	accept := call.Accept
	if accept == "" {
		accept = "application/json"
	}
	request.Header.Set("Accept", accept)
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return nil, fmt.Errorf("%s %s on %s: %s: %s", call.Method, call.Path, s.Name, response.Status, text)
	}
	return response, nil
}
