// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/loop"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/pages"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/requests"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/stored"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// cost measures what requests take of the processes that answer them, and what an object
// takes in etcd and on the wire.
func (b *bench) cost(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "site"), Store: controlplane.StoreEtcd, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	const zones, clients = 10, 4
	for _, side := range []*site.Side{s.Aggregated, s.Peer} {
		target, err := requests.NewTarget(ctx, side, side.Short+"-cost", zones, clients)
		if err != nil {
			return err
		}
		if err := b.bytes(ctx, s, side, zones, clients); err != nil {
			return err
		}
		for _, r := range measured() {
			if err := b.costOf(ctx, s, target, r, clients); err != nil {
				return fmt.Errorf("%s on %s: %w", r.name, side.Name, err)
			}
		}
	}
	return nil
}

// bytes looks at the objects as they were created.
func (b *bench) bytes(ctx context.Context, s *site.Site, side *site.Side, zones, clients int) error {
	values, bytes, err := stored.Bytes(ctx, s.Control.EtcdAccess(), side.Stored)
	if err != nil {
		return err
	}
	if values != clients {
		return fmt.Errorf("%d values are stored under %s, and %d objects were made", values, side.Stored, clients)
	}
	object, err := side.Do(ctx, site.Call{Method: http.MethodGet, Path: side.Objects()})
	if err != nil {
		return err
	}
	of := count(zones, "zone")
	b.book.Add("stored, "+of, side.Name, "B/object", float64(bytes)/float64(values))
	b.book.Add("listed as JSON, "+of, side.Name, "B/object", float64(len(object))/float64(clients))
	return nil
}

// costOf makes requests, and asks both servers before and after what they have used. What
// answering that takes is taken off.
func (b *bench) costOf(ctx context.Context, s *site.Site, target *requests.Target, r request, clients int) error {
	each := 250
	if b.short {
		each = 50
	}
	first, err := usages(ctx, s)
	if err != nil {
		return err
	}
	before, err := usages(ctx, s)
	if err != nil {
		return err
	}
	in, out := target.Side.Wire().In(), target.Side.Wire().Out()
	round, err := loop.Run(ctx, clients, loop.Limits{Length: time.Hour, Each: each}, r.on(target))
	if err != nil {
		return err
	}
	in, out = target.Side.Wire().In()-in, target.Side.Wire().Out()-out // before the pages below
	after, err := usages(ctx, s)
	if err != nil {
		return err
	}
	made := float64(len(round.Latencies))
	b.book.Add(r.name+", on the wire to the client", target.Side.Name, "B", float64(in)/made)
	b.book.Add(r.name+", on the wire to the server", target.Side.Name, "B", float64(out)/made)
	thousands := made / 1000
	var sum pages.Usage
	for i, side := range []*site.Side{s.Direct, s.Peer} {
		asking := before[i].Since(first[i])
		used := after[i].Since(before[i]).Since(asking)
		sum.CPUSeconds += used.CPUSeconds
		sum.AllocatedBytes += used.AllocatedBytes
		if side.Group == target.Side.Group {
			b.book.Add(r.name+", CPU of who serves it", target.Side.Name, "s/1000", used.CPUSeconds/thousands)
			b.book.Add(r.name+", allocated by who serves it", target.Side.Name, "MB/1000", used.AllocatedBytes/thousands/1e6)
		}
	}
	b.book.Add(r.name+", CPU of both", target.Side.Name, "s/1000", sum.CPUSeconds/thousands)
	b.book.Add(r.name+", allocated by both", target.Side.Name, "MB/1000", sum.AllocatedBytes/thousands/1e6)
	b.say("%s on %s: %.2f s of CPU per 1000", r.name, target.Side.Name, sum.CPUSeconds/thousands)
	return nil
}

// usages are those of this server and of kube-apiserver.
func usages(ctx context.Context, s *site.Site) (found [2]pages.Usage, err error) {
	for i, side := range []*site.Side{s.Direct, s.Peer} {
		page, err := pages.Read(ctx, side)
		if err != nil {
			return found, err
		}
		found[i] = page.Usage()
	}
	return found, nil
}
