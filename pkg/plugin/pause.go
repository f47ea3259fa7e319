// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
)

// fieldManager is the name under which the plugin changes fields.
const fieldManager = "kubectl-vmdc"

func (s *session) pause() *cobra.Command {
	return s.setPaused(true, &cobra.Command{
		Use:   "pause NAME",
		Short: "Set spec.paused, so that nothing is written",
		Long: `Set spec.paused, so that no VMCluster, VMAgent or VMUser is written: a drained zone stays
drained. This edits the spec: what applies the manifest again, such as a GitOps tool, takes it back unless
it is in the manifest too. To stop a rollout and hold, whatever is applied, use abort.`,
		Example: `  kubectl vmdc pause metrics`,
	})
}

func (s *session) resume() *cobra.Command {
	return s.setPaused(false, &cobra.Command{
		Use:   "resume NAME",
		Short: "Take spec.paused back, so that the rollout goes on",
		Long: `Take spec.paused back, so that the rollout goes on where it was. This edits the spec: if the
manifest sets paused, what applies it sets it again.`,
		Example: `  kubectl vmdc resume metrics`,
	})
}

func (s *session) setPaused(paused bool, command *cobra.Command) *cobra.Command {
	var asked dryRun
	command.RunE = func(command *cobra.Command, args []string) error {
		api, err := s.connect()
		if err != nil {
			return err
		}
		name := client.TrimKind(args[0])
		before, err := api.Get(command.Context(), name)
		if err != nil {
			return err
		}
		done := map[bool]string{true: "paused", false: "resumed"}[paused]
		if before.Spec.Paused == paused {
			_, err := fmt.Fprintf(s.streams.Out, "%s/%s unchanged: spec.paused is %t already\n", api.NamedKind(), name, paused)
			return err
		}
		// Only this state of the object is meant.
		patch := fmt.Appendf(nil, `{"metadata":{"resourceVersion":%q},"spec":{"paused":%t}}`, before.ResourceVersion, paused)
		if _, err := api.Patch(command.Context(), name, patch, metav1.PatchOptions{FieldManager: fieldManager, DryRun: asked.values()}); err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.streams.Out, "%s/%s %s: spec.paused is %t now%s\n", api.NamedKind(), name, done, paused, asked.note())
		return err
	}
	asked.addFlag(command)
	return s.oneName(command)
}

// dryRun is kubectl's flag. None of our requests can be tried out at the client.
type dryRun struct{ mode string }

func (d *dryRun) addFlag(command *cobra.Command) {
	command.Flags().StringVar(&d.mode, "dry-run", "none", `Must be "none" or "server". With server, the request is checked and nothing is stored.`)
	cobraComplete(command, "dry-run", "none", "server")
	inner := command.PreRunE
	command.PreRunE = func(command *cobra.Command, args []string) error {
		if err := oneOf("--dry-run", d.mode, []string{"none", "server"}); err != nil {
			return err
		}
		if inner != nil {
			return inner(command, args)
		}
		return nil
	}
}

func (d *dryRun) values() []string {
	if d.mode == "server" {
		return []string{metav1.DryRunAll}
	}
	return nil
}

func (d *dryRun) note() string {
	if d.mode == "server" {
		return " (server dry run)"
	}
	return ""
}
