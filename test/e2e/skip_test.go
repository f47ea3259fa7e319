// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/responders"
)

func TestAZoneThatIsSkippedWhileDrainedGetsItsReadsBackAndOthersGoOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "north", "west"}
	w := s.newWorld(zones, nil, s.readers(zones))
	late := w.pods("vmauth")[1]
	w.behave(late, responders.Behaviour{Stuck: true})
	w.changeRetention(worldName)
	w.untilWaits("Draining", "WaitingForVMAuth", late)
	_, err := w.own.Skip(t.Context(), worldName, &v1alpha1.VMDistributedClusterSkip{Zone: "east", Reason: "its disks"}, metav1.CreateOptions{})
	must(t, err)
	w.untilRouted("east", true)
	w.behave(late, responders.Behaviour{})
	s.until(worldName, "complete without east", func(object *own) string {
		if object.Status.UpdateStatus != "operational" || !strings.Contains(object.Status.Reason, "zone east was skipped by ") {
			return object.Status.UpdateStatus + ": " + object.Status.Reason
		}
		return ""
	})
	w.expectUpdates("north@2", "west@2")

	_, err = w.own.Retry(t.Context(), worldName, &v1alpha1.VMDistributedClusterRetry{Zones: []v1alpha1.ZoneRevision{{Name: "east"}}}, metav1.CreateOptions{})
	must(t, err)
	s.until(worldName, "complete", func(object *own) string {
		if object.Status.UpdatedZones != 3 || object.Status.UpdateStatus != "operational" {
			return object.Status.UpdateStatus + ": " + object.Status.Reason
		}
		return ""
	})
	w.expectUpdates("north@2", "west@2", "east@2")
	for _, zone := range zones {
		w.untilRouted(zone, true)
	}
}
