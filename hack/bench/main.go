// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench holds this server against what a user would have in its place, the same
// kind as a CustomResourceDefinition, on one kube-apiserver and one etcd, and says in
// figures how they compare. docs/performance.md tells what they mean. It starts
// everything itself, and ends everything.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/figures"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// limit bounds a run as a whole, of which 1,000 objects to roll out take most.
const limit = 6 * time.Hour

// part is what can be asked for by itself.
type part struct {
	name string
	run  func(b *bench, ctx context.Context) error
}

func parts() []part {
	return []part{
		{"size", (*bench).size},
		{"api", (*bench).api},
		{"cost", (*bench).cost},
		{"list", (*bench).list},
		{"host", (*bench).host},
		{"upstream", (*bench).upstream},
		{"controller", (*bench).controller},
	}
}

// onDemand are parts that all does not stand for.
func onDemand() []part {
	return []part{
		{"profile", (*bench).profile},
	}
}

// bench is a run.
type bench struct {
	// dir is thrown away before the next run of a part.
	dir   string
	short bool
	zones []int
	book  *figures.Book
	out   io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench: failed:", err)
		cancel()
		os.Exit(1) //nolint:gocritic // nothing is left to defer
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == informerMode {
		return informer(ctx, args[1:])
	}
	flags := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	wanted := flags.String("parts", "all", "which parts to run, separated by commas: all, which is all that measure, or of "+strings.Join(names(), ", "))
	short := flags.Bool("short", false, "measure less, in minutes")
	sizes := flags.IntSlice("zones", []int{3, 10, 100}, "of how many zones the objects of the part api are")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*wanted)
	if err != nil {
		return err
	}
	root, err := controlplane.FindRoot()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".local", "bench")
	for _, p := range chosen {
		b := &bench{dir: filepath.Join(dir, p.name), short: *short, zones: *sizes, book: &figures.Book{}, out: os.Stderr}
		if err := b.one(ctx, p); err != nil {
			return fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	return nil
}

// one runs a part and writes down what it found, until it failed if it did.
func (b *bench) one(ctx context.Context, p part) error {
	begun := time.Now()
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("clearing away the last run: %w", err)
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	failed := p.run(b, ctx)
	if b.book.Empty() {
		return failed
	}
	fmt.Printf("\n%s, in %s:\n\n", p.name, time.Since(begun).Round(time.Second))
	if err := b.book.WriteTable(os.Stdout); err != nil {
		return err
	}
	fmt.Println()
	file, err := os.Create(b.dir + ".txt")
	if err != nil {
		return fmt.Errorf("writing the figures down: %w", err)
	}
	return errors.Join(failed, b.book.WriteLines(io.MultiWriter(file, os.Stdout)), file.Close())
}

func names() (names []string) {
	for _, p := range append(parts(), onDemand()...) {
		names = append(names, p.name)
	}
	return names
}

func choose(wanted string) ([]part, error) {
	if wanted == "all" {
		return parts(), nil
	}
	known := append(parts(), onDemand()...)
	var chosen []part
	for name := range strings.SplitSeq(wanted, ",") {
		i := slices.IndexFunc(known, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("part %q is unknown: choose of %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, known[i])
	}
	return chosen, nil
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.out, "bench: "+format+"\n", args...)
}
