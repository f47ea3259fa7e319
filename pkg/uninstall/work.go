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

// workOn says what the server does for a VMDistributedCluster, which is nothing where
// nothing would go on by itself. A zone that is out counts even if nothing moves: a pause
// keeps it so.
func workOn(object *unstructured.Unstructured) Work {
	work := Work{Object: object.GetNamespace() + "/" + object.GetName()}
	work.Paused, _, _ = unstructured.NestedBool(object.Object, "spec", "paused")
	// Where the server has not looked, a zone may be in work by the time that somebody reads this.
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	looked := observed == object.GetGeneration()
	out, watched := zonesOut(object)
	switch {
	case out != "":
		work.Doing, work.Between = out, watched && looked
	case !looked:
		work.Doing = fmt.Sprintf("generation %d has not been looked at yet", object.GetGeneration())
	default:
		work.Doing, work.Between = underWay(object), true
	}
	return work
}

// zonesOut says which zones are in work, and how far, and whether all of them are but
// watched: such a zone has its reads again, and a pause ends that.
func zonesOut(object *unstructured.Unstructured) (said string, watched bool) {
	zones, _, _ := unstructured.NestedSlice(object.Object, "status", "zones")
	var out []string
	watched = true
	for _, zone := range zones {
		phase, _ := member(zone, "phase").(string)
		if slices.Contains(phasesInWork(), v1alpha1.ZonePhase(phase)) {
			out = append(out, fmt.Sprintf("zone %v is %s", member(zone, "name"), phase))
			watched = watched && v1alpha1.ZonePhase(phase) == v1alpha1.ZoneBaking
		}
	}
	return strings.Join(out, ", "), watched
}

// underWay says what the server is about to do where no zone is in work.
func underWay(object *unstructured.Unstructured) string {
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
