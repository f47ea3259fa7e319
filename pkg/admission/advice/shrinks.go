// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"fmt"
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// onShrinks tells of storage that the write would take away without permission,
// and of the permission.
func onShrinks(s *scene) []string {
	const annotation = victoriametrics.PermitShrinkAnnotation
	permissions, err := victoriametrics.ParsePermissions(s.object.Annotations[annotation])
	if err != nil {
		return nil
	}
	everywhere := s.object.Annotations[annotation] != s.before.Annotations[annotation]
	var wanted []string
	untold := false
	zones := s.where(exists, func(z *zone) bool {
		if !z.changed && !everywhere || !z.ours(s.owner()) {
			return false
		}
		shrinks := victoriametrics.Unpermitted(z.name, victoriametrics.StorageShrinks(z.cluster.Spec, z.target()), permissions)
		for _, shrink := range shrinks {
			wanted = append(wanted, z.name+":"+shrink.String())
			untold = untold || !z.says(shrink.Path)
		}
		return len(shrinks) > 0
	})
	if len(zones) == 0 {
		return nil
	}
	at := placeOf(zones, "")
	inStatus := fmt.Sprintf("%s: takes storage from %s, which the rollout refuses without annotation %s; status will say which",
		at, wording.Counted("zone", namesOf(zones)), annotation)
	if untold {
		return []string{wording.Shortest(inStatus)}
	}
	return []string{wording.Shortest(
		fmt.Sprintf("%s: takes storage away, which the rollout refuses; to permit it, annotate the object with %s: %s", at, annotation, strings.Join(wanted, ", ")),
		fmt.Sprintf("%s: takes storage away; to permit it, annotate %s: %s", at, annotation, strings.Join(wanted, ", ")),
		inStatus,
	)}
}

// target is what the rollout would make of the zone's VMCluster.
func (z *zone) target() map[string]any {
	if z.inline {
		return victoriametrics.InlineTarget(z.live, z.wanted)
	}
	own, err := victoriametrics.OwnDefinition(z.live)
	if err != nil {
		return z.cluster.Spec // nothing is written before that is put right
	}
	return override.Apply(own, z.wanted)
}

// says is true where what becomes of a place in the VMCluster's spec stands in the
// object itself. What comes from the VMCluster's own definition is not for whoever
// may not read it.
func (z *zone) says(place string) bool {
	if z.inline {
		return true
	}
	for _, path := range override.Paths(z.wanted) {
		at := strings.Join(path, ".")
		if place == at || strings.HasPrefix(place, at+".") || strings.HasPrefix(place, at+"[") {
			return true
		}
	}
	return false
}
