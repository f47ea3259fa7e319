// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/fleet"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/loop"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/requests"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	// profiledZones and profiledClients are what keeps the server busy with one request.
	profiledZones, profiledClients = 10, 4
	// profiledSeconds is how long each request is profiled.
	profiledSeconds = 5
	// profiledObjects are changed at once.
	profiledObjects = 30
)

// profile has the server say where its time goes, request by request, and what it holds
// in memory before the first of them. It measures nothing.
func (b *bench) profile(ctx context.Context) error {
	return errors.Join(b.profileRequests(ctx), b.profileRecords(ctx), b.profileController(ctx))
}

func (b *bench) profileRequests(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "site"), Store: controlplane.StoreEtcd, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := b.save(ctx, s.Direct, "heap?gc=1", "idle"); err != nil {
		return err
	}
	target, err := requests.NewTarget(ctx, s.Direct, "profiled", profiledZones, profiledClients)
	if err != nil {
		return err
	}
	for _, r := range measured() {
		if err := b.underLoad(ctx, s.Direct, strings.ReplaceAll(r.name, " ", "-"), profiledClients, r.on(target)); err != nil {
			return err
		}
	}
	return nil
}

// profileRecords does the same with lists where each object is a record.
func (b *bench) profileRecords(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "records"), Store: controlplane.StoreHost, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := fill(ctx, s.Direct, 200); err != nil {
		return err
	}
	list := queries()[0]
	return b.underLoad(ctx, s.Direct, "records-"+list.name, 1, func(ctx context.Context, _, _ int) error {
		return list.of(ctx, s.Direct)
	})
}

// profileController does the same while the controller changes many objects.
func (b *bench) profileController(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "controller"), Store: controlplane.StoreEtcd, Operated: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	f, err := fleet.New(s, profiledObjects, fleetZones)
	if err != nil {
		return err
	}
	version := 0
	return b.underLoad(ctx, s.Direct, "controller", 1, func(ctx context.Context, _, _ int) error {
		version++
		return f.Apply(ctx, version)
	})
}

// underLoad saves what the server of a side does, and what it allocates, while clients make
// one request after the other.
func (b *bench) underLoad(ctx context.Context, side *site.Side, name string, clients int, request loop.Request) error {
	group, together := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := loop.Run(together, clients, loop.Limits{Length: (profiledSeconds + 1) * time.Second}, request)
		return err
	})
	for suffix, of := range map[string]string{"": "profile", "-allocations": "allocs"} {
		group.Go(func() error {
			return b.save(together, side, fmt.Sprintf("%s?seconds=%d", of, profiledSeconds), name+suffix)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("profiling %s: %w", name, err)
	}
	return nil
}

// save stores a profile of the server of a side, for go tool pprof.
func (b *bench) save(ctx context.Context, side *site.Side, profile, name string) error {
	raw, err := side.Do(ctx, site.Call{Method: http.MethodGet, Path: "/debug/pprof/" + profile, Accept: "*/*"})
	if err != nil {
		return err
	}
	path := filepath.Join(b.dir, name+".pprof")
	b.say("%s: %d bytes", path, len(raw))
	return os.WriteFile(path, raw, 0o600)
}
