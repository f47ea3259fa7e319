// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// beside is the drain of one of some zones, in which those take over that are
// neither it nor among the drained.
func beside(zones []Cluster, zone string, drained ...string) Drain {
	drain := Drain{Owner: ourOwner, Known: zones, LastTarget: LastTargetFailOver}
	drain.Zone = drain.cluster(zone)
	drain.Others = slices.DeleteFunc(slices.Clone(zones), func(c Cluster) bool { return c.Name == zone || slices.Contains(drained, c.Name) })
	return drain
}

// drainBoth drains zone-a, then zone-b; nil where one of them is refused, or there
// is nothing to do. Meanwhile may edit the list between the two.
func (c *chance) drainBoth(t *testing.T, user *unstructured.Unstructured, zones []Cluster, meanwhile func(*unstructured.Unstructured)) *unstructured.Unstructured {
	t.Helper()
	for _, drain := range []Drain{beside(zones, "zone-a"), beside(zones, "zone-b", "zone-a")} {
		plan, err := PlanDrain(user, drain)
		if err != nil {
			t.Fatalf("%s: %v", asJSON(user.Object), err)
		}
		if plan.Patch == nil {
			return nil
		}
		if user = patched(user, plan.Patch); drain.Zone.Name == "zone-a" {
			meanwhile(user)
		}
	}
	return user
}

func unedited(*unstructured.Unstructured) {}

// checkAway reports what is wrong with a VMUser that is drained of some zones.
func checkAway(t *testing.T, user *unstructured.Unstructured, zones []Cluster, drained ...string) {
	t.Helper()
	if err := validateUser(user); err != nil {
		t.Fatalf("%s: %v", asJSON(user.Object), err)
	}
	for _, zone := range drained {
		if places, err := ReadRoutes(user, []Cluster{Drain{Known: zones}.cluster(zone)}); err != nil || len(places) > 0 {
			t.Fatalf("%s\nstill leads to %s at %v, error %v", asJSON(user.Object), zone, places, err)
		}
		if !HasDrained(user, ourOwner, zone) {
			t.Fatalf("%s\ndoes not say that it is drained of %s", asJSON(user.Object), zone)
		}
	}
}

// TestZonesThatAreDrainedTogetherComeBackInAnyOrder: at each step the VMUser is a
// valid one, leads to no zone that is still drained, and in the end is the same to
// the byte; so is what the annotation alone makes of it.
func TestZonesThatAreDrainedTogetherComeBackInAnyOrder(t *testing.T) {
	c := newChance(t)
	drains := 0
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		drained := c.drainBoth(t, user, zones, unedited)
		if drained == nil {
			continue
		}
		drains++
		checkAway(t, drained, zones, "zone-a", "zone-b")
		if back := undoneByHand(t, drained); asJSON(back.Object) != asJSON(user.Object) {
			t.Fatalf("%s\nundone by the annotation alone is %s", asJSON(user.Object), asJSON(back.Object))
		}
		for _, order := range [][]string{{"zone-a", "zone-b"}, {"zone-b", "zone-a"}} {
			half := restoreOf(t, drained, backOf(zones, order[0], order[1]))
			checkAway(t, half, zones, order[1])
			if back := restoreOf(t, half, backOf(zones, order[1])); asJSON(back.Object) != asJSON(user.Object) {
				t.Fatalf("%s\ndrained to %s\ngiven back %v is %s", asJSON(user.Object), asJSON(drained.Object), order, asJSON(back.Object))
			}
		}
	}
	if drains < propertyRuns/20 {
		t.Errorf("only %d of %d random users were drained twice", drains, propertyRuns)
	}
}

// backOf gives a zone back, which may take over then for those that stay drained.
func backOf(zones []Cluster, zone string, drained ...string) Drain {
	drain := beside(zones, zone, drained...)
	drain.Others = slices.DeleteFunc(slices.Clone(zones), func(c Cluster) bool { return slices.Contains(drained, c.Name) })
	return drain
}

