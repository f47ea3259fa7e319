// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cmd puts the command line together: the server, and what helps to install
// it and to take it away.
package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/cmd/preflight"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/cmd/server"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/cmd/uninstall"
)

// Run does what the arguments say until ctx ends, and returns the status to exit with.
func Run(ctx context.Context, args []string) int {
	root := newCommand(ctx)
	root.SetArgs(args)
	if named, _, err := root.Find(args); err != nil || named == root {
		return cli.Run(root)
	}
	return runOnce(ctx, root)
}

func newCommand(ctx context.Context) *cobra.Command {
	root := server.NewCommand(ctx)
	root.CompletionOptions.DisableDefaultCmd = true
	add(root, preflight.NewCommand())
	add(root, uninstall.NewCommand())
	return root
}

// add makes a command a part of the server's, of which it takes over neither the help,
// which is about the server's flags, nor what the server does before it runs.
func add(root, part *cobra.Command) {
	plain := &cobra.Command{}
	part.SetHelpFunc(plain.HelpFunc())
	part.SetUsageFunc(plain.UsageFunc())
	part.PersistentPreRun = func(*cobra.Command, []string) {}
	root.AddCommand(part)
}

// runOnce runs a command that prints, where the server logs. An error may say with
// which status to exit.
func runOnce(ctx context.Context, root *cobra.Command) int {
	root.SilenceErrors = true
	named, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var quiet interface{ ExitCode() int }
	if errors.As(err, &quiet) {
		return quiet.ExitCode()
	}
	_, _ = fmt.Fprintf(named.ErrOrStderr(), "error: %v\n", err)
	return 2
}
