// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// doing says what the server does for a VMDistributedCluster, "" for nothing that would
// go on by itself. A zone that is out counts even if nothing moves: a pause keeps it so.
func doing(object *unstructured.Unstructured) string {
	zones, _, _ := unstructured.NestedSlice(object.Object, "status", "zones")
	var out []string
	for _, zone := range zones {
		phase, _ := member(zone, "phase").(string)
		if slices.Contains(phasesInWork(), v1alpha1.ZonePhase(phase)) {
			out = append(out, fmt.Sprintf("zone %v is %s", member(zone, "name"), phase))
		}
	}
	if len(out) > 0 {
		return strings.Join(out, ", ")
	}
	if observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration"); observed != object.GetGeneration() {
		return fmt.Sprintf("generation %d has not been looked at yet", object.GetGeneration())
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, condition := range conditions {
		if member(condition, "type") == "Progressing" && member(condition, "status") == "True" && member(condition, "reason") != "RolloutCompleted" {
			return fmt.Sprintf("%v: %v", member(condition, "reason"), member(condition, "message"))
		}
	}
	return ""
}

// phasesInWork are those in which the server has begun something that it has to end.
func phasesInWork() []v1alpha1.ZonePhase {
	return []v1alpha1.ZonePhase{
		v1alpha1.ZoneCreating, v1alpha1.ZoneDraining, v1alpha1.ZoneUpdating, v1alpha1.ZoneFlushing,
		v1alpha1.ZoneRestoring, v1alpha1.ZoneBaking, v1alpha1.ZoneLeaving,
	}
}
