// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
)

// speech is a command that says by a verb of the API how a rollout is to go on.
type speech struct {
	session  *session
	verb     client.Verb
	zones    []string
	zone     string // the one that the command line names beside the object
	revision string
	to       string
	reason   string
	dry      dryRun
	print    output
	// outcome says what the answer tells of.
	outcome func(answer *unstructured.Unstructured) string
}

func (s *session) promote() *cobra.Command {
	v := &speech{session: s, verb: client.Promote, outcome: promoted}
	command := v.command(&cobra.Command{
		Use:   "promote NAME",
		Short: "Give your word for zones that wait for it",
		Long: `Give your word for zones that wait for it: that the rollout may go on though something can't be
proven, or that spec.strategy.approval asks for it. It counts for the revision that the zone waits at. Without --zone, it is for all zones that wait now.`,
		Example: `  kubectl vmdc promote metrics --zone=zone-a --reason="the gap is filled"`,
	})
	command.Flags().StringSliceVar(&v.zones, "zone", nil, "Zones to give it for, such as zone-a or zone-a,zone-b.")
	s.completeZoneFlag(command)
	return command
}

func (s *session) abort() *cobra.Command {
	v := &speech{session: s, verb: client.Abort, outcome: aborted}
	command := v.command(&cobra.Command{
		Use:   "abort NAME",
		Short: "Call the change off, and hold",
		Long: `Call the change off: no zone is begun any more, one that is drained and not written gets its reads
back, and one that was written is brought to its end. It beats everything else, edits nothing that a manifest says,
and holds until retry, or until the spec asks for another revision.`,
		Example: `  kubectl vmdc abort metrics --reason="errors in zone-a"`,
	})
	v.addRevision(command)
	return command
}

func (s *session) retry() *cobra.Command {
	v := &speech{session: s, verb: client.Retry, outcome: retried}
	command := v.command(&cobra.Command{
		Use:   "retry NAME",
		Short: "Let a change go on that was called off, or has run out of time",
		Long: `Let a change go on that was called off, and try zones again that went over readyTimeout or were
given up as contended. With --zone, try these zones again and no others: that is how to take a skip back.`,
		Example: `  kubectl vmdc retry metrics

  # A zone that was skipped
  kubectl vmdc retry metrics --zone=zone-b`,
	})
	v.addRevision(command)
	command.Flags().StringSliceVar(&v.zones, "zone", nil, "Zones to try again, such as zone-a or zone-a,zone-b, and nothing else.")
	s.completeZoneFlag(command)
	return command
}

func (s *session) undo() *cobra.Command {
	v := &speech{session: s, verb: client.Undo, outcome: undone}
	command := v.command(&cobra.Command{
		Use:   "undo NAME",
		Short: "Go back to the zones of another revision than spec asks for",
		Long: `Go back to the zones of another revision than spec asks for: the last one that all zones have run
and that was neither undone nor called off, or the one that --to-revision names, of those that history lists. It is
rolled out like any change, and edits nothing that a manifest says: whoever applies the manifest again does not bring
back what was undone. Another spec.zones ends it, and so does undoing to the revision that spec asks for.`,
		Example: `  kubectl vmdc undo metrics --reason="errors in zone-a"

  # To a certain one
  kubectl vmdc history metrics
  kubectl vmdc undo metrics --to-revision=a38004a9d6`,
	})
	command.Flags().StringVar(&v.to, "to-revision", "", "The revision to go back to; the last one before that all zones have run if left out.")
	command.Flags().StringVar(&v.revision, "revision", "", "Do so only if this is the revision that spec asks for now (the one that is wanted in history).")
	// It fails only for a flag that does not exist.
	_ = command.RegisterFlagCompletionFunc("to-revision", s.completeRevision)
	return command
}

func (v *speech) addRevision(command *cobra.Command) {
	command.Flags().StringVar(&v.revision, "revision", "", "Do so only if this is the revision that the object asks for now (status.updateRevision).")
}

