// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// onStrategy tells where the number of zones keeps the rollout from changing any.
func onStrategy(s *scene) []string {
	zones, wanted := len(s.object.Spec.Zones.VMClusters), wantedBeside(s.object)
	same := zones == len(s.before.Spec.Zones.VMClusters) && wanted == wantedBeside(s.before)
	switch {
	case !s.created && same || wanted < zones:
		return nil
	case zones == 1:
		return []string{wording.Say("spec.strategy.minAvailableZones: is %d, and there is no other zone, so that a healthy one is never changed; "+
			"0 allows it, with reads failing meanwhile", wanted)}
	}
	return []string{wording.Say("spec.strategy.minAvailableZones: is %d, and of %d zones only %d can be in service beside the one to be changed, so that no healthy zone ever is",
		wanted, zones, zones-1)}
}

// wantedBeside is how many other zones must be in service for one to be changed.
func wantedBeside(object *vmdistributed.VMDistributedCluster) int {
	return int(ptr.Deref(object.Spec.Strategy.MinAvailableZones, 1))
}

// onNoAgent tells what the rollout does without.
func onNoAgent(s *scene) []string {
	if s.object.Spec.VMAgent != nil || !s.created && !s.agentChanged() {
		return nil
	}
	return []string{"spec.vmagent: none is named, so that a zone gets its reads back without a wait for what was written meanwhile"}
}
