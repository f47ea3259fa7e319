// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
)

// watchers is how many watch at a time.
const watchers = 100

// fanOut measures how long it takes until a change has reached everybody who watches.
func (b *bench) fanOut(ctx context.Context, sides []*site.Side) error {
	of := fmt.Sprintf("a change to %d watchers", watchers)
	for _, side := range sides {
		times, err := b.reach(ctx, side)
		if err != nil {
			return fmt.Errorf("%s on %s: %w", of, side.Name, err)
		}
		b.book.Add(of, side.Name, "ms", times...)
		b.say("%s on %s: %.1f ms", of, side.Name, b.book.Value(of, side.Name))
	}
	return nil
}

func (b *bench) reach(ctx context.Context, side *site.Side) (times []float64, err error) {
	// What is open is closed by the end of the context, and waited for.
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer func() { cancel(); group.Wait() }()
	list, err := side.Do(ctx, site.Call{Method: http.MethodGet, Path: side.Objects() + "?limit=1"})
	if err != nil {
		return nil, err
	}
	var listed metav1.PartialObjectMetadataList
	if err := json.Unmarshal(list, &listed); err != nil {
		return nil, fmt.Errorf("reading a list: %w", err)
	}
	reached := make(chan struct{}, watchers)
	for range watchers {
		watched, err := side.Open(ctx, site.Call{Method: http.MethodGet, Path: side.Objects() + "?watch=true&resourceVersion=" + listed.ResourceVersion})
		if err != nil {
			return nil, err
		}
		group.Go(func() {
			defer watched.Close()
			for lines := bufio.NewReader(watched); ; {
				if _, err := lines.ReadBytes('\n'); err != nil {
					return
				}
				select {
				case reached <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for n := range 4 * b.rounds() {
		begun := time.Now()
		_, err := side.Do(ctx, site.Call{
			Method: http.MethodPatch, Path: side.Objects() + "/listed-0-0", Type: string(types.MergePatchType),
			Body: fmt.Appendf(nil, `{"spec":{"strategy":{"updatePause":"%ds"}}}`, n+1),
		})
		if err != nil {
			return nil, err
		}
		for range watchers {
			select {
			case <-reached:
			case <-time.After(time.Minute):
				return nil, fmt.Errorf("a change has not reached all of %d watchers in a minute", watchers)
			}
		}
		if n > 0 {
			times = append(times, milliseconds(time.Since(begun)))
		}
	}
	return times, nil
}