func TestDrainsOfSeveralZonesChangeNeitherWhichRequestsAreServedNorHow(t *testing.T) {
	c := newChance(t)
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		drained := c.drainBoth(t, user, zones, unedited)
		if drained == nil {
			continue
		}
		steps := map[string]*unstructured.Unstructured{
			"zone-c":        drained,
			"zone-a|zone-c": restoreOf(t, drained, backOf(zones, "zone-a", "zone-b")),
			"zone-b|zone-c": restoreOf(t, drained, backOf(zones, "zone-b", "zone-a")),
		}
		for serving, now := range steps {
			for _, r := range queries() {
				before, after := routed(targetRefsOf(user), r), routed(targetRefsOf(now), r)
				if (before == nil) != (after == nil) || !override.Equal(does(before), does(after)) {
					t.Fatalf("%s\nwith %s is %s\nrequest %v was served by\n%s\nand now is by\n%s",
						asJSON(targetRefsOf(user)), serving, asJSON(targetRefsOf(now)), r, asJSON(before), asJSON(after))
				}
				if leadsTo(t, zones, before) && !leadsElsewhere(after, serving) {
					t.Fatalf("%s\nwith %s is %s\nrequest %v was served by a zone and now goes to\n%s",
						asJSON(targetRefsOf(user)), serving, asJSON(targetRefsOf(now)), r, asJSON(after))
				}
			}
		}
	}
}

// TestNoEditIsLostBetweenTheDrainsOfSeveralZones edits once: after the first drain,
// after the second, or when one zone is back.
func TestNoEditIsLostBetweenTheDrainsOfSeveralZones(t *testing.T) {
	c := newChance(t)
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		var e edits
		edited := func(live *unstructured.Unstructured) {
			e = c.edit(targetRefsOf(live))
			live.Object["spec"].(map[string]any)["targetRefs"] = e.list
		}
		moment := c.IntN(3)
		when := func(now int) func(*unstructured.Unstructured) {
			if now == moment {
				return edited
			}
			return unedited
		}
		drained := c.drainBoth(t, user, zones, when(0))
		if drained == nil {
			continue
		}
		checkAway(t, drained, zones, "zone-a", "zone-b")
		when(1)(drained)
		order := pick(c, []string{"zone-a", "zone-b"}, []string{"zone-b", "zone-a"})
		half := restoreOf(t, drained, backOf(zones, order[0], order[1]))
		checkAway(t, half, zones, order[1])
		when(2)(half)
		back := restoreOf(t, half, backOf(zones, order[1]))
		if complaint := e.check(user, back); complaint != "" {
			t.Fatalf("%s\ndrained to %s\nedited at moment %d to %s\ncame back in order %v as %s: %s", asJSON(targetRefsOf(user)),
				asJSON(targetRefsOf(drained)), moment, asJSON(e.list), order, asJSON(targetRefsOf(back)), complaint)
		}
	}
}

// TestAZoneThatIsGoneIsTakenOffTheRecordAndTheOthersComeBack: nothing leads there
// any more, and all that led elsewhere too does so again.
func TestAZoneThatIsGoneIsTakenOffTheRecordAndTheOthersComeBack(t *testing.T) {
	c := newChance(t)
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		drained := c.drainBoth(t, user, zones, unedited)
		if drained == nil {
			continue
		}
		gone, left := "zone-a", "zone-b"
		if c.IntN(2) == 0 {
			gone, left = left, gone
		}
		patch, err := PlanForget(drained, beside(zones, gone, left))
		if err != nil {
			t.Fatalf("%s: %v", asJSON(drained.Object), err)
		}
		half := patched(drained, patch)
		checkAway(t, half, zones, left)
		back := restoreOf(t, half, backOf(zones, left))
		if err := validateUser(back); err != nil {
			t.Fatalf("%s: %v", asJSON(back.Object), err)
		}
		if places, err := ReadRoutes(back, []Cluster{beside(zones, gone).Zone}); err != nil || len(places) > 0 {
			t.Fatalf("%s\nforgotten to %s\nleads to %s, which is gone, at %v, error %v", asJSON(user.Object), asJSON(back.Object), gone, places, err)
		}
		for _, r := range queries() {
			before, after := routed(targetRefsOf(user), r), routed(targetRefsOf(back), r)
			if (before == nil) != (after == nil) || leadsTo(t, zones, before) && !leadsElsewhere(after, left+"|zone-c") {
				t.Fatalf("%s\nforgotten to %s\nrequest %v was served by\n%s\nand now goes to\n%s",
					asJSON(targetRefsOf(user)), asJSON(targetRefsOf(back)), r, asJSON(before), asJSON(after))
			}
		}
	}
}

