// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// trialHolds is for how long the API server is taken to accept what it has
// accepted. A write names the version of the object that it is for, so only a
// policy, a webhook or a schema that has changed meanwhile can make a difference;
// the write itself meets that anyway.
const trialHolds = 30 * time.Second

// trials remembers which writes the API server would accept: zones that wait for
// their turn are looked at again at every step of the others. What it refuses is
// tried every time.
type trials struct {
	writer writer
	clock  clock.PassiveClock

	mutex  sync.Mutex
	passed map[trialKey]trial
}

type trialKey struct {
	resource schema.GroupVersionResource
	name     types.NamespacedName
}

type trial struct {
	body   []byte
	target *unstructured.Unstructured
	at     time.Time
}

func newTrials(writer writer, clock clock.PassiveClock) *trials {
	return &trials{writer: writer, clock: clock, passed: map[trialKey]trial{}}
}

// try asks the API server what a write would do, unless it has said so already.
func (t *trials) try(ctx context.Context, request write) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(request.body)
	if err != nil {
		return nil, fmt.Errorf("encoding the change of %s %s/%s: %w", request.resource.Resource, request.namespace, request.name, err)
	}
	key := trialKey{request.resource, types.NamespacedName{Namespace: request.namespace, Name: request.name}}
	if known := t.known(key, body); known != nil {
		return known, nil
	}
	target, err := t.writer.try(ctx, request)
	if err != nil {
		return nil, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.passed[key] = trial{body: body, target: target, at: t.clock.Now()}
	return target, nil
}

// known is what came of the same write, nil where that is too long ago.
func (t *trials) known(key trialKey, body []byte) *unstructured.Unstructured {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for other, old := range t.passed {
		if t.clock.Since(old.at) >= trialHolds {
			delete(t.passed, other)
		}
	}
	if old, found := t.passed[key]; found && bytes.Equal(old.body, body) {
		return old.target
	}
	return nil
}
