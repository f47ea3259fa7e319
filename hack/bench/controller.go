// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/procfs"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/fleet"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/pages"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// fleetZones is how many zones each object of a fleet has.
const fleetZones = 5

// controller measures rollouts of many objects at once.
func (b *bench) controller(ctx context.Context) error {
	sizes := []int{100, 300, 1000}
	if b.short {
		sizes = []int{10, 30, 100}
	}
	for _, size := range sizes {
		if err := b.fleet(ctx, size); err != nil {
			return fmt.Errorf("%d objects: %w", size, err)
		}
	}
	return nil
}

// fleet creates objects, changes them all at once, and starts the server anew when there
// is nothing left to do.
func (b *bench) fleet(ctx context.Context, size int) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, fmt.Sprint(size)), Store: controlplane.StoreEtcd, Operated: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	side := count(size, "object")
	f, err := fleet.New(s, size, fleetZones)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := f.Apply(ctx, 1); err != nil {
		return err
	}
	b.book.Add("all made and Ready", side, "s", time.Since(begun).Seconds())
	b.say("%s: made after %s", side, time.Since(begun).Round(time.Second))

	before, err := fleet.Count(ctx, s)
	if err != nil {
		return err
	}
	idle, err := b.processors(s)
	if err != nil {
		return err
	}
	begun = time.Now()
	if err := f.Apply(ctx, 2); err != nil {
		return err
	}
	took := time.Since(begun).Seconds()
	used, err := b.processors(s)
	if err != nil {
		return err
	}
	after, err := fleet.Count(ctx, s)
	if err != nil {
		return err
	}
	updates := float64(size * fleetZones)
	b.book.Add("rollout of a change to all", side, "s", took)
	b.book.Add("zone updates", side, "1/s", updates/took)
	written := after.Since(before)
	b.book.Add("per zone update: writes, without Events", side, "", written.Writes()/updates)
	for _, kind := range fleet.Kinds() {
		b.book.Add("per zone update: "+kind, side, "", written[kind]/updates)
	}
	for _, program := range slices.Sorted(maps.Keys(used)) {
		b.book.Add("CPU per zone update: "+program, side, "ms", 1000*(used[program]-idle[program])/updates)
	}
	b.say("%s: changed after %.0f s", side, took)
	return b.nothingToDo(ctx, s, side, size)
}

// processors tells how many seconds of them each program has used so far. The bench itself
// plays the operator, and makes the changes.
func (b *bench) processors(s *site.Site) (map[string]float64, error) {
	pids := map[string]int{"vmdistributed-apiserver": s.Server.PID(), "bench, which plays the operator": os.Getpid()}
	for _, program := range []string{"etcd", "kube-apiserver"} {
		run, err := s.Control.RunOf(program)
		if err != nil {
			return nil, err
		}
		pids[program] = run.PID()
	}
	used := map[string]float64{}
	for program, pid := range pids {
		process, err := procfs.NewProc(pid)
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", program, err)
		}
		stat, err := process.Stat()
		if err != nil {
			return nil, fmt.Errorf("asking what %s has used: %w", program, err)
		}
		used[program] = stat.CPUTime()
	}
	return used, nil
}

// nothingToDo measures the passes over objects of which nothing has to be done: those of
// a server that starts.
func (b *bench) nothingToDo(ctx context.Context, s *site.Site, side string, size int) error {
	told, err := pages.Read(ctx, s.Direct)
	if err != nil {
		return err
	}
	b.book.Add("resident after that", side, "MiB", told.Usage().ResidentBytes/(1<<20))
	if err := s.Server.Restart(ctx); err != nil {
		return err
	}
	if err := fleet.UntilIdle(ctx, s, size); err != nil {
		return err
	}
	if told, err = pages.Read(ctx, s.Direct); err != nil {
		return err
	}
	queue := func(labels map[string]string) bool { return labels["name"] == site.Plural }
	passes, seconds := told.Sum("workqueue_work_duration_seconds", queue), told.Total("workqueue_work_duration_seconds", queue)
	b.book.Add("passes with nothing to do", side, "1/s of one worker", passes/seconds)
	own := fleet.Own(told)
	for _, method := range slices.Sorted(maps.Keys(own)) {
		b.book.Add("requests of a server that starts: "+method, side, "", own[method])
	}
	return nil
}
