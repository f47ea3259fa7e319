// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
)

// completer is the name under which kubectl calls a plugin for completion: a link to
// this program is all it takes (kubectl's documentation of plugins).
const completer = "kubectl_complete-vmdc"

// Run carries out a command line, the program's name first, and returns what the
// program is to end with.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	command := newCommand(&session{flags: genericclioptions.NewConfigFlags(true), streams: streams, clock: clock.RealClock{}})
	rest := args[1:]
	if filepath.Base(args[0]) == completer {
		rest = append([]string{cobra.ShellCompRequestCmd}, rest...)
	}
	command.SetArgs(rest)
	err := command.ExecuteContext(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(streams.ErrOut, "error: %v\n", err) // there is nobody else to tell
	}
	return exitCode(err)
}

// session is what all commands share.
type session struct {
	flags   *genericclioptions.ConfigFlags
	streams genericiooptions.IOStreams
	clock   clock.WithTicker
}

func newCommand(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-vmdc",
		Short: "See and steer the rollouts of VMDistributedClusters",
		Long: `See and steer the rollouts of VMDistributedClusters.

Ends with 0 when what was asked for came to be, 1 when the call was wrong or a request
failed, 2 when the rollout waits for the user, and 3 when it took too long.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl vmdc"},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.streams.In)
	root.SetOut(s.streams.Out)
	root.SetErr(s.streams.ErrOut)
	s.flags.AddFlags(root.PersistentFlags())
	root.AddCommand(s.status(), s.zones(), s.wait(), s.doctor(), s.plan(), s.history(),
		s.promote(), s.abort(), s.retry(), s.undo(), s.skip(), s.restart(), s.pause(), s.resume(), s.version())
	return root
}

// connect finds the cluster and the namespace that the flags name.
func (s *session) connect() (*client.Client, error) {
	namespace, _, err := s.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	return client.New(s.flags, namespace, s.streams.ErrOut)
}

// oneName has a command take the name of one object, and complete it.
func (s *session) oneName(command *cobra.Command) *cobra.Command {
	command.Args = func(command *cobra.Command, args []string) error {
		if len(args) != 1 || client.TrimKind(args[0]) == "" {
			return fmt.Errorf("%s takes the name of one VMDistributedCluster, such as %q; got %s", command.CommandPath(), command.CommandPath()+" metrics", given(args))
		}
		return nil
	}
	command.ValidArgsFunction = s.completeName
	return command
}

// given is what the command line names, for a message.
func given(args []string) string {
	if len(args) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(args), strings.Join(args, " "))
}

// nameAndZone has a command take the name of one object and that of one of its zones, and
// complete both.
func (s *session) nameAndZone(command *cobra.Command, zone *string) *cobra.Command {
	command.Args = func(command *cobra.Command, args []string) error {
		if len(args) != 2 || client.TrimKind(args[0]) == "" || args[1] == "" {
			return fmt.Errorf("%s takes the name of one VMDistributedCluster and that of one of its zones, such as %q; got %s",
				command.CommandPath(), command.CommandPath()+" metrics zone-a", given(args))
		}
		*zone = args[1]
		return nil
	}
	command.ValidArgsFunction = func(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return s.completeName(command, args, begun)
		}
		return s.completeZone(command, args, begun)
	}
	return command
}

// completeZoneFlag has the flag of a command that names zones offer them.
func (s *session) completeZoneFlag(command *cobra.Command) {
	// It fails only for a flag that does not exist.
	_ = command.RegisterFlagCompletionFunc("zone", s.completeZone)
}

// completeZone offers the zones of the object that is named.
func (s *session) completeZone(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	api, err := s.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	object, err := api.Get(command.Context(), client.TrimKind(args[0]))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for i := range object.Status.Zones {
		if name := object.Status.Zones[i].Name; strings.HasPrefix(name, begun) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeName offers the objects of the namespace.
func (s *session) completeName(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	api, err := s.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	objects, err := api.List(command.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, object := range objects {
		if strings.HasPrefix(object.Name, begun) {
			names = append(names, object.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
