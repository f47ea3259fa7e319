// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// triedAtOnce is how many writes are tried out at the same time.
const triedAtOnce = 4

// outcomes are those of writes that were tried out before a look asks for them.
type outcomes struct {
	trials *trials
	tried  []outcome
}

type outcome struct {
	request write
	target  *unstructured.Unstructured
	err     error
}

// tryAhead has the writes tried out that a look will ask about if the caches are
// right, several at a time: one after the other they take longer than all else
// when a change of all zones begins.
func (p *pass) tryAhead(ctx context.Context) *outcomes {
	found := &outcomes{trials: p.trials}
	for i := range p.view.Zones {
		zone := &p.view.Zones[i]
		request := p.view.zones[zone.Name].write
		if same := zone.Cluster != nil && zone.Cluster.Difference == rollout.Same; request.body != nil && !same {
			found.tried = append(found.tried, outcome{request: request})
		}
	}
	var group sync.WaitGroup
	free := make(chan struct{}, triedAtOnce)
	for i := range found.tried {
		group.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			is := &found.tried[i]
			is.target, is.err = p.trials.try(ctx, is.request)
		})
	}
	group.Wait()
	return found
}

// try returns what came of the same write, or tries it out now.
func (o *outcomes) try(ctx context.Context, request write) (*unstructured.Unstructured, error) {
	for i := range o.tried {
		if is := &o.tried[i]; is.request.name == request.name && reflect.DeepEqual(is.request, request) {
			return is.target, is.err
		}
	}
	return o.trials.try(ctx, request)
}
