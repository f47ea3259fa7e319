// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows a rollout over several zones on real components: etcd,
// kube-apiserver, controller-manager, scheduler, kwok nodes, the VictoriaMetrics
// operator, and the project's server behind the real aggregator. It starts all of
// them, and ends all of them.
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
)

// limit bounds the demo as a whole; a run takes about one minute and a half.
const limit = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo: failed:", err)
		cancel()
		os.Exit(1) //nolint:gocritic // nothing is left to defer
	}
}

func run(ctx context.Context) (err error) {
	root, err := controlplane.FindRoot()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".local", "demo")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing away the last demo: %w", err)
	}
	say("Starting a control plane of its own in %s", relative(root, dir))
	plane, err := controlplane.Start(ctx, controlplane.Options{
		Dir:               dir,
		Root:              root,
		Operator:          controlplane.OperatorReal,
		ControllerManager: true,
		Out:               os.Stdout,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	server, err := plane.StartServer(ctx, controlplane.ServerOptions{})
	if err != nil {
		return err
	}
	show, err := newShow(plane, server, root)
	if err != nil {
		return err
	}
	took, err := show.play(ctx)
	if err != nil {
		return err
	}
	if err := show.figures(); err != nil {
		return err
	}
	fmt.Printf("demo: ok: %s\n", strings.Join(took, "; "))
	return nil
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
