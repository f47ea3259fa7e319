// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package loop has closed-loop clients make requests, each the next one when the last
// was answered, and sums up what they found.
package loop

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Request makes the nth request of a client, from 0 each.
type Request func(ctx context.Context, client, n int) error

// Limits end a round.
type Limits struct {
	// Length is how long requests are begun.
	Length time.Duration
	// Each is how many requests a client makes at most; zero for any number.
	Each int
}

// Round is what clients found in one go.
type Round struct {
	// Took is from the first request to the last answer.
	Took time.Duration
	// Latencies are those of all requests, in ascending order.
	Latencies []time.Duration
}

// Run has clients make requests until a limit is reached, and returns the first error
// of any of them.
func Run(ctx context.Context, clients int, limits Limits, request Request) (Round, error) {
	begun := time.Now()
	found := make([][]time.Duration, clients)
	failed := make([]error, clients)
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			found[client], failed[client] = one(ctx, client, begun.Add(limits.Length), limits.Each, request)
		})
	}
	group.Wait()
	round := Round{Took: time.Since(begun), Latencies: slices.Concat(found...)}
	slices.Sort(round.Latencies)
	for client, err := range failed {
		if err != nil {
			return round, fmt.Errorf("client %d of %d: %w", client, clients, err)
		}
	}
	return round, nil
}

func one(ctx context.Context, client int, end time.Time, most int, request Request) (latencies []time.Duration, err error) {
	for n := 0; most == 0 || n < most; n++ {
		begun := time.Now()
		if n > 0 && begun.After(end) {
			break
		}
		if err := request(ctx, client, n); err != nil {
			return latencies, fmt.Errorf("request %d: %w", n, err)
		}
		latencies = append(latencies, time.Since(begun))
	}
	return latencies, nil
}

// PerSecond is how many requests were answered.
func (r Round) PerSecond() float64 { return float64(len(r.Latencies)) / r.Took.Seconds() }

// Quantile is a latency, by the nearest rank.
func (r Round) Quantile(share float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	rank := int(float64(len(r.Latencies))*share + .999999)
	return r.Latencies[min(max(rank, 1), len(r.Latencies))-1]
}
