// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// onAbsent names what the write refers to and does not exist: manifests come in
// any order, so that is no error.
func onAbsent(s *scene) []string {
	var found []string
	absentZones := s.where(isAdded, not(isInline), not(exists), func(z *zone) bool { return s.sure(victoriametrics.VMClusterResource, z.name) })
	if len(absentZones) > 0 {
		names := namesOf(absentZones)
		found = append(found, wording.Say("%s: %s %s not exist yet; %s", placeOf(absentZones, "ref"), wording.Counted("VMCluster", names),
			wording.Plural(names, "does", "do"), wording.Plural(names, "the zone waits for it", "their zones wait for them")))
	}
	if name := agentOf(s.object); name != "" && s.agent == nil && s.agentChanged() && s.sure(victoriametrics.VMAgentResource, name) {
		found = append(found, wording.Say("spec.vmagent: VMAgent %q does not exist yet; until it does, no healthy zone is changed", name))
	}
	absentUsers := s.usersWhere(func(u *listedUser) bool {
		return u.added && u.live == nil && s.sure(victoriametrics.VMUserResource, u.name)
	})
	if len(absentUsers) > 0 {
		names := userNames(absentUsers)
		found = append(found, wording.Say("%s: %s %s not exist yet; until %s, no healthy zone is changed", placeOfUsers(absentUsers), wording.Counted("VMUser", names),
			wording.Plural(names, "does", "do"), wording.Plural(names, "it does", "they do")))
	}
	return found
}

func (s *scene) sure(resource schema.GroupVersionResource, name string) bool {
	return !slices.Contains(s.unsure, reference{resource, name})
}

// onForeign names VMClusters that exist and that the rollout leaves alone, since
// they are another's or nobody's.
func onForeign(s *scene) []string {
	var unmarked, marked []*zone
	for _, zone := range s.where(isAdded, exists, func(z *zone) bool { return !z.ours(s.owner()) }) {
		if _, is, _ := victoriametrics.OwnerOf(zone.live); is {
			marked = append(marked, zone)
		} else {
			unmarked = append(unmarked, zone)
		}
	}
	var found []string
	if names := namesOf(unmarked); len(names) > 0 {
		found = append(found, wording.Say("%s: %s %s already and %s not made by this object, so %s left alone; refer to %s with ref, or choose another name",
			placeOf(unmarked, "name"), wording.Counted("VMCluster", names), wording.Plural(names, "exists", "exist"), wording.Plural(names, "was", "were"),
			wording.Plural(names, "it is", "they are"), wording.Plural(names, "it", "them")))
	}
	if names := namesOf(marked); len(names) > 0 {
		found = append(found, wording.Say("%s: %s %s marked as another object's, so %s left alone; see annotation %s",
			placeOf(marked, ""), wording.Counted("VMCluster", names), wording.Plural(names, "is", "are"), wording.Plural(names, "it is", "they are"), victoriametrics.OwnerAnnotation))
	}
	return found
}
