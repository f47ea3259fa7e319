// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/client"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// waiter waits for a rollout.
type waiter struct {
	session *session
	zone    string
	patient bool
	quiet   bool
	timeout time.Duration
	said    string
}

func (s *session) wait() *cobra.Command {
	w := &waiter{session: s}
	command := s.oneName(&cobra.Command{
		Use:   "wait NAME",
		Short: "Wait until a rollout is complete",
		Long: `Wait until the rollout is complete: every zone runs what the spec asks for, in good health,
and nothing is left to do. What happens meanwhile is told line by line.

Ends with 0 then, with 2 as soon as the rollout waits for the user (it is stalled, paused or only observed, or a zone waits for an approval),
with 3 when the time is over, and with 1 if the object is not there, or goes.`,
		Example: `  kubectl apply -f metrics.yaml && kubectl vmdc wait metrics --timeout=1h

  # Until the first zone has the change
  kubectl vmdc wait metrics --zone=zone-a`,
		RunE: func(command *cobra.Command, args []string) error {
			api, err := s.connect()
			if err != nil {
				return err
			}
			return w.wait(command.Context(), api, client.TrimKind(args[0]))
		},
	})
	command.Flags().StringVar(&w.zone, "zone", "", "Wait for this zone only: until it runs what the spec asks for and has its reads back.")
	command.Flags().BoolVar(&w.patient, "patient", false, "Go on waiting while the rollout waits for the user.")
	command.Flags().BoolVarP(&w.quiet, "quiet", "q", false, "Tell nothing meanwhile.")
	command.Flags().DurationVar(&w.timeout, "timeout", 0, "How long to wait, such as 30m; without end if 0.")
	return command
}

func (w *waiter) wait(ctx context.Context, api *client.Client, name string) error {
	limited, stop := ctx, context.CancelFunc(func() {})
	if w.timeout > 0 {
		limited, stop = context.WithTimeout(ctx, w.timeout)
	}
	defer stop()
	var latest string
	err := api.Follow(limited, name, func(object *v1alpha1.VMDistributedCluster) (bool, error) {
		done, told, err := w.judge(object)
		latest = told
		return done, errors.Join(err, w.say(told))
	})
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case wait.Interrupted(err) || limited.Err() != nil && err != nil:
		return exitf(ExitTimeout, "%s is not there after %s: %s", w.goal(name), w.timeout, latest)
	}
	return err
}

func (w *waiter) goal(name string) string {
	if w.zone != "" {
		return fmt.Sprintf("zone %s of %s", w.zone, name)
	}
	return "the end of the rollout of " + name
}

// say tells what is new.
func (w *waiter) say(told string) error {
	if w.quiet || told == w.said {
		return nil
	}
	w.said = told
	_, err := fmt.Fprintln(w.session.streams.Out, told)
	return err
}

// judge tells whether what is waited for has come, or will not come by itself.
func (w *waiter) judge(object *v1alpha1.VMDistributedCluster) (done bool, told string, err error) {
	status := &object.Status
	if object.Generation != status.ObservedGeneration {
		return false, fmt.Sprintf("generation %d of spec has not been looked at yet", object.Generation), nil
	}
	if found := meta.FindStatusCondition(status.Conditions, rollout.ConditionReconciling); found != nil && found.Reason == rollout.NotObserved {
		return false, found.Message, nil
	}
	told = fmt.Sprintf("%d of %d zones updated", status.UpdatedZones, len(status.Zones))
	if status.Reason != "" {
		told += ": " + status.Reason
	}
	if w.zone != "" {
		zone := zoneOf(status, w.zone)
		switch {
		case zone == nil:
			return false, told, fmt.Errorf("VMDistributedCluster %s has no zone %q", object.Name, w.zone)
		case zone.Phase == v1alpha1.ZoneReady || zone.Phase == v1alpha1.ZoneBaking:
			return true, fmt.Sprintf("zone %s is updated", w.zone), nil
		case zone.Reason == rollout.ReasonSkipped && !w.patient:
			return false, told, exitf(ExitBlocked, "zone %s of %s waits for the user: %s", w.zone, object.Name, zone.WaitingFor)
		}
	} else if status.UpdateStatus == rollout.StatusOperational {
		if status.Reason != "" {
			return true, fmt.Sprintf("revision %s runs in %d of %d zones: %s", status.UpdateRevision, status.UpdatedZones, len(status.Zones), status.Reason), nil
		}
		return true, fmt.Sprintf("revision %s runs in all zones", status.UpdateRevision), nil
	}
	if why := blocked(status); why != "" && !w.patient {
		return false, told, exitf(ExitBlocked, "the rollout of %s waits for the user: %s", object.Name, why)
	}
	return false, told, nil
}

// zoneOf is what status says of a zone; nil of one that it does not know.
func zoneOf(status *v1alpha1.VMDistributedClusterStatus, name string) *v1alpha1.ZoneStatus {
	for i := range status.Zones {
		if zone := &status.Zones[i]; zone.Name == name {
			return zone
		}
	}
	return nil
}

// blocked says for what a rollout waits that only the user can bring about.
func blocked(status *v1alpha1.VMDistributedClusterStatus) string {
	for _, condition := range []string{rollout.ConditionPaused, rollout.ConditionObserving, rollout.ConditionStalled} {
		if found := meta.FindStatusCondition(status.Conditions, condition); found != nil && found.Status == metav1.ConditionTrue {
			return found.Reason + ": " + found.Message
		}
	}
	// For a word that was to be asked for no condition stands: the rollout is as it should be.
	for i := range status.Zones {
		if zone := &status.Zones[i]; zone.Reason == rollout.ReasonWaitingForApproval {
			return fmt.Sprintf("zone %s: %s: %s", zone.Name, zone.Reason, zone.WaitingFor)
		}
	}
	return ""
}
