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
)

// profile has the server say where its time goes, request by request, and what it holds
// in memory before the first of them. It measures nothing.
func (b *bench) profile(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "site"), Store: controlplane.StoreEtcd, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := b.save(ctx, s, "heap?gc=1", "idle"); err != nil {
		return err
	}
	target, err := requests.NewTarget(ctx, s.Direct, "profiled", profiledZones, profiledClients)
	if err != nil {
		return err
	}
	for _, r := range measured() {
		group, together := errgroup.WithContext(ctx)
		group.Go(func() error {
			limits := loop.Limits{Length: (profiledSeconds + 1) * time.Second}
			_, err := loop.Run(together, profiledClients, limits, r.on(target))
			return err
		})
		for suffix, of := range map[string]string{"": "profile", "-allocations": "allocs"} {
			group.Go(func() error {
				return b.save(together, s, fmt.Sprintf("%s?seconds=%d", of, profiledSeconds), strings.ReplaceAll(r.name, " ", "-")+suffix)
			})
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("profiling %s: %w", r.name, err)
		}
	}
	return nil
}

// save stores a profile of the server, for go tool pprof.
func (b *bench) save(ctx context.Context, s *site.Site, profile, name string) error {
	raw, err := s.Direct.Do(ctx, site.Call{Method: http.MethodGet, Path: "/debug/pprof/" + profile, Accept: "*/*"})
	if err != nil {
		return err
	}
	path := filepath.Join(b.dir, name+".pprof")
	b.say("%s: %d bytes", path, len(raw))
	return os.WriteFile(path, raw, 0o600)
}
