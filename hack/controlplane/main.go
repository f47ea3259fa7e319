// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command controlplane starts a local control plane that stays ("up"), ends it
// ("down"), and tells how it does ("status").
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func newCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:           "controlplane",
		Short:         "Run a Kubernetes control plane with this project's server on this machine",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				return nil
			}
			root, err := controlplane.FindRoot()
			dir = filepath.Join(root, ".local")
			return err
		},
	}
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "directory for everything that is written (default .local in the checkout)")
	cmd.AddCommand(newUp(&dir), newDown(&dir), newStatus(&dir))
	return cmd
}

func newUp(dir *string) *cobra.Command {
	var (
		operator = string(controlplane.OperatorReal)
		crds     = string(controlplane.CRDsAll)
		options  = controlplane.Options{ControllerManager: true, Detached: true}
		server   controlplane.ServerOptions
		noServer bool
	)
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start what does not run, restart what changed, leave the rest alone",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Dir, options.Out = *dir, cmd.ErrOrStderr()
			options.Operator, options.CRDs = controlplane.OperatorMode(operator), controlplane.CRDSet(crds)
			options.Responders = options.Operator == controlplane.OperatorReal
			if noServer {
				return up(cmd.Context(), options, nil)
			}
			return up(cmd.Context(), options, &server)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&operator, "operator", operator, fmt.Sprintf("what reconciles the operator's kinds: one of %v", controlplane.OperatorModes()))
	flags.StringVar(&crds, "crds", crds, "which definitions of the operator's kinds: all, full, used or none")
	flags.IntVar(&options.Nodes, "nodes", 0, "how many nodes kwok plays (default 3 with --operator=real)")
	flags.BoolVar(&options.Scheduler, "scheduler", false, "run the scheduler (always with --operator=real)")
	flags.StringVar(&options.AuditPolicyFile, "audit-policy-file", "", "turn the audit log of kube-apiserver on with this policy")
	flags.DurationVar(&options.Patience, "patience", 2*time.Minute, "how long to wait for each program to be ready")
	flags.BoolVar(&noServer, "no-server", false, "do not run this project's server")
	flags.StringVar(&server.Program, "server-program", "", "binary of the server (default .local/bin/vmdistributed-apiserver in the checkout)")
	flags.StringVar((*string)(&server.Store), "server-storage", string(controlplane.StoreEmbedded), "where the server keeps objects: embedded (an etcd in its data directory), etcd (that of the control plane) or host (records in it)")
	flags.StringArrayVar(&server.Args, "server-arg", nil, "a flag for the server; may be given several times")
	return cmd
}

func up(ctx context.Context, options controlplane.Options, server *controlplane.ServerOptions) error {
	unlock, err := controlplane.Lock(ctx, options.Dir, options.Out)
	if err != nil {
		return err
	}
	defer unlock()
	cp, err := controlplane.Start(ctx, options)
	if err == nil && server != nil {
		_, err = cp.StartServer(ctx, *server)
	}
	if err != nil {
		return fmt.Errorf("%w\nWhat was started stays: run this again to go on from here, or down to end it", err)
	}
	return tellHow(options.Out, cp, options.Operator)
}

// tellHow says how the control plane is used.
func tellHow(out io.Writer, cp *controlplane.ControlPlane, operator controlplane.OperatorMode) error {
	text := fmt.Sprintf("The control plane is up. Use it with:\n  export KUBECONFIG=%s PATH=%s:$PATH\n", cp.Kubeconfig(), cp.BinDir())
	proxy, err := cp.ProxyURL()
	if err != nil {
		return err
	}
	switch {
	case proxy == "":
	case operator == controlplane.OperatorReal:
		text += fmt.Sprintf("Nothing runs in pods: what their metrics say is played. They answer through a proxy, such as:\n  curl -x %s http://ADDRESS-OF-A-VMAGENT:8429/metrics\n", proxy)
	default:
		text += fmt.Sprintf("Services answer by their names through a proxy, such as:\n  curl -x %s http://vmauth-NAME.NAMESPACE.svc:8427/health\n", proxy)
	}
	_, err = io.WriteString(out, text)
	return err
}

func newDown(dir *string) *cobra.Command {
	var options controlplane.DownOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "End what up started, and throw its state away",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Dir, options.Out = *dir, cmd.ErrOrStderr()
			unlock, err := controlplane.Lock(cmd.Context(), options.Dir, options.Out)
			if err != nil {
				return err
			}
			defer unlock()
			return controlplane.Down(cmd.Context(), options)
		},
	}
	cmd.Flags().BoolVar(&options.KeepData, "keep-data", false, "keep the state for the next up")
	return cmd
}

var errNotUp = errors.New("the control plane is not up: run make up")

func newStatus(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tell how the programs do; fails if one of them does not do well",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			programs, err := controlplane.Status(cmd.Context(), *dir)
			if err != nil {
				return err
			}
			if len(programs) == 0 {
				return errNotUp
			}
			return printStatus(cmd.OutOrStdout(), programs)
		},
	}
}

func printStatus(out io.Writer, programs []controlplane.ProgramStatus) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "PROGRAM\tPID\tSINCE\tSTATE\tLOG")
	bad := 0 // Errors of writing come back from Flush.
	for _, program := range programs {
		state := "ready"
		if program.Err != nil {
			state = "not ready: " + program.Err.Error()
			bad++
		}
		since := time.Since(program.Started).Round(time.Second)
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", program.Name, program.PID, since, state, program.Log)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d programs do not do well: up starts them again", bad, len(programs))
	}
	return nil
}