func (s *session) skip() *cobra.Command {
	v := &speech{session: s, verb: client.Skip, outcome: skipped}
	command := v.command(&cobra.Command{
		Use:   "skip NAME ZONE --reason=WHY",
		Short: "Leave a zone out, and go on with the others",
		Long: `Leave a zone out of the rollout of the revision that it is to have now, and go on with the others as if
it were none of the list. It is not written any more; one that is in good health gets its reads back, and any other is
kept away from them. The others go on only where enough zones are left to read from. The rollout is complete without
it, and says so. It edits nothing that a manifest says; another revision of the zone ends it, and so does
retry --zone=ZONE.`,
		Example: `  kubectl vmdc skip metrics zone-b --reason="its disks are being replaced"`,
	})
	command.Flags().StringVar(&v.revision, "revision", "", "Do so only if this is the revision that the zone is to have now.")
	// It fails only for a flag that does not exist.
	_ = command.MarkFlagRequired("reason")
	return s.nameAndZone(command, &v.zone)
}

func (s *session) restart() *cobra.Command {
	v := &speech{session: s, verb: client.Restart, outcome: restarted}
	command := v.command(&cobra.Command{
		Use:   "restart NAME",
		Short: "Roll every zone out once more, as it is",
		Long: `Roll every zone out once more, as it is: its pods are started anew, one zone at a time, with all gates of a
change. It edits nothing that a manifest says, and begins where no other rollout is under way.`,
		Example: `  kubectl vmdc restart metrics --reason="another certificate"`,
	})
	v.addRevision(command)
	return command
}

func (v *speech) command(command *cobra.Command) *cobra.Command {
	command.RunE = func(command *cobra.Command, args []string) error {
		api, err := v.session.connect()
		if err != nil {
			return err
		}
		name := client.TrimKind(args[0])
		answer, err := api.Say(command.Context(), name, v.verb, v.body(), metav1.CreateOptions{FieldManager: fieldManager, DryRun: v.dry.values()})
		if err != nil {
			return err
		}
		if v.print.format != forPeople {
			return v.print.printObject(v.session.streams.Out, api, name, answer)
		}
		_, err = fmt.Fprintf(v.session.streams.Out, "%s/%s %s%s\n", api.NamedKind(), name, v.outcome(answer), v.dry.note())
		return err
	}
	command.Flags().StringVar(&v.reason, "reason", "", "Why, for those who read status, events or history later.")
	v.dry.addFlag(command)
	v.print.addFlags(command, asJSON, asYAML, asName)
	return v.session.oneName(command)
}

// body is what the verb is asked for with.
func (v *speech) body() map[string]any {
	body := map[string]any{}
	if v.reason != "" {
		body["reason"] = v.reason
	}
	if v.revision != "" {
		body["revision"] = v.revision
	}
	if v.zone != "" {
		body["zone"] = v.zone
	}
	if v.to != "" {
		body["toRevision"] = v.to
	}
	if len(v.zones) > 0 {
		zones := make([]any, len(v.zones))
		for i, zone := range v.zones {
			zones[i] = map[string]any{"name": zone}
		}
		body["zones"] = zones
	}
	return body
}

func promoted(answer *unstructured.Unstructured) string {
	return "promoted: " + zonesIn(answer)
}

// zonesIn are the zones that an answer names, each at its revision.
func zonesIn(answer *unstructured.Unstructured) string {
	zones, _, _ := unstructured.NestedSlice(answer.Object, "zones")
	var told []string
	for _, zone := range zones {
		if zone, ok := zone.(map[string]any); ok {
			told = append(told, fmt.Sprintf("%v at revision %v", zone["name"], zone["revision"]))
		}
	}
	return strings.Join(told, ", ")
}

func aborted(answer *unstructured.Unstructured) string {
	return fmt.Sprintf("aborted: revision %s is called off", text(answer, "revision"))
}

func skipped(answer *unstructured.Unstructured) string {
	return fmt.Sprintf("skipped: zone %s is left out of the rollout of its revision %s", text(answer, "zone"), text(answer, "revision"))
}

func restarted(answer *unstructured.Unstructured) string {
	return fmt.Sprintf("restarted: revision %s is rolled out once more", text(answer, "revision"))
}

func retried(answer *unstructured.Unstructured) string {
	if zones := zonesIn(answer); zones != "" {
		return "retried: " + zones
	}
	return fmt.Sprintf("retried: revision %s goes on", text(answer, "revision"))
}

func undone(answer *unstructured.Unstructured) string {
	revision, to := text(answer, "revision"), text(answer, "toRevision")
	if revision == to {
		return fmt.Sprintf("not undone any more: revision %s, which spec asks for, is rolled out", revision)
	}
	return fmt.Sprintf("undone: revision %s is rolled out in the place of %s, which spec asks for", to, revision)
}

func text(answer *unstructured.Unstructured, field string) string {
	found, _, _ := unstructured.NestedString(answer.Object, field)
	return found
}
