// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// moduleDir returns where the Go command keeps a module that a tool module
// requires: manifests come from there, and so fit the programs. A module that was
// removed from the cache since the programs were built is fetched again.
func moduleDir(ctx context.Context, toolModule, path string) (string, error) {
	dir, err := goCommand(ctx, toolModule, "list", "-m", "-f", "{{.Dir}}", path)
	if err != nil || dir != "" {
		return dir, err
	}
	if _, err := goCommand(ctx, toolModule, "mod", "download", path); err != nil {
		return "", err
	}
	dir, err = goCommand(ctx, toolModule, "list", "-m", "-f", "{{.Dir}}", path)
	if err == nil && dir == "" {
		err = fmt.Errorf("module %s is not in the module cache, even after go mod download in %s", path, toolModule)
	}
	return dir, err
}

// goCommand runs the Go command in a module and returns what it prints.
func goCommand(ctx context.Context, module string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	// The caller's environment, unlike that of the programs: it knows the cache.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
		}
		return "", fmt.Errorf("go %s in %s: %w", strings.Join(args, " "), module, err)
	}
	return string(bytes.TrimSpace(out)), nil
}
