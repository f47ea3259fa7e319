// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
)

func (s *session) plan() *cobra.Command {
	var print output
	var file string
	command := &cobra.Command{
		Use:   "plan NAME | plan -f FILE",
		Short: "Tell what a rollout would do, without doing it",
		Long: `Tell what a rollout would do, without doing it: for each zone the difference in its VMCluster, the
steps in their order, what would refuse now, how long it would take by the last updates, and how long the queues of the
VMAgent would last.

With a name, of what is pending. With a file, of what applying the VMDistributedCluster in it would bring, whether there
is one of that name already or not; - is standard input.

Ends with 2 where a zone would be refused.`,
		Example: `  kubectl vmdc plan -f metrics.yaml`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if (file == "") == (len(args) == 0) {
				return fmt.Errorf("%s takes either the name of a VMDistributedCluster, or -f with a manifest of one", command.CommandPath())
			}
			api, err := s.connect()
			if err != nil {
				return err
			}
			plan, err := s.planOf(command.Context(), api, file, args)
			if err != nil {
				return err
			}
			if print.format != forPeople {
				err = print.printObject(s.streams.Out, api, plan.Name, plan)
			} else {
				_, err = io.WriteString(s.streams.Out, planText(plan))
			}
			return errors.Join(err, refusedBy(plan))
		},
		ValidArgsFunction: s.completeName,
	}
	command.Flags().StringVarP(&file, "filename", "f", "", "File with the changed VMDistributedCluster.")
	print.addFlags(command, asJSON, asYAML)
	return command
}

// refusedBy a zone that would not be touched: what is planned can't come about as it is.
func refusedBy(plan *v1alpha1.VMDistributedClusterPlan) error {
	var refused []string
	for i := range plan.Zones {
		if plan.Zones[i].Phase == v1alpha1.ZoneRefused {
			refused = append(refused, plan.Zones[i].Name)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return exitf(ExitBlocked, "refused: %s", strings.Join(refused, ", "))
}

// planOf asks for the plan of what is stored, or of what a file holds.
func (s *session) planOf(ctx context.Context, api *client.Client, file string, args []string) (*v1alpha1.VMDistributedClusterPlan, error) {
	if file == "" {
		return api.Plan(ctx, client.TrimKind(args[0]))
	}
	changed, err := s.read(file)
	if err != nil {
		return nil, err
	}
	if namespace := changed.GetNamespace(); namespace != "" && namespace != api.Namespace() {
		return nil, fmt.Errorf("%s is about namespace %s, and the request about %s: give --namespace=%s", file, namespace, api.Namespace(), namespace)
	}
	return api.PlanChange(ctx, changed)
}

// read reads one VMDistributedCluster.
func (s *session) read(file string) (*unstructured.Unstructured, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(s.streams.In)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	changed := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(text, &changed.Object); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if changed.GetKind() != "VMDistributedCluster" || changed.GetName() == "" {
		return nil, fmt.Errorf("reading %s: it holds %q %q, want one VMDistributedCluster with a name", file, changed.GetKind(), changed.GetName())
	}
	return changed, nil
}

// planText is a plan for people.
func planText(plan *v1alpha1.VMDistributedClusterPlan) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	say("VMDistributedCluster %s/%s, revision %s", plan.Namespace, plan.Name, plan.Revision)
	for _, held := range plan.HeldBy {
		say("Held: %s", held)
	}
	say("")
	for i := range plan.Zones {
		sayZone(say, &plan.Zones[i])
	}
	if len(plan.Steps) == 0 {
		say("Steps: none")
		return out.String()
	}
	say("Steps:")
	for i, step := range plan.Steps {
		about := ""
		if len(step.About) > 0 {
			about = ": " + strings.Join(step.About, ", ")
		}
		say("  %d. %s %s%s", i+1, step.Zone, step.Action, about)
	}
	say("")
	if plan.EstimateSeconds == nil {
		say("Estimate: none, since no zone has been updated before")
	} else {
		say("Estimate: %s, by the last updates", seconds(*plan.EstimateSeconds))
	}
	return out.String()
}

func sayZone(say func(string, ...any), zone *v1alpha1.PlannedZone) {
	turn := ""
	if zone.Turn > 0 {
		turn = fmt.Sprintf(", as number %d", zone.Turn)
	}
	say("Zone %s (%s, %s): %s%s", zone.Name, zone.Source, zone.Phase, zone.WouldDo, turn)
	for _, change := range zone.Changes {
		switch {
		case zone.ValuesHidden:
			say("  ~ %s", change.Path)
		case change.From == "":
			say("  + %s: %s", change.Path, change.To)
		case change.To == "":
			say("  - %s: %s", change.Path, change.From)
		default:
			say("  ~ %s: %s → %s", change.Path, change.From, change.To)
		}
	}
	if zone.MoreChanges > 0 {
		say("  and %d more", zone.MoreChanges)
	}
	if zone.ValuesHidden {
		say("  (values are left out: you may not get VMCluster %s)", zone.Name)
	}
	for _, refusal := range zone.RefusedBy {
		say("  refused now by %s", refusal)
	}
	if zone.LastUpdateSeconds > 0 {
		say("  its last update took %s", seconds(zone.LastUpdateSeconds))
	}
	if zone.QueuesLastSeconds != nil {
		say("  the queues of the VMAgent last %s at the present inflow", seconds(*zone.QueuesLastSeconds))
	}
	say("")
}

func seconds(count int64) string { return duration.HumanDuration(time.Duration(count) * time.Second) }
