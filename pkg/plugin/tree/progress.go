// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// steps is how many a zone goes through, from its turn to the end of its update:
// Draining, Updating, Flushing, Restoring, and done.
const steps = 5

// stepsDone is how many of them a zone in a phase has behind it. A zone that is
// there and not healthy has been updated: what it lacks is no step of a rollout.
var stepsDone = map[v1alpha1.ZonePhase]int{
	v1alpha1.ZoneDraining:  1,
	v1alpha1.ZoneCreating:  2,
	v1alpha1.ZoneUpdating:  2,
	v1alpha1.ZoneFailed:    2,
	v1alpha1.ZoneFlushing:  3,
	v1alpha1.ZoneRestoring: 4,
	v1alpha1.ZoneBaking:    steps,
	v1alpha1.ZoneReady:     steps,
	v1alpha1.ZoneUnhealthy: steps,
}

// Progress is how much of the way a zone has behind it, in percent.
func Progress(phase v1alpha1.ZonePhase) int { return 100 * stepsDone[phase] / steps }

// overall is the mean over all zones.
func overall(zones []v1alpha1.ZoneStatus) int {
	if len(zones) == 0 {
		return 0
	}
	sum := 0
	for i := range zones {
		sum += Progress(zones[i].Phase)
	}
	return sum / len(zones)
}

// barWidth is how many characters a bar has between its ends.
const barWidth = 10

func bar(percent int) string {
	full := barWidth * percent / 100
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}
