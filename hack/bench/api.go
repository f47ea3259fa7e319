// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/loop"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/requests"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// mostCreated is how many objects all clients create in a round.
const mostCreated = 160

// request is one that is measured.
type request struct {
	name string
	on   func(*requests.Target) loop.Request
}

func measured() []request {
	return []request{
		{"answer from memory", func(t *requests.Target) loop.Request { return t.Version }},
		{"get", func(t *requests.Target) loop.Request { return t.Get }},
		{create, func(t *requests.Target) loop.Request { return t.Create }},
		{"update", func(t *requests.Target) loop.Request { return t.Update }},
		{"merge patch", func(t *requests.Target) loop.Request { return t.Patch }},
		{"apply", func(t *requests.Target) loop.Request { return t.Apply }},
	}
}

const create = "create"

// api measures single requests.
func (b *bench) api(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "site"), Store: controlplane.StoreEtcd, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	for _, zones := range []int{3, 10, 100} {
		for _, clients := range []int{1, 16} {
			if b.short && zones*clients > 1000 {
				continue // each request takes seconds
			}
			if err := b.requests(ctx, s, zones, clients); err != nil {
				return fmt.Errorf("%d zones, %d clients: %w", zones, clients, err)
			}
		}
	}
	return nil
}

// requests measures all requests at one size and one number of clients.
func (b *bench) requests(ctx context.Context, s *site.Site, zones, clients int) (err error) {
	var targets []*requests.Target
	for _, side := range []*site.Side{s.Aggregated, s.Direct, s.Peer} {
		t, err := requests.NewTarget(ctx, side, fmt.Sprintf("%s-%d-%d", side.Short, zones, clients), zones, clients)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.Close(ctx)) }()
		targets = append(targets, t)
	}
	for _, r := range measured() {
		of := fmt.Sprintf("%s, %s, %s", r.name, count(zones, "zone"), count(clients, "client"))
		if err := b.interleaved(ctx, r, of, targets, clients); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// interleaved measures one request on every side in turn, so that what else the machine
// does falls on all of them alike. What the first round finds is thrown away.
func (b *bench) interleaved(ctx context.Context, r request, of string, targets []*requests.Target, clients int) error {
	found := make([][]loop.Round, len(targets))
	for n := range b.rounds() + 1 {
		for at := range targets {
			i := (at + n) % len(targets) // nobody is always first
			round, err := b.round(ctx, r, targets[i], clients)
			if err != nil {
				return fmt.Errorf("on %s: %w", targets[i].Side.Name, err)
			}
			if n > 0 {
				found[i] = append(found[i], round)
			}
		}
	}
	defer b.tell(of+", p50", targets)
	for i, t := range targets {
		b.book.Add(of+", rate", t.Side.Name, "1/s", each(found[i], loop.Round.PerSecond)...)
		for _, q := range []struct {
			name  string
			share float64
		}{{"p50", .5}, {"p99", .99}} {
			b.book.Add(of+", "+q.name, t.Side.Name, "ms", each(found[i], func(r loop.Round) float64 { return milliseconds(r.Quantile(q.share)) })...)
		}
	}
	return nil
}

func (b *bench) round(ctx context.Context, r request, t *requests.Target, clients int) (loop.Round, error) {
	limits := loop.Limits{Length: b.length()}
	if r.name != create {
		return loop.Run(ctx, clients, limits, r.on(t))
	}
	limits.Each = mostCreated / clients
	made := make([]int, clients)
	round, err := loop.Run(ctx, clients, limits, func(ctx context.Context, client, n int) error {
		made[client] = n + 1
		return t.Create(ctx, client, n)
	})
	if err != nil {
		return round, err
	}
	_, err = loop.Run(ctx, clients, loop.Limits{Length: time.Hour, Each: slices.Max(made)}, func(ctx context.Context, client, n int) error {
		if n >= made[client] {
			return nil
		}
		return t.Discard(ctx, client, n)
	})
	return round, err
}

func (b *bench) rounds() int {
	if b.short {
		return 3
	}
	return 5
}

func (b *bench) length() time.Duration {
	if b.short {
		return 300 * time.Millisecond
	}
	return time.Second
}

func each(rounds []loop.Round, value func(loop.Round) float64) (values []float64) {
	for _, r := range rounds {
		values = append(values, value(r))
	}
	return values
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// tell says what was found on each side.
func (b *bench) tell(of string, targets []*requests.Target) {
	text := ""
	for _, t := range targets {
		text += fmt.Sprintf("  %s %.2f ms", t.Side.Name, b.book.Value(of, t.Side.Name))
	}
	b.say("%-45s%s", of, text)
}
