// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// onAbsent names what the write refers to and does not exist: manifests come in
// any order, so that is no error.
func onAbsent(s *scene) []string {
	var found []string
	absentZones := s.where(isAdded, not(isInline), not(exists), func(z *zone) bool { return s.sure(victoriametrics.VMClusterResource, z.name) })
	if len(absentZones) > 0 {
		names := namesOf(absentZones)
		found = append(found, say("%s: %s %s not exist yet; %s", placeOf(absentZones, "ref"), counted("VMCluster", names),
			plural(names, "does", "do"), plural(names, "the zone waits for it", "their zones wait for them")))
	}
	if name := agentOf(s.object); name != "" && s.agent == nil && s.agentChanged() && s.sure(victoriametrics.VMAgentResource, name) {
		found = append(found, say("spec.vmagent: VMAgent %q does not exist yet; until it does, no healthy zone is changed", name))
	}
	absentUsers := s.usersWhere(func(u *listedUser) bool {
		return u.added && u.live == nil && s.sure(victoriametrics.VMUserResource, u.name)
	})
	if len(absentUsers) > 0 {
		names := userNames(absentUsers)
		found = append(found, say("%s: %s %s not exist yet; until %s, no healthy zone is changed", placeOfUsers(absentUsers), counted("VMUser", names),
			plural(names, "does", "do"), plural(names, "it does", "they do")))
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
		found = append(found, say("%s: %s %s already and %s not made by this object, so %s left alone; refer to %s with ref, or choose another name",
			placeOf(unmarked, "name"), counted("VMCluster", names), plural(names, "exists", "exist"), plural(names, "was", "were"),
			plural(names, "it is", "they are"), plural(names, "it", "them")))
	}
	if names := namesOf(marked); len(names) > 0 {
		found = append(found, say("%s: %s %s marked as another object's, so %s left alone; see annotation %s",
			placeOf(marked, ""), counted("VMCluster", names), plural(names, "is", "are"), plural(names, "it is", "they are"), victoriametrics.OwnerAnnotation))
	}
	return found
}
