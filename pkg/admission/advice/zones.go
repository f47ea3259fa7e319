// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// onIdleOverrides names overrides that make nothing of a VMCluster but what it is.
// Of an empty one the strategy of the kind tells.
func onIdleOverrides(s *scene) []string {
	idle := s.where(isChanged, not(isInline), exists, func(z *zone) bool {
		own, err := victoriametrics.OwnDefinition(z.live)
		return err == nil && len(z.wanted) > 0 && override.Equal(override.Apply(own, z.wanted), own)
	})
	if len(idle) == 0 {
		return nil
	}
	names := namesOf(idle)
	return []string{wording.Say("%s: %s nothing of %s, which %s these values by %s", placeOf(idle, "overrideSpec"), wording.Plural(names, "changes", "overrides change"),
		wording.Counted("VMCluster", names), wording.Plural(names, "has", "have"), wording.Plural(names, "itself", "themselves"))}
}

// onContested names the field managers that also set what an override or a drain
// will write: a VMUser that is never drained is nobody's business.
func onContested(s *scene) []string {
	var found []string
	if text := contestedOverrides(s); text != "" {
		found = append(found, text)
	}
	var managers []string
	contested := s.usersWhere(func(u *listedUser) bool {
		if !u.added || u.live == nil {
			return false
		}
		others := victoriametrics.RouteManagers(u.live)
		if len(others) == 0 || !slices.ContainsFunc(s.zones, func(z *zone) bool { return s.drainOf(u, z) == drainWrites }) {
			return false
		}
		managers = append(managers, others...)
		return true
	})
	if len(contested) > 0 {
		names, managers := userNames(contested), unique(managers)
		found = append(found, wording.Say("%s: %s also %s spec.targetRefs of %s; applied in a drain, that brings the zone back, so have %s ignore spec.targetRefs",
			placeOfUsers(contested), wording.Counted("field manager", managers), wording.Plural(managers, "sets", "set"), wording.Counted("VMUser", names), wording.Plural(managers, "it", "them")))
	}
	return found
}

func contestedOverrides(s *scene) string {
	var managers, places []string
	zones := s.where(isChanged, not(isInline), exists, func(z *zone) bool {
		plan, err := victoriametrics.PlanOverride(z.live, z.written, s.owner(), s.object.UID)
		if err != nil || plan.Kind != victoriametrics.DifferenceSpec {
			return false
		}
		patch, _ := plan.Patch["spec"].(map[string]any)
		at, others := victoriametrics.Contested(z.live, patch)
		places, managers = append(places, at...), append(managers, others...)
		return len(others) > 0
	})
	if len(zones) == 0 {
		return ""
	}
	managers, places = unique(managers), unique(places)
	who := fmt.Sprintf("%s also %s", wording.Counted("field manager", managers), wording.Plural(managers, "sets", "set"))
	what := fmt.Sprintf("of %s and may put that back; have %s ignore what is overridden", wording.Counted("VMCluster", namesOf(zones)), wording.Plural(managers, "it", "them"))
	at := placeOf(zones, "overrideSpec")
	return wording.Shortest(
		fmt.Sprintf("%s: %s %s %s", at, who, wording.Listed(places), what),
		fmt.Sprintf("%s: %s fields %s", at, who, what),
	)
}

// onAllStorage tells that one request changes vmstorage in every zone that exists.
func onAllStorage(s *scene) []string {
	existing := s.where(exists, func(z *zone) bool { return z.ours(s.owner()) })
	if len(existing) < 2 {
		return nil
	}
	fields := map[string]bool{}
	for _, zone := range existing {
		at := storageFields(s, zone)
		if !zone.changed || len(at) == 0 {
			return nil
		}
		for _, name := range at {
			fields[name] = true
		}
	}
	return []string{wording.Say("spec.zones.vmclusters: one request changes vmstorage (%s) of all %d zones, so that a mistake reaches every copy of the data; "+
		"change one zone first", wording.Listed(slices.Sorted(maps.Keys(fields))), len(existing))}
}

// storageFields are the fields of vmstorage that a zone's definition or override
// changes.
func storageFields(s *scene, z *zone) []string {
	var paths []string
	if z.inline {
		difference, err := victoriametrics.InlineDifference(z.live, z.written, s.owner(), victoriametrics.Revision("inline", z.written))
		if err != nil {
			return nil
		}
		paths = difference.Paths
	} else {
		plan, err := victoriametrics.PlanOverride(z.live, z.written, s.owner(), s.object.UID)
		if err != nil {
			return nil
		}
		paths = plan.Paths
	}
	var fields []string
	for _, path := range paths {
		section, rest, _ := strings.Cut(path, ".")
		if section != "vmstorage" {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		fields = append(fields, cmp.Or(name, "all of it"))
	}
	return unique(fields)
}

func unique(words []string) []string {
	sorted := slices.Clone(words)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
