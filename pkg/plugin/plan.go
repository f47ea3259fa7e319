// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
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

With a name, of what is pending. With a file, of what kubectl apply of it would bring: of each VMDistributedCluster in it,
whether there is one of that name already or not; - is standard input. With several, -o json and yaml print a List.

Ends with 2 where a zone is refused what it would be, such as for a definition that the API server does not accept, and
with 0 where guards that refuse now are only waited for.`,
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
			plans, err := s.plansOf(command.Context(), api, file, args)
			if err != nil {
				return err
			}
			return errors.Join(printPlans(s.streams.Out, &print, api, plans), refusedBy(plans))
		},
		ValidArgsFunction: s.completeName,
	}
	command.Flags().StringVarP(&file, "filename", "f", "", "File with the changed VMDistributedClusters.")
	print.addFlags(command, asJSON, asYAML)
	return command
}

// printPlans prints several of them as a List, where it is for programs.
func printPlans(out io.Writer, print *output, api *client.Client, plans []*v1alpha1.VMDistributedClusterPlan) error {
	if print.format == forPeople {
		texts := make([]string, len(plans))
		for i, plan := range plans {
			texts[i] = planText(plan)
		}
		_, err := io.WriteString(out, strings.Join(texts, "\n"))
		return err
	}
	if len(plans) == 1 {
		return print.printObject(out, api, plans[0].Name, plans[0])
	}
	list := &corev1.List{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}}
	for _, plan := range plans {
		list.Items = append(list.Items, runtime.RawExtension{Object: plan})
	}
	return print.printObject(out, api, "", list)
}

// refusedBy zones that would not be touched: what is planned can't come about as it is.
func refusedBy(plans []*v1alpha1.VMDistributedClusterPlan) error {
	var refused []string
	for _, plan := range plans {
		for i := range plan.Zones {
			if plan.Zones[i].Phase != v1alpha1.ZoneRefused {
				continue
			}
			zone := plan.Zones[i].Name
			if len(plans) > 1 {
				zone += " of " + plan.Name
			}
			refused = append(refused, zone)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return exitf(ExitBlocked, "refused: %s", strings.Join(refused, ", "))
}

// plansOf asks for the plan of what is stored, or of all that a file holds.
func (s *session) plansOf(ctx context.Context, api *client.Client, file string, args []string) ([]*v1alpha1.VMDistributedClusterPlan, error) {
	if file == "" {
		plan, err := api.Plan(ctx, client.TrimKind(args[0]))
		return []*v1alpha1.VMDistributedClusterPlan{plan}, err
	}
	manifests, err := s.read(file)
	if err != nil {
		return nil, err
	}
	for _, manifest := range manifests {
		if namespace := manifest.GetNamespace(); namespace != "" && namespace != api.Namespace() {
			return nil, fmt.Errorf("%s is about namespace %s, and the request about %s: give --namespace=%s", file, namespace, api.Namespace(), namespace)
		}
	}
	plans := make([]*v1alpha1.VMDistributedClusterPlan, len(manifests))
	for i, manifest := range manifests {
		if plans[i], err = s.planOf(ctx, api, manifest); err != nil {
			return nil, fmt.Errorf("planning VMDistributedCluster %s/%s: %w", api.Namespace(), manifest.GetName(), err)
		}
	}
	return plans, nil
}

// planOf asks what applying a manifest would bring. Who may plan, and not see what there
// is to merge it into, is told what comes of the manifest alone.
func (s *session) planOf(ctx context.Context, api *client.Client, manifest *unstructured.Unstructured) (*v1alpha1.VMDistributedClusterPlan, error) {
	changed, err := api.Applied(ctx, manifest)
	if apierrors.IsForbidden(err) {
		if _, err := fmt.Fprintf(s.streams.ErrOut, "Warning: planned as if the manifest took the place of the object, since what others have set in it can't be read: %v\n", err); err != nil {
			return nil, err
		}
		return api.PlanChange(ctx, manifest)
	}
	if err != nil {
		return nil, err
	}
	return api.PlanChange(ctx, changed)
}

// read reads all VMDistributedClusters of a file, which may hold nothing else.
func (s *session) read(file string) ([]*unstructured.Unstructured, error) {
	from := s.streams.In
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = opened.Close() }() // it was only read
		from = opened
	}
	var manifests []*unstructured.Unstructured
	documents := utilyaml.NewYAMLReader(bufio.NewReader(from))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) && len(manifests) > 0 {
			return manifests, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading %s: it is empty, want VMDistributedClusters", file)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		manifest := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(text, &manifest.Object); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		if len(manifest.Object) == 0 {
			continue // comments, or nothing between two separators
		}
		if manifest.GetKind() != "VMDistributedCluster" || manifest.GetName() == "" {
			return nil, fmt.Errorf("reading %s: it holds %q %q, want VMDistributedClusters with a name and nothing else", file, manifest.GetKind(), manifest.GetName())
		}
		manifests = append(manifests, manifest)
	}
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
