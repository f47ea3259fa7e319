// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// onRoutes holds the VMUsers that are listed against the zones.
func onRoutes(s *scene) []string {
	changed := s.zonesChanged()
	astray := s.usersWhere(func(u *listedUser) bool {
		return (u.added || changed) && u.live != nil && !u.unreadable && len(u.reads) == 0
	})
	var found []string
	if names := userNames(astray); len(names) > 0 {
		found = append(found, wording.Say("%s: %s %s from none of the zones", placeOfUsers(astray), wording.Counted("VMUser", names), wording.Plural(names, "reads", "read")))
	}
	if names := unread(s); len(names) > 0 {
		found = append(found, wording.Say("spec.vmusers: none of those listed leads to %s, whose reads are not taken away before %s changed",
			wording.Counted("zone", names), wording.Plural(names, "it is", "they are")))
	}
	return found
}

// unread are the zones that no listed VMUser leads to; none where that can't be
// told, or where none leads to any.
func unread(s *scene) []string {
	reached := map[string]bool{}
	for _, user := range s.listed {
		if user.live == nil || user.unreadable {
			return nil
		}
		for _, name := range user.reads {
			reached[name] = true
		}
	}
	if len(reached) == 0 {
		return nil
	}
	everywhere := s.usersChanged()
	return namesOf(s.where(func(z *zone) bool { return (everywhere || z.added) && !reached[z.name] }))
}

// onUnlisted names the VMUsers that lead to zones and are not listed: clients of
// theirs meet a zone that is being changed.
func onUnlisted(s *scene) []string {
	here, elsewhere := unlisted(s)
	none := len(s.listed) == 0 && (s.created || s.usersChanged())
	const noneListed = "spec.vmusers: none is listed, so that no reads are taken from a zone before it is changed"
	var found []string
	switch {
	case none && len(here) > 0:
		found = append(found, wording.Say("%s; %s %s there", noneListed, wording.Counted("VMUser", here), wording.Plural(here, "leads", "lead")))
	case none:
		found = append(found, noneListed)
	case len(here) > 0:
		found = append(found, wording.Say("spec.vmusers: %s %s to zones and %s not listed, so that %s reads may fail while a zone is changed",
			wording.Counted("VMUser", here), wording.Plural(here, "leads", "lead"), wording.Plural(here, "is", "are"), wording.Plural(here, "its", "their")))
	}
	if len(elsewhere) > 0 {
		found = append(found, wording.Say("spec.vmusers: %s of %s to zones and can't be listed, so that %s reads may fail while a zone is changed",
			wording.Counted("VMUser", elsewhere), wording.Plural(elsewhere, "another namespace leads", "other namespaces lead"), wording.Plural(elsewhere, "its", "their")))
	}
	return found
}

// unlisted are the VMUsers of the object's namespace, and those of others.
func unlisted(s *scene) (here, elsewhere []string) {
	named := map[string]bool{}
	for _, user := range s.listed {
		named[user.name] = true
	}
	everywhere := s.usersChanged()
	looked := map[string]bool{}
	for _, zone := range s.zones {
		looked[zone.name] = everywhere || zone.added
	}
	for _, user := range s.users {
		local := user.GetNamespace() == s.object.Namespace
		if local && named[user.GetName()] {
			continue
		}
		reads, err := s.readMap.ZonesOf(user)
		switch {
		case err != nil || !slices.ContainsFunc(reads, func(name string) bool { return looked[name] }):
		case local:
			here = append(here, user.GetName())
		default:
			elsewhere = append(elsewhere, user.GetNamespace()+"/"+user.GetName())
		}
	}
	return here, elsewhere
}

// onUndrainable tells where reads can't be taken from a zone, so that the guard
// refuses to change it.
func onUndrainable(s *scene) []string {
	if len(s.listed) == 0 {
		return nil
	}
	var found []string
	for _, user := range s.listed {
		if user.live != nil {
			found = append(found, undrainableBy(s, user)...)
		}
	}
	if reasons := undrainableAuths(s); len(reasons) > 0 {
		found = append(found, refusal("spec.vmusers", reasons))
	}
	return found
}

