// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/diagnosis"
)

func (s *session) doctor() *cobra.Command {
	var print output
	command := s.oneName(&cobra.Command{
		Use:   "doctor NAME",
		Short: "Tell why nothing is moving",
		Long: `Tell why nothing is moving: everything that stands in the way of the rollout, with what was
seen, since when, until when at the latest, and what to do. What calls for the user comes first.

Ends with 2 where something calls for the user.`,
		Example: `  kubectl vmdc doctor metrics`,
		RunE: func(command *cobra.Command, args []string) error {
			api, err := s.connect()
			if err != nil {
				return err
			}
			name := client.TrimKind(args[0])
			object, err := api.Get(command.Context(), name)
			if err != nil {
				return err
			}
			report, err := api.Zones(command.Context(), name)
			if err != nil {
				return err
			}
			findings := diagnosis.Of(object, report.Zones)
			if err := s.tell(&print, name, findings); err != nil {
				return err
			}
			if diagnosis.Blocks(findings) {
				return exitf(ExitBlocked, "the rollout of %s waits for the user", name)
			}
			return nil
		},
	})
	print.addFlags(command, asJSON, asYAML)
	return command
}

func (s *session) tell(print *output, name string, findings []diagnosis.Finding) error {
	if print.format != forPeople {
		return print.printValue(s.streams.Out, map[string]any{"findings": findings})
	}
	if len(findings) == 0 {
		_, err := fmt.Fprintf(s.streams.Out, "Nothing stands in the way of %s, and nothing is waited for.\n", name)
		return err
	}
	for _, line := range diagnosis.Lines(findings, s.clock.Now()) {
		if _, err := fmt.Fprintln(s.streams.Out, line); err != nil {
			return err
		}
	}
	return nil
}