func TestTheRecordOfSeveralZonesNamesThemInOrderAndIsNoneOfOneZone(t *testing.T) {
	zones := plainZones(t, "a", "b", "c")
	user := vmuser(t, "targetRefs: "+threeEntries)
	for _, drain := range []Drain{beside(zones, "b"), beside(zones, "a", "b")} {
		plan, err := PlanDrain(user, drain)
		if err != nil || plan.Patch == nil || plan.Again {
			t.Fatalf("plan is %+v, error %v", plan, err)
		}
		user = patched(user, plan.Patch)
	}
	annotation := user.GetAnnotations()[DrainAnnotation(ourOwner)]
	if !strings.HasPrefix(annotation, `{"drain":{"owner":"monitoring/metrics","zones":["b","a"],"taken":[`) {
		t.Errorf("the annotation is %s", annotation)
	}
	want := mapFromYAML(t, "x: [{crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/y]}, {crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/z]}]")
	if have := targetRefsOf(user); !override.Equal(have, want["x"]) {
		t.Errorf("drained to %s", asJSON(have))
	}
	half := restoreOf(t, user, backOf(zones, "b", "a"))
	if annotation := half.GetAnnotations()[DrainAnnotation(ourOwner)]; !strings.HasPrefix(annotation, `{"drain":{"owner":"monitoring/metrics","zone":"a","taken":[{"index":0,`) {
		t.Errorf("with one zone left the annotation is %s", annotation)
	}
}

const threeEntries = "[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/y]}, {crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/z]}]"

