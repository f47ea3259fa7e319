// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
)

func (s *session) history() *cobra.Command {
	var print output
	var only string
	command := s.oneName(&cobra.Command{
		Use:   "history NAME",
		Short: "List the revisions that one can go back to",
		Long: `List the revisions that are on record, the latest first: how the last rollout of each ended, who asked
for it, and why. With --revision, one of them with its zones. What was in the specs is not shown.`,
		Example: `  kubectl vmdc history metrics
  kubectl vmdc history metrics --revision=a38004a9d6`,
		RunE: func(command *cobra.Command, args []string) error {
			api, err := s.connect()
			if err != nil {
				return err
			}
			name := client.TrimKind(args[0])
			history, err := api.History(command.Context(), name)
			if err != nil {
				return err
			}
			if only != "" {
				if err := keepOnly(history, only); err != nil {
					return err
				}
			}
			return s.tellHistory(&print, api, history, only != "")
		},
	})
	command.Flags().StringVar(&only, "revision", "", "Show this revision only, with its zones.")
	// It fails only for a flag that does not exist.
	_ = command.RegisterFlagCompletionFunc("revision", s.completeRevision)
	print.addFlags(command, wide, asJSON, asYAML, asName)
	return command
}

// keepOnly leaves one revision of a history.
func keepOnly(history *v1alpha1.VMDistributedClusterHistory, revision string) error {
	known := revisionsOf(history)
	i := slices.Index(known, revision)
	if i < 0 {
		return fmt.Errorf("there is no record of revision %q of VMDistributedCluster %s; on record are %s", revision, history.Name, cmp.Or(strings.Join(known, ", "), "none"))
	}
	history.Revisions = history.Revisions[i : i+1]
	return nil
}

func revisionsOf(history *v1alpha1.VMDistributedClusterHistory) []string {
	var revisions []string
	for i := range history.Revisions {
		revisions = append(revisions, history.Revisions[i].Revision)
	}
	return revisions
}

// tellHistory prints revisions; a single one with its zones.
func (s *session) tellHistory(print *output, api *client.Client, history *v1alpha1.VMDistributedClusterHistory, single bool) error {
	out, now := s.streams.Out, s.clock.Now()
	switch {
	case print.format == asJSON || print.format == asYAML:
		return print.printObject(out, api, history.Name, history)
	case print.format == asName:
		for _, revision := range revisionsOf(history) {
			if _, err := fmt.Fprintln(out, revision); err != nil {
				return err
			}
		}
		return nil
	case single:
		_, err := io.WriteString(out, revisionText(history, &history.Revisions[0], now))
		return err
	}
	if len(history.Revisions) == 0 {
		_, err := fmt.Fprintf(s.streams.ErrOut, "No revisions of %s are on record.\n", history.Name)
		return err
	}
	return printers.NewTablePrinter(printers.PrintOptions{Wide: print.format == wide}).PrintObj(historyTable(history, now), out)
}

func historyTable(history *v1alpha1.VMDistributedClusterHistory, now time.Time) *metav1.Table {
	table := &metav1.Table{ColumnDefinitions: []metav1.TableColumnDefinition{
		{Name: "Revision", Type: "string"},
		{Name: "Number", Type: "string"},
		{Name: "Outcome", Type: "string"},
		{Name: "Is", Type: "string"},
		{Name: "Started", Type: "string"},
		{Name: "Author", Type: "string"},
		{Name: "Cause", Type: "string"},
		{Name: "Finished", Type: "string", Priority: 1},
		{Name: "Zones", Type: "string", Priority: 1},
	}}
	for i := range history.Revisions {
		report := &history.Revisions[i]
		zones := make([]string, len(report.Zones))
		for j, zone := range report.Zones {
			zones[j] = zone.Name + "=" + zone.Revision
		}
		table.Rows = append(table.Rows, metav1.TableRow{Cells: []any{
			report.Revision, strconv.FormatInt(report.Number, 10), outcomeOf(report), standing(report), ago(report.Started, now),
			cmp.Or(report.Author, "-"), cmp.Or(report.Cause, "-"), ago(report.Finished, now), cmp.Or(strings.Join(zones, ","), "-"),
		}})
	}
	return table
}

// outcomeOf is how the last rollout of a revision ended, if it has.
func outcomeOf(report *v1alpha1.RevisionReport) string {
	return cmp.Or(string(report.Outcome), "under way")
}

// standing is what a revision is to the object.
func standing(report *v1alpha1.RevisionReport) string {
	var is []string
	for _, part := range []struct {
		true bool
		name string
	}{{report.Current, "Current"}, {report.Wanted, "Wanted"}, {report.ByUndo, "ByUndo"}} {
		if part.true {
			is = append(is, part.name)
		}
	}
	return cmp.Or(strings.Join(is, ","), "-")
}

// revisionText is one revision for people.
func revisionText(history *v1alpha1.VMDistributedClusterHistory, report *v1alpha1.RevisionReport, now time.Time) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	say("VMDistributedCluster %s/%s, revision %s, number %d", history.Namespace, history.Name, report.Revision, report.Number)
	say("Outcome:   %s", outcomeOf(report))
	say("Is:        %s", standing(report))
	say("Started:   %s", moment(report.Started, now))
	say("Finished:  %s", moment(report.Finished, now))
	say("Author:    %s", cmp.Or(report.Author, "-"))
	say("Cause:     %s", cmp.Or(report.Cause, "-"))
	say("Zones:")
	for _, zone := range report.Zones {
		say("  %s at revision %s", zone.Name, zone.Revision)
	}
	return out.String()
}

func moment(at *metav1.Time, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%s, %s ago", at.UTC().Format(time.RFC3339), ago(at, now))
}

// completeRevision offers the revisions on record of the object that is named.
func (s *session) completeRevision(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	api, err := s.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	history, err := api.History(command.Context(), client.TrimKind(args[0]))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	offered := slices.DeleteFunc(revisionsOf(history), func(revision string) bool { return !strings.HasPrefix(revision, begun) })
	return offered, cobra.ShellCompDirectiveNoFileComp
}
