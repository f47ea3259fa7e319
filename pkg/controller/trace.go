// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// scope names what makes the spans.
const scope = "github.com/vmdistributed/vmdistributed-apiserver/pkg/controller"

// passSpan is what the span of a pass is called. Below it are those of the requests that
// the pass makes, where its clients make any.
const passSpan = "Pass"

// noTracer is for who is not told to trace.
func noTracer() trace.Tracer { return noop.NewTracerProvider().Tracer(scope) }

// TraceBy has every pass make a span. Call it before Run.
func (c *Controller) TraceBy(provider trace.TracerProvider) { c.tracer = provider.Tracer(scope) }

// trace begins the span of a pass over an object.
func (c *Controller) trace(ctx context.Context, key cache.ObjectName) (context.Context, trace.Span) {
	return c.tracer.Start(ctx, passSpan, trace.WithAttributes(
		attribute.String(objectKey+".namespace", key.Namespace), attribute.String(objectKey+".name", key.Name)))
}

// traceAction says in the span of the pass what it does.
func traceAction(ctx context.Context, action rollout.Action) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.String(actionKey, string(action.Type)), attribute.String(zoneKey, action.Cluster))
}

// tracePhases says in it what has become of which zone.
func tracePhases(ctx context.Context, before, after *vmdistributed.VMDistributedClusterStatus) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	known := make(map[string]vmdistributed.ZonePhase, len(before.Zones))
	for i := range before.Zones {
		known[before.Zones[i].Name] = before.Zones[i].Phase
	}
	for i := range after.Zones {
		if zone := &after.Zones[i]; known[zone.Name] != zone.Phase {
			span.AddEvent(string(zone.Phase), trace.WithAttributes(attribute.String(zoneKey, zone.Name), attribute.String("reason", zone.Reason)))
		}
	}
}

// traceEnd ends a span. Losing a race is no error.
func traceEnd(span trace.Span, err error) {
	if err != nil && !isRace(err) {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