// TestWhatWouldComeBackToAZoneCountsAsLeadingThere: an entry that another zone's
// drain has removed leads there as well, once that is over.
func TestWhatWouldComeBackToAZoneCountsAsLeadingThere(t *testing.T) {
	const both = "[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: a, namespace: monitoring}, {name: b, namespace: monitoring}]}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/x]}]"
	zones := plainZones(t, "a", "b", "c")
	user := vmuser(t, "targetRefs: "+both)
	plan, err := PlanDrain(user, beside(zones, "a", "b")) // b is ill
	if err != nil || plan.Patch == nil {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	drained := patched(user, plan.Patch)
	if routes, err := ReadRoutes(drained, zones[1:2]); err != nil || len(routes) > 0 {
		t.Fatalf("%s\nleads to b at %v, error %v", asJSON(drained.Object), routes, err)
	}
	plan, err = PlanDrain(drained, beside(zones, "b", "a"))
	if err != nil || plan.Patch == nil || !slices.Equal(plan.Taken, []string{"spec.targetRefs[0].crd.objects[1]"}) {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	half := restoreOf(t, patched(drained, plan.Patch), backOf(zones, "a", "b"))
	if routes, err := ReadRoutes(half, zones[1:2]); err != nil || len(routes) > 0 {
		t.Errorf("%s\nleads to b at %v, error %v", asJSON(half.Object), routes, err)
	}
	if back := restoreOf(t, half, backOf(zones, "b")); !override.Equal(targetRefsOf(back), targetRefsOf(user)) {
		t.Errorf("came back as %s", asJSON(targetRefsOf(back)))
	}
}

func TestGivingBackOneOfSeveralZonesSaysWhyItCannot(t *testing.T) {
	zones := plainZones(t, "a", "b", "c")
	user := drainedOfBoth(t, zones, threeEntries)
	back := backOf(zones, "a", "b")
	back.Others = nil
	for what, plan := range map[string]func() (map[string]any, error){
		"restore": func() (map[string]any, error) { return PlanRestore(user, back) },
		"forget":  func() (map[string]any, error) { return PlanForget(user, back) },
	} {
		patch, err := plan()
		if patch != nil || err == nil || !strings.Contains(err.Error(), "drain of zone a of VMUser monitoring/reader") || !strings.Contains(err.Error(), "no other zone may take over") {
			t.Errorf("%s: patch is %v, error %v", what, patch, err)
		}
	}
}

// drainedOfBoth is a VMUser that is drained of zone a, then of zone b.
func drainedOfBoth(t *testing.T, zones []Cluster, targets string) *unstructured.Unstructured {
	t.Helper()
	user := vmuser(t, "targetRefs: "+targets)
	for _, drain := range []Drain{beside(zones, "a"), beside(zones, "b", "a")} {
		plan, err := PlanDrain(user, drain)
		if err != nil || plan.Patch == nil {
			t.Fatalf("plan is %+v, error %v", plan, err)
		}
		user = patched(user, plan.Patch)
	}
	return user
}

// TestADrainThatIsUndoneIsRepeatedThoughAnotherZoneIsOffTheList: what is repeated is no
// further drain, and the zone may be about to be written.
func TestADrainThatIsUndoneIsRepeatedThoughAnotherZoneIsOffTheList(t *testing.T) {
	zones := plainZones(t, "a", "b", "c")
	user := drainedOfBoth(t, zones, threeEntries)
	listed := func(zone string) bool { return zone != "a" }
	if busy := BusyDraining(user, ourOwner, "b", listed); busy != "" {
		t.Errorf("for b, which it is drained of, it is busy with %q", busy)
	}
	if busy := BusyDraining(user, ourOwner, "c", listed); !strings.Contains(busy, "zone a, of which it is drained and which the list no longer names") {
		t.Errorf("for another one it is busy with %q", busy)
	}
}

const sharedEntries = "[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: a, namespace: monitoring}, {name: b, namespace: monitoring}]}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/y]}]"

// TestWhatIsRefusedForTheSakeOfAnotherZonesDrainIsToBeTriedAfterIt: it calls for nobody.
// What would be refused all the same does.
func TestWhatIsRefusedForTheSakeOfAnotherZonesDrainIsToBeTriedAfterIt(t *testing.T) {
	zones := plainZones(t, "a", "b", "c")
	refusing := func(zone string, drained ...string) Drain {
		drain := beside(zones, zone, drained...)
		drain.LastTarget = LastTargetRefuse
		return drain
	}
	user := vmuser(t, "targetRefs: "+sharedEntries)
	plan, err := PlanDrain(user, refusing("a"))
	if err != nil || plan.Patch == nil {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	drained := patched(user, plan.Patch)
	plan, err = PlanDrain(drained, refusing("b", "a"))
	if err != nil || !strings.Contains(plan.Refusal, "drain.lastTarget is Refuse") || !slices.Equal(plan.After, []string{"a"}) {
		t.Errorf("beside a, b's plan is %+v, error %v", plan, err)
	}
	plan, err = PlanDrain(drained, refusing("c", "a"))
	if err != nil || !strings.Contains(plan.Refusal, "spec.targetRefs[1].crd serves, and drain.lastTarget is Refuse") || plan.After != nil {
		t.Errorf("c's plan is %+v, error %v", plan, err)
	}
}

// TestTheRecordOfAnOlderVersionIsOneOfOneZone, to the byte, of which there may come to be
// several.
func TestTheRecordOfAnOlderVersionIsOneOfOneZone(t *testing.T) {
	const older = `{"drain":{"owner":"monitoring/metrics","zone":"a","taken":[{"index":0,"left":{"crd":{"kind":"VMCluster/vmselect","name":"b","namespace":"monitoring","objects":[{"name":"c","namespace":"monitoring"}]},"paths":["/x"]}}]},` +
		`"metadata":{"annotations":{"distributed.victoriametrics.com/drain.metrics":null}},"spec":{"targetRefs":[` +
		`{"crd":{"kind":"VMCluster/vmselect","name":"a","namespace":"monitoring"},"paths":["/x"]},{"crd":{"kind":"VMCluster/vmselect","name":"b","namespace":"monitoring"},"paths":["/y"]},{"crd":{"kind":"VMCluster/vmselect","name":"c","namespace":"monitoring"},"paths":["/z"]}]}}`
	zones := plainZones(t, "a", "b", "c")
	original := vmuser(t, "targetRefs: "+threeEntries)
	plan, err := PlanDrain(original, beside(zones, "a"))
	if err != nil || plan.Patch == nil {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	drained := patched(original, plan.Patch)
	if annotation := drained.GetAnnotations()[DrainAnnotation(ourOwner)]; annotation != older {
		t.Errorf("the record is\n%s, and was\n%s", annotation, older)
	}
	drained.SetAnnotations(map[string]string{DrainAnnotation(ourOwner): older})
	plan, err = PlanDrain(drained, beside(zones, "b", "a"))
	if err != nil || plan.Patch == nil {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	half := restoreOf(t, patched(drained, plan.Patch), backOf(zones, "b", "a"))
	if annotation := half.GetAnnotations()[DrainAnnotation(ourOwner)]; annotation != older {
		t.Errorf("with b back the record is\n%s, and was\n%s", annotation, older)
	}
	if back := restoreOf(t, half, backOf(zones, "a")); asJSON(back.Object["spec"]) != asJSON(original.Object["spec"]) {
		t.Errorf("came back as %s", asJSON(back.Object))
	}
}
