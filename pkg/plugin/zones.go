// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
)

func (s *session) zones() *cobra.Command {
	var print output
	command := s.oneName(&cobra.Command{
		Use:   "zones NAME",
		Short: "Tell where each zone stands at this moment",
		Long: `Tell where each zone stands at this moment: its VMCluster as the operator reports it, what is
still to be done about it, and what stands against that. The server reads everything anew for it.`,
		Example: `  kubectl vmdc zones metrics -o wide`,
		RunE: func(command *cobra.Command, args []string) error {
			api, err := s.connect()
			if err != nil {
				return err
			}
			name := client.TrimKind(args[0])
			report, err := api.Zones(command.Context(), name)
			if err != nil {
				return err
			}
			if print.format == asJSON || print.format == asYAML {
				return print.printObject(s.streams.Out, api, name, report)
			}
			if print.format == asName {
				for i := range report.Zones {
					if _, err := fmt.Fprintf(s.streams.Out, "vmcluster.operator.victoriametrics.com/%s\n", report.Zones[i].Cluster.Name); err != nil {
						return err
					}
				}
				return nil
			}
			return printers.NewTablePrinter(printers.PrintOptions{Wide: print.format == wide}).PrintObj(zoneTable(report, s.clock.Now()), s.streams.Out)
		},
	})
	print.addFlags(command, wide, asJSON, asYAML, asName)
	return command
}

func zoneTable(report *v1alpha1.VMDistributedClusterZones, now time.Time) *metav1.Table {
	table := &metav1.Table{ColumnDefinitions: []metav1.TableColumnDefinition{
		{Name: "Zone", Type: "string"},
		{Name: "Source", Type: "string"},
		{Name: "Phase", Type: "string"},
		{Name: "Since", Type: "string"},
		{Name: "Left", Type: "string"},
		{Name: "Still to do", Type: "string"},
		{Name: "Status", Type: "string"},
		{Name: "Waiting for", Type: "string"},
		{Name: "Applied", Type: "string", Priority: 1},
		{Name: "Wanted", Type: "string", Priority: 1},
		{Name: "Generation", Type: "string", Priority: 1},
		{Name: "Reason", Type: "string", Priority: 1},
	}}
	for i := range report.Zones {
		zone := &report.Zones[i]
		table.Rows = append(table.Rows, metav1.TableRow{Cells: []any{
			zone.Name, string(zone.Source), string(zone.Phase), ago(&zone.Since, now), ahead(zone.Deadline, now),
			cmp.Or(string(zone.WouldDo), "-"), cmp.Or(zone.Cluster.UpdateStatus, "-"), cmp.Or(zone.WaitingFor, "-"),
			cmp.Or(zone.RevisionApplied, "-"), cmp.Or(zone.RevisionWanted, "-"),
			fmt.Sprintf("%d/%d", zone.Cluster.ObservedGeneration, zone.Cluster.Generation), cmp.Or(zone.Reason, "-"),
		}})
	}
	return table
}

func ago(at *metav1.Time, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(now.Sub(at.Time), 0))
}

func ahead(at *metav1.Time, now time.Time) string {
	switch {
	case at.IsZero():
		return "-"
	case now.After(at.Time):
		return "over"
	}
	return duration.HumanDuration(at.Sub(now))
}
