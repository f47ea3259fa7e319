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

// silenceHolds is for how long an API server that could not tell is not asked
// again: one that waits for a webhook may take long not to tell.
const silenceHolds = retryUntried

// trials remembers which writes the API server would accept: zones that wait for
// their turn are looked at again at every step of the others. What it refuses is
// tried every time, what it could not tell after a while.
type trials struct {
	writer writer
	clock  clock.PassiveClock

	mutex sync.Mutex
	made  map[trialKey]trial
}

type trialKey struct {
	resource schema.GroupVersionResource
	name     types.NamespacedName
}

type trial struct {
	body   []byte
	target *unstructured.Unstructured
	err    error
	at     time.Time
}

// holds is for how long it is not tried again.
func (t trial) holds() time.Duration {
	if t.err != nil {
		return silenceHolds
	}
	return trialHolds
}

func newTrials(writer writer, clock clock.PassiveClock) *trials {
	return &trials{writer: writer, clock: clock, made: map[trialKey]trial{}}
}

// try asks the API server what a write would do, unless it has said so already.
func (t *trials) try(ctx context.Context, request write) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(request.body)
	if err != nil {
		return nil, fmt.Errorf("encoding the change of %s %s/%s: %w", request.resource.Resource, request.namespace, request.name, err)
	}
	key := trialKey{request.resource, types.NamespacedName{Namespace: request.namespace, Name: request.name}}
	if known, found := t.known(key, body); found {
		return known.target, known.err
	}
	target, err := t.writer.try(ctx, request)
	if err != nil && (permanent(err) || isRace(err) || ctx.Err() != nil) {
		return nil, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.made[key] = trial{body: body, target: target, err: err, at: t.clock.Now()}
	return target, err
}

// known is what came of the same write, unless that is too long ago.
func (t *trials) known(key trialKey, body []byte) (trial, bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for other, old := range t.made {
		if t.clock.Since(old.at) >= old.holds() {
			delete(t.made, other)
		}
	}
	old, found := t.made[key]
	return old, found && bytes.Equal(old.body, body)
}