// undrainableAuths looks at what leads to zones from VMAuths themselves.
func undrainableAuths(s *scene) []string {
	everywhere := s.usersChanged()
	var reasons []string
	for _, zone := range s.where(func(z *zone) bool { return everywhere || z.added }) {
		for _, auth := range s.auths {
			if !spend(&s.left.pairs, 1) {
				return reasons
			}
			reasons = append(reasons, victoriametrics.UndrainableAuth(auth, zone.cluster)...)
		}
	}
	return reasons
}

// undrainableBy looks at one VMUser.
func undrainableBy(s *scene, user *listedUser) []string {
	everywhere := user.added || s.object.Spec.Strategy.Drain.LastTarget != s.before.Spec.Strategy.Drain.LastTarget
	var reasons, lasting []string
	for _, zone := range s.where(func(z *zone) bool { return everywhere || z.added }) {
		if !spend(&s.left.pairs, 1) {
			break
		}
		if why := victoriametrics.Undrainable(user.live, s.auths, zone.cluster); len(why) > 0 {
			reasons = append(reasons, why...)
			continue
		}
		if s.drainOf(user, zone) == drainRefused {
			lasting = append(lasting, zone.name)
		}
	}
	var found []string
	if len(reasons) > 0 {
		found = append(found, refusal(user.path.String(), reasons))
	}
	if len(lasting) > 0 {
		found = append(found, wording.Say("%s: VMUser %q can't be drained of %s (spec.strategy.drain.lastTarget is %s); while healthy, %s not changed",
			user.path, user.name, wording.Counted("zone", lasting), s.object.Spec.Strategy.Drain.LastTarget, wording.Plural(lasting, "it is", "they are")))
	}
	return found
}

// refusal says the first of the reasons, each of which names object and place.
func refusal(path string, reasons []string) string {
	more := ""
	if len(reasons) > 1 {
		more = fmt.Sprintf(" (and %d more like this)", len(reasons)-1)
	}
	return wording.Shortest(
		fmt.Sprintf("%s: %s%s; such a zone is not changed while it is healthy", path, reasons[0], more),
		fmt.Sprintf("%s: %s%s", path, reasons[0], more),
	)
}

// drainOutcome is what a drain of a zone does to a VMUser.
type drainOutcome int

const (
	// drainNothing: nothing is written. So it is where nobody has looked.
	drainNothing drainOutcome = iota
	drainWrites
	drainRefused
)

// drainOf tells what draining a zone does to a VMUser.
func (s *scene) drainOf(user *listedUser, from *zone) drainOutcome {
	if outcome, known := user.drains[from.name]; known {
		return outcome
	}
	if user.live == nil || !slices.Contains(user.reads, from.name) || !spend(&s.left.plans, 1) {
		return drainNothing
	}
	if user.drains == nil {
		user.drains = map[string]drainOutcome{}
	}
	user.drains[from.name] = s.planDrain(user.live, from)
	return user.drains[from.name]
}

// planDrain plans the drain with all other zones to take over. One that is on is
// done; that another could not begin beside it is no sign of anything.
func (s *scene) planDrain(user *unstructured.Unstructured, from *zone) drainOutcome {
	switch records, err := victoriametrics.DrainRecords(user); {
	case err != nil:
		return drainNothing
	case len(records) > 0:
		return drainWrites
	}
	var others []victoriametrics.Cluster
	for _, zone := range s.zones {
		if zone != from {
			others = append(others, zone.cluster)
		}
	}
	if len(others) == 0 {
		return drainNothing
	}
	plan, err := victoriametrics.PlanDrain(user, victoriametrics.Drain{
		Owner: s.owner(), Zone: from.cluster, Others: others, LastTarget: victoriametrics.LastTarget(s.object.Spec.Strategy.Drain.LastTarget),
	})
	switch {
	case err != nil:
		return drainNothing
	case plan.Refusal != "":
		return drainRefused
	case plan.Patch == nil:
		return drainNothing
	}
	return drainWrites
}

// usersWhere returns the listed VMUsers of which something is true.
func (s *scene) usersWhere(holds func(*listedUser) bool) []*listedUser {
	var found []*listedUser
	for _, user := range s.listed {
		if holds(user) {
			found = append(found, user)
		}
	}
	return found
}

func userNames(users []*listedUser) []string {
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = user.name
	}
	return names
}

// placeOfUsers is the path of one VMUser, or that of the list where there are
// several.
func placeOfUsers(users []*listedUser) string {
	if len(users) == 1 {
		return users[0].path.String()
	}
	return "spec.vmusers"
}
