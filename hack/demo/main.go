// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows a rollout over several zones under load: etcd,
// kube-apiserver, the project's server behind the real aggregator, and processes
// of vmagent, vmauth and victoria-metrics that run what the operator's objects ask
// for (see package dataplane). Numbered samples are written and queries are made
// all the time; it fails if one of either was lost. It starts everything itself,
// and ends everything.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
)

const (
	// limit bounds the demo as a whole; a run takes two to three minutes.
	limit = 10 * time.Minute
	// downtime is how long a zone is away for an update, at least: as short as its
	// process starts, nobody would see the queues grow.
	downtime = 3 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	took, found, err := run(ctx)
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: failed:", err)
		cancel()
		os.Exit(1) //nolint:gocritic // nothing is left to defer
	}
	fmt.Printf("demo: ok: %s\n%s\n", strings.Join(took, "; "), found)
}

// run returns what each zone took and what became of the load, once everything
// has ended again.
func run(ctx context.Context) (took []string, found outcome, err error) {
	root, err := controlplane.FindRoot()
	if err != nil {
		return nil, outcome{}, err
	}
	dir := filepath.Join(root, ".local", "demo")
	if err := os.RemoveAll(dir); err != nil {
		return nil, outcome{}, fmt.Errorf("clearing away the last demo: %w", err)
	}
	say("Starting a control plane of its own in %s", relative(root, dir))
	control, err := controlplane.Start(ctx, controlplane.Options{Dir: dir, Root: root, CRDs: controlplane.CRDsUsed, Out: os.Stdout})
	if err != nil {
		return nil, outcome{}, err
	}
	defer func() { err = errors.Join(err, control.Stop()) }()
	plane, err := dataplane.Start(ctx, control.Config(), dataplane.Options{
		Dir: filepath.Join(dir, "plane"), BinDir: filepath.Join(root, ".local", "bin"), Lag: downtime,
	})
	if err != nil {
		return nil, outcome{}, err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	server, err := control.StartServer(ctx, controlplane.ServerOptions{Env: plane.Proxy().Env()})
	if err != nil {
		return nil, outcome{}, err
	}
	show, err := newShow(control, plane, server, root)
	if err != nil {
		return nil, outcome{}, err
	}
	return show.play(ctx)
}

// say prints a line that stands out between the output of commands.
func say(format string, args ...any) {
	fmt.Printf("\n==> "+format+"\n", args...)
}

func relative(root, path string) string {
	if rel, err := filepath.Rel(root, path); err == nil {
		return rel
	}
	return path
}
