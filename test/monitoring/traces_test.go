// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// receiver takes spans by OTLP, as a collector does.
type receiver struct {
	collector.UnimplementedTraceServiceServer
	address string

	mu    sync.Mutex
	spans []*traces.Span
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", loopback+":0")
	must(t, err)
	r := &receiver{address: listener.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, r)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		must(t, <-ended)
	})
	return r
}

// Export takes spans.
func (r *receiver) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// config has all be sent to the receiver, in a file.
func (r *receiver) config(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "tracing.yaml")
	must(t, os.WriteFile(path, fmt.Appendf(nil,
		"apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\nendpoint: %s\nsamplingRatePerMillion: 1000000\n", r.address), 0o600))
	return path
}

// has tells whether a span has all these attributes.
func has(span *traces.Span, attributes map[string]string) bool {
	missing := len(attributes)
	for _, is := range span.GetAttributes() {
		if want, asked := attributes[is.GetKey()]; asked && text(is.GetValue()) == want {
			missing--
		}
	}
	return missing == 0
}

func text(value *common.AnyValue) string { return value.GetStringValue() }

// untilTraced waits for the span of a pass with these attributes, below which there is
// one of a request that it made.
func (r *receiver) untilTraced(t *testing.T, attributes map[string]string) {
	t.Helper()
	until(t, fmt.Sprint("a pass is traced with ", attributes), func(context.Context) (bool, string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, pass := range r.spans {
			if pass.GetName() == "Pass" && has(pass, attributes) && r.hasChild(pass) {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%d spans", len(r.spans))
	})
}

func (r *receiver) hasChild(parent *traces.Span) bool {
	for _, span := range r.spans {
		if string(span.GetParentSpanId()) == string(parent.GetSpanId()) && string(span.GetTraceId()) == string(parent.GetTraceId()) {
			return true
		}
	}
	return false
}
