// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command saboteurs removes the guards of the rollout engine, and what keeps drains of
// VMUsers apart, one at a time, and runs the tests that must notice: all, or those whose
// names contain an argument. It leaves the sources as they are: the compiler
// is given the changed file in place of the real one (go test -overlay).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// engine is the package that has the guards, but for those of which the file has a path.
const engine = "pkg/rollout"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(names []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	scratch, err := os.MkdirTemp("", "saboteurs-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	var survived []string
	chosen := named(names)
	for _, s := range chosen {
		caught, err := s.release(ctx, scratch)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("guard %q: %w", s.guard, err)
		}
		if caught == "" {
			survived = append(survived, s.guard)
			caught = "NOTHING"
		}
		fmt.Printf("guard removed: %s; caught by: %s\n", s.guard, caught)
	}
	if survived != nil {
		return fmt.Errorf("%d of %d survived: %s", len(survived), len(chosen), strings.Join(survived, "; "))
	}
	fmt.Printf("all %d were caught\n", len(chosen))
	return nil
}

// named are the saboteurs whose guards contain one of some texts; all without any.
func named(texts []string) []saboteur {
	if len(texts) == 0 {
		return saboteurs
	}
	return slices.DeleteFunc(slices.Clone(saboteurs), func(s saboteur) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(s.guard, text) })
	})
}

// path is that of the file, from the root of the module.
func (s saboteur) path() string {
	if strings.Contains(s.file, "/") {
		return s.file
	}
	return path.Join(engine, s.file)
}

// release runs the tests without a guard and names one that fails.
func (s saboteur) release(ctx context.Context, scratch string) (caught string, err error) {
	overlay, err := s.overlay(scratch)
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "go", "test", "-count=1", "-vet=off", "-overlay="+overlay, "-run", tables, "-skip", slow, "./"+path.Dir(s.path()))
	output, err := command.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case !errors.As(err, &failed):
		return "", err
	}
	// A sub-test says more than the test it belongs to.
	names := regexp.MustCompile(`--- FAIL: (\S+)`).FindAllStringSubmatch(string(output), -1)
	if names == nil {
		return "", fmt.Errorf("no test has failed, and yet go test has:\n%s", output)
	}
	return names[min(1, len(names)-1)][1], nil
}

// overlay writes the file without the guard, and what tells the compiler of it.
func (s saboteur) overlay(scratch string) (overlay string, err error) {
	real, err := filepath.Abs(s.path())
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(real)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), s.line); n != 1 {
		return "", fmt.Errorf("%q occurs %d times in %s, want once", s.line, n, s.file)
	}
	changed := filepath.Join(scratch, path.Base(s.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), s.line, s.instead, 1)), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {real: changed}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
