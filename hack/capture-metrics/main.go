// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command capture-metrics captures the metrics pages that the tests of
// pkg/victoriametrics read, from real processes of VictoriaMetrics in the
// situations that a rollout has to tell apart. Each page is asked for the way the
// product does: by what pkg/victoriametrics makes of an object of the operator.
//
//	hack/build-tools.sh vmagent vmauth victoria-metrics
//	go run ./hack/capture-metrics
//
// Everything listens on loopback. The zones have the names that they have in a
// cluster, and a forward proxy in this process leads there, or does not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	bin := flag.String("bin", ".local/bin", "folder of the programs vmagent, vmauth and victoria-metrics")
	out := flag.String("out", "pkg/victoriametrics/testdata/metrics", "folder to write the pages to")
	flag.Parse()
	if err := run(*bin, *out); err != nil {
		fmt.Fprintln(os.Stderr, "capture-metrics:", err)
		os.Exit(1)
	}
}

func run(bin, out string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bin, err := filepath.Abs(bin)
	if err != nil {
		return fmt.Errorf("finding the programs: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the folder of the pages: %w", err)
	}
	for _, c := range cases() {
		if err := capture(ctx, c, bin, out); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Println("captured", c.name)
	}
	return nil
}

// capture runs one case in a folder of its own and ends what it started.
func capture(ctx context.Context, c scenario, bin, out string) error {
	folder, err := os.MkdirTemp("", "capture-metrics-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s := &stage{bin: bin, folder: folder}
	defer s.end()
	page, err := c.play(ctx, s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, c.name+".txt"), trim(c, page, folder), 0o644)
}
