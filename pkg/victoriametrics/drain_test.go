// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

func plainZones(t *testing.T, names ...string) []Cluster {
	t.Helper()
	var zones []Cluster
	for _, name := range names {
		spec := "vmselect: {}"
		if name == "extra" {
			spec = "vmselect: {serviceSpec: {spec: {}}}"
		}
		zones = append(zones, zone(t, name, spec))
	}
	return zones
}

func TestPlanDrainTakesOutTheZonesPartOnly(t *testing.T) {
	for what, test := range map[string]struct {
		others     string
		lastTarget LastTarget
		have, want string
	}{
		"an object": {
			"b c", LastTargetRefuse,
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: b, namespace: monitoring}, {name: a, namespace: monitoring, x: 1}]}, paths: [/x], odd: {y: 1}}]",
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: b, namespace: monitoring}]}, paths: [/x], odd: {y: 1}}]",
		},
		"a name beside objects": {
			"b", LastTargetRefuse,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring, useExtraService: true, objects: [{name: b, namespace: monitoring}]}}]",
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: b, namespace: monitoring}]}}]",
		},
		"a URL": {
			"b", LastTargetRefuse,
			"[{static: {urls: ['http://vmselect-a:8481', 'http://vmselect-b:8481']}, load_balancing_policy: first_available}]",
			"[{static: {urls: ['http://vmselect-b:8481']}, load_balancing_policy: first_available}]",
		},
		"a whole entry that the next one stands in for": {
			"b", LastTargetRefuse,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x, /y]}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/y, /x]}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/y, /x]}]",
		},
		"a whole entry that what is no zone stands in for": {
			"", LastTargetRefuse,
			"[{static: {url: 'http://vmselect-a/x'}, paths: [/x, /y]}, {static: {url: 'http://metrics.example.com/x'}, paths: [/y, /x]}]",
			"[{static: {url: 'http://metrics.example.com/x'}, paths: [/y, /x]}]",
		},
		"a whole entry that was hidden by one that stands in": {
			"b", LastTargetRefuse,
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMAgent, name: w, namespace: monitoring}}, {crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x]}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMAgent, name: w, namespace: monitoring}}]",
		},
		"the target of an entry whose removal would let requests for everything through": {
			"b c", LastTargetRefuse,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]",
		},
		"the target of an entry whose removal would let another one come first": {
			"b c", LastTargetRefuse,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}, {crd: {kind: VMSingle, name: w, namespace: monitoring}}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}, {crd: {kind: VMSingle, name: w, namespace: monitoring}}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]",
		},
		"the last target, over to one zone": {
			"b", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, target_path_suffix: /select/0}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, target_path_suffix: /select/0}]",
		},
		"the last target, over to several zones": {
			"b c", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring, objects: [{name: c, namespace: monitoring}]}}]",
		},
		"the last URL": {
			"b c", LastTargetFailOver,
			"[{static: {url: 'https://u:p@vmselect-a.monitoring.svc:8481/select/0?q=1'}}]",
			"[{static: {urls: ['https://u:p@vmselect-b.monitoring.svc:8481/select/0?q=1', 'https://u:p@vmselect-c.monitoring.svc:8481/select/0?q=1']}}]",
		},
		"an entry whose stand-in serves another tenant": {
			"b", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, target_path_suffix: /select/0, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, target_path_suffix: /select/1, paths: [/x]}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, target_path_suffix: /select/0, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, target_path_suffix: /select/1, paths: [/x]}]",
		},
		"the target of an entry that another one with a new target comes after": {
			"b", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x], headers: ['X: 1']}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/x]}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/x], headers: ['X: 1']}, {crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/x]}]",
		},
		"two URLs that become one": {
			"b", LastTargetFailOver,
			"[{static: {urls: ['http://vmselect-a:8481', 'http://vmselect-a-0.vmselect-a:8481']}}]",
			"[{static: {urls: ['http://vmselect-b:8481']}}]",
		},
		"an extra service where the other zone has none": {
			"b", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring, useExtraService: true}}]",
			"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]",
		},
		"an extra service where the other zone has one": {
			"extra", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: a, namespace: monitoring, useExtraService: true}]}}]",
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: extra, namespace: monitoring, useExtraService: true}]}}]",
		},
		"an entry whose stand-in has another path in its URL": {
			"b", LastTargetFailOver,
			"[{static: {url: 'http://vmselect-a/select/0'}, paths: [/x]}, {static: {url: 'http://vmselect-b/select/1'}, paths: [/x]}]",
			"[{static: {url: 'http://vmselect-b/select/0'}, paths: [/x]}, {static: {url: 'http://vmselect-b/select/1'}, paths: [/x]}]",
		},
		"an object beside a VMCluster that may not take over": {
			"b", LastTargetFailOver,
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: a, namespace: monitoring}, {name: ill, namespace: monitoring}]}}]",
			"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: b, namespace: monitoring}, {name: ill, namespace: monitoring}]}}]",
		},
	} {
		t.Run(what, func(t *testing.T) {
			user := vmuser(t, "targetRefs: "+test.have)
			plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0], Others: plainZones(t, strings.Fields(test.others)...), LastTarget: test.lastTarget})
			if err != nil || plan.Refusal != "" || plan.Again {
				t.Fatalf("plan is %+v, error %v", plan, err)
			}
			if member(plan.Patch, "metadata", "resourceVersion") != "7" {
				t.Errorf("the patch is not guarded: %v", plan.Patch)
			}
			want := member(mapFromYAML(t, "targetRefs: "+test.want), "targetRefs")
			if have := member(plan.Patch, "spec", "targetRefs"); !override.Equal(have, want) {
				t.Errorf("targets are %s, want %s", asJSON(have), asJSON(want))
			}
			if err := validateUser(patched(user, plan.Patch)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPlanDrainRefusesAndSaysWhy(t *testing.T) {
	only := "[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]"
	static := "[{static: {url: 'http://vmselect-a'}}]"
	for what, test := range map[string]struct {
		targets    string
		others     []Cluster
		lastTarget LastTarget
		want       string
	}{
		"Refuse":                   {only, plainZones(t, "b"), LastTargetRefuse, "spec.targetRefs[0].crd serves, and drain.lastTarget is Refuse"},
		"nobody to take over":      {only, nil, LastTargetFailOver, "no other zone may take over"},
		"only itself to take over": {only, plainZones(t, "a"), LastTargetFailOver, "no other zone may take over"},
		"no vmselect to take over": {only, []Cluster{zone(t, "b", "vminsert: {}")}, LastTargetFailOver, "no other zone may take over"},
		"another path prefix":      {only, []Cluster{zone(t, "b", "vmselect: {extraArgs: {http.pathPrefix: /x}}")}, LastTargetFailOver, "no other zone may take over"},
		"another protocol":         {static, []Cluster{zone(t, "b", "vmselect: {extraArgs: {tls: \"true\"}}")}, LastTargetFailOver, "no other zone may take over"},
		"a name beside the target": {"[{name: read, crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]", plainZones(t, "b"), LastTargetFailOver, `beside name "read"`},
		"a stand-in that is not healthy": {
			"[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: ill, namespace: monitoring}, paths: [/x]}]",
			plainZones(t, "b"), LastTargetRefuse, "drain.lastTarget is Refuse",
		},
	} {
		plan, err := PlanDrain(vmuser(t, "targetRefs: "+test.targets), Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0], Others: test.others, LastTarget: test.lastTarget})
		if err != nil || plan.Patch != nil || !strings.Contains(plan.Refusal, test.want) || !strings.Contains(plan.Refusal, "VMUser monitoring/reader") {
			t.Errorf("%s: plan is %+v, error %v, want refusal %q", what, plan, err, test.want)
		}
	}
}

func TestPlanDrainDoesNothingWhereNothingLeadsToTheZone(t *testing.T) {
	user := vmuser(t, "targetRefs: [{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]")
	plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0], Others: nil, LastTarget: LastTargetRefuse})
	if err != nil || plan.Patch != nil || plan.Refusal != "" {
		t.Errorf("plan is %+v, error %v", plan, err)
	}
}

// drainedUser is drained of zone a for an owner.
func drainedUser(t *testing.T, owner types.NamespacedName, targets string) *unstructured.Unstructured {
	t.Helper()
	user := vmuser(t, "targetRefs: "+targets)
	plan, err := PlanDrain(user, Drain{Owner: owner, Zone: plainZones(t, "a")[0], Others: plainZones(t, "b"), LastTarget: LastTargetFailOver})
	if err != nil || plan.Patch == nil {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	return patched(user, plan.Patch)
}

const twoEntries = "[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x]}, {crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/y]}]"

func TestOneOwnerAtATimeDrainsAVMUser(t *testing.T) {
	theirs := drainedUser(t, types.NamespacedName{Namespace: "monitoring", Name: "theirs"}, twoEntries)
	plan, err := PlanDrain(theirs, Drain{Owner: ourOwner, Zone: plainZones(t, "c")[0], Others: plainZones(t, "b"), LastTarget: LastTargetFailOver})
	if err != nil || plan.Patch != nil || !strings.Contains(plan.Refusal, "VMDistributedCluster monitoring/theirs has drained it of zone a") {
		t.Errorf("with a drain of somebody else the plan is %+v, error %v", plan, err)
	}
	listed, gone := func(string) bool { return true }, func(zone string) bool { return zone != "a" }
	if busy := BusyDraining(theirs, ourOwner, "b", listed); !strings.Contains(busy, "zone a, of which VMDistributedCluster monitoring/theirs has drained it") {
		t.Errorf("with a drain of somebody else it is busy with %q", busy)
	}
	ours := drainedUser(t, ourOwner, twoEntries)
	if busy := BusyDraining(ours, ourOwner, "b", listed); busy != "" {
		t.Errorf("with our own drain of another zone it is busy with %q", busy)
	}
	if busy := BusyDraining(ours, ourOwner, "b", gone); !strings.Contains(busy, "zone a, of which it is drained and which the list no longer names") {
		t.Errorf("with our own drain of a zone that is no longer listed it is busy with %q", busy)
	}
	if patch, err := PlanRestore(theirs, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0]}); err != nil || patch != nil {
		t.Errorf("restoring what others took: patch is %v, error %v", patch, err)
	}
}

func TestDrainingAgainRemembersWhatWasAddedMeanwhile(t *testing.T) {
	user := drainedUser(t, ourOwner, twoEntries)
	added := mapFromYAML(t, "{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/z]}")
	user.Object["spec"].(map[string]any)["targetRefs"] = append(targetRefsOf(user), added)
	plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0], Others: plainZones(t, "b"), LastTarget: LastTargetFailOver})
	if err != nil || plan.Patch == nil || !plan.Again {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	back := targetRefsOf(restore(t, patched(user, plan.Patch)))
	want := append(targetRefsOf(vmuser(t, "targetRefs: "+twoEntries)), added)
	if !override.Equal(back, want) {
		t.Errorf("restored to %s, want %s", asJSON(back), asJSON(want))
	}
}

func TestRestoringMergesATargetThatSomebodyEdited(t *testing.T) {
	for now, want := range map[string]string{
		// Failed over to b, and somebody added c: a comes back for b, c stays.
		"[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: b, namespace: monitoring}, {name: c, namespace: monitoring}]}, paths: [/x]}]": "[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: a, namespace: monitoring}, {name: c, namespace: monitoring}]}, paths: [/x]}]",
		// Somebody pointed it to another zone.
		"[{crd: {kind: VMCluster/vmselect, name: c, namespace: monitoring}, paths: [/x]}]": "[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: a, namespace: monitoring}, {name: c, namespace: monitoring}]}, paths: [/x]}]",
		// Somebody gave it a target of another kind.
		"[{static: {url: 'http://metrics.example.com'}, paths: [/x]}]": "[{static: {url: 'http://metrics.example.com'}, paths: [/x]}]",
		// Somebody changed what it matches.
		"[{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}, paths: [/y]}]": "[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/y]}]",
	} {
		user := drainedUser(t, ourOwner, "[{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}, paths: [/x]}]")
		user.Object["spec"].(map[string]any)["targetRefs"] = member(mapFromYAML(t, "targetRefs: "+now), "targetRefs")
		back := restore(t, user)
		if !override.Equal(targetRefsOf(back), member(mapFromYAML(t, "targetRefs: "+want), "targetRefs")) {
			t.Errorf("%s\nrestored to %s, want %s", now, asJSON(targetRefsOf(back)), want)
		}
		if err := validateUser(back); err != nil {
			t.Error(err)
		}
	}
}

func TestEntriesComeBackBesideTheirNeighbours(t *testing.T) {
	// Entries by their path; those of zone a go, since another one stands in.
	list := func(paths ...string) []any {
		var entries []any
		for _, path := range paths {
			name := strings.TrimLeft(path, "123456789")
			entries = append(entries, mapFromYAML(t, "{crd: {kind: VMCluster/vmselect, name: "+name+", namespace: monitoring}, paths: [/"+path[:1]+", /x]}"))
		}
		return entries
	}
	user := vmuser(t, "username: reader")
	user.Object["spec"].(map[string]any)["targetRefs"] = list("1b", "1a", "2c", "3b", "3a")
	plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0], Others: plainZones(t, "b"), LastTarget: LastTargetRefuse})
	if err != nil || plan.Patch == nil {
		t.Fatalf("plan is %+v, error %v", plan, err)
	}
	drained := patched(user, plan.Patch)
	if want := list("1b", "2c", "3b"); !override.Equal(targetRefsOf(drained), want) {
		t.Fatalf("drained to %s", asJSON(targetRefsOf(drained)))
	}
	for _, test := range []struct{ now, want []any }{
		{list("1b", "2c", "3b"), list("1b", "1a", "2c", "3b", "3a")},
		{list("9d", "1b", "2c", "3b", "8d"), list("9d", "1b", "1a", "2c", "3b", "3a", "8d")},
		{list("3b", "2c", "1b"), list("3b", "3a", "2c", "1b", "1a")},
		{list("2c", "3b"), list("1a", "2c", "3b", "3a")},
		{list("9d", "8d"), list("9d", "1a", "3a", "8d")},
		{list("3a", "1b", "2c", "3b"), list("3a", "1b", "1a", "2c", "3b")},
	} {
		live := drained.DeepCopy()
		live.Object["spec"].(map[string]any)["targetRefs"] = test.now
		if back := targetRefsOf(restore(t, live)); !override.Equal(back, test.want) {
			t.Errorf("%s\nrestored to %s, want %s", asJSON(test.now), asJSON(back), asJSON(test.want))
		}
	}
}

func TestAnEntryThatSomebodyAddedBackIsNotDoubled(t *testing.T) {
	user := drainedUser(t, ourOwner, twoEntries)
	original := targetRefsOf(vmuser(t, "targetRefs: "+twoEntries))
	user.Object["spec"].(map[string]any)["targetRefs"] = append(targetRefsOf(user), original[0])
	if back := targetRefsOf(restore(t, user)); !override.Equal(back, original) {
		t.Errorf("restored to %s, want %s", asJSON(back), asJSON(original))
	}
}

func TestDrainAnnotationsAreValidAndTellOwnersApart(t *testing.T) {
	long := strings.Repeat("a.b-", 62)
	keys := map[string]string{}
	for _, name := range []string{"m", "metrics", strings.Repeat("x", 57), strings.Repeat("x", 58), long + "1", long + "2"} {
		key := DrainAnnotation(types.NamespacedName{Namespace: "monitoring", Name: name})
		if errs := validation.ValidateAnnotations(map[string]string{key: ""}, field.NewPath("annotations")); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		if other, taken := keys[key]; taken {
			t.Errorf("%s and %s have the same key %s", name, other, key)
		}
		keys[key] = name
	}
}

func TestDrainRecordsTellsWhoDrainedWhat(t *testing.T) {
	owner := types.NamespacedName{Namespace: "monitoring", Name: strings.Repeat("long.", 50) + "x"}
	records, err := DrainRecords(drainedUser(t, owner, twoEntries))
	if err != nil || len(records) != 1 || records[0].Owner != owner || records[0].zones() != "a" || len(records[0].Original) != 2 {
		t.Errorf("records are %+v, error %v", records, err)
	}
}

func TestDrainRecordsNamesTheAnnotationThatItCannotRead(t *testing.T) {
	for value, want := range map[string]string{
		"{":                                    "unexpected end",
		"{}":                                   `want namespace/name`,
		`{"drain":{"owner":"m/x","zone":1}}`:   "drain.zone must be of type string",
		`{"drain":{"owner":"m/x","zone":"a"}}`: "no spec.targetRefs",
		`{"drain":{"owner":"m/x","zone":"a"},"spec":{"targetRefs":[{}]}}`:                       "no drain.taken",
		`{"drain":{"owner":"m/x","zone":"a","taken":[{"index":1}]},"spec":{"targetRefs":[{}]}}`: "drain.taken[0].index is 1",
		`{"drain":{"owner":"m/y","zone":"a","taken":[]},"spec":{"targetRefs":[{}]}}`:            "its owner is m/y",
		`{"drain":{"owner":"m/x","zones":[]}}`:                                                  "want a zone",
		`{"drain":{"owner":"m/x","zones":["a",1]}}`:                                             "must hold names",
		`{"drain":{"owner":"m/x","zones":"a"}}`:                                                 "drain.zones must be of type array",
		`{"drain":{"owner":"m/x","zones":["a","b","a"]}}`:                                       "several different ones",
		`{"drain":{"owner":"m/x","zones":["a",""]}}`:                                            "several different ones",
	} {
		user := vmuser(t, "targetRefs: [{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]")
		user.SetAnnotations(map[string]string{DrainAnnotationPrefix + "x": value})
		_, listed := DrainRecords(user)
		_, drain := PlanDrain(user, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0], Others: plainZones(t, "b"), LastTarget: LastTargetFailOver})
		_, restored := PlanRestore(user, Drain{Owner: ourOwner, Zone: plainZones(t, "a")[0]})
		for _, err := range []error{listed, drain, restored} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), DrainAnnotationPrefix+"x of VMUser monitoring/reader") {
				t.Errorf("%s: error is %v, want %q", value, err, want)
			}
		}
	}
}

func TestUndrainableNamesObjectAndPlace(t *testing.T) {
	auth := fromYAML(t, `
kind: VMAuth
metadata: {name: gate, namespace: monitoring}
spec:
  defaultTargetRefs:
  - {name: read, crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}
  - {name: other, crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}
  - {name: fixed, static: {urls: ["http://vmselect-b", "http://vmselect-a"]}}
`)
	for spec, want := range map[string]string{
		"targetRefs: [{crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]":                     "",
		"targetRefs: [{static: {url: 'http://vmselect-a'}}]":                                                  "",
		"targetRefs: [{static: {url: 'http://vminsert-a'}}]":                                                  "",
		"targetRefs: [{name: other}, {name: unknown}]":                                                        "",
		"targetRefs: [{name: read, crd: {name: b}}]":                                                          "",
		"targetRefs: [{}, {name: read, paths: [/x]}]":                                                         "spec.targetRefs[1], put together with spec.defaultTargetRefs[0] of VMAuth monitoring/gate",
		"targetRefs: [{name: other, crd: {name: a}}]":                                                         "spec.defaultTargetRefs[1]",
		"targetRefs: [{name: fixed}]":                                                                         ".static.urls[1] leads to zone a",
		"targetRefs: [{crd: {kind: VMCluster/vmstorage, name: a, namespace: monitoring}}]":                    "spec.targetRefs[0].crd leads to zone a as VMCluster/vmstorage",
		"targetRefs: [{crd: {kind: VMCluster, objects: [{name: a}]}}]":                                        "spec.targetRefs[0].crd.objects[0] leads to zone a as VMCluster,",
		"targetRefs: [{static: {url: 'http://vmstorage-a:8482'}}]":                                            "spec.targetRefs[0].static.url leads to the vmstorage of zone a",
		"targetRefs: [{static: {url: 'http://*.monitoring.svc'}}]":                                            "cannot tell where",
		"targetRefs: [{static: {url: 'http://%zz'}}]":                                                         "cannot tell where",
		"{targetRefs: [{crd: {kind: VMAgent, name: x}}], default_url: ['http://x', 'http://vmselect-a/404']}": "spec.default_url[1] leads to zone a",
		"targetRefs: {}": "spec.targetRefs must be of type array",
	} {
		have := Undrainable(vmuser(t, spec), []*unstructured.Unstructured{auth}, plainZones(t, "a")[0])
		checkSentences(t, spec, have, want, "VMUser monitoring/reader")
	}
}

func TestUndrainableAuthNamesObjectAndPlace(t *testing.T) {
	for spec, want := range map[string]string{
		"defaultTargetRefs: [{name: read, crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]":                                "",
		"unauthorizedUserAccessSpec: {targetRefs: [{crd: {kind: VMCluster/vmselect, name: b, namespace: monitoring}}]}":                     "",
		"unauthorizedUserAccessSpec: {targetRefs: [{}, {crd: {kind: VMCluster/vmselect, name: a, namespace: monitoring}}]}":                 "spec.unauthorizedUserAccessSpec.targetRefs[1].crd leads to zone a",
		"unauthorizedUserAccessSpec: {targetRefs: [{static: {urls: ['http://vmselect-a']}}]}":                                               "targetRefs[0].static.urls[0] leads to zone a",
		"{defaultTargetRefs: [{name: read, static: {url: 'http://vmselect-a'}}], unauthorizedUserAccessSpec: {targetRefs: [{name: read}]}}": "spec.unauthorizedUserAccessSpec.targetRefs[0], put together with spec.defaultTargetRefs[0]",
		"unauthorizedUserAccessSpec: {url_prefix: 'http://vmselect-a'}":                                                                     "spec.unauthorizedUserAccessSpec.url_prefix leads to zone a",
		"unauthorizedUserAccessSpec: {url_map: [{url_prefix: ['http://vmselect-a']}]}":                                                      "url_map[0].url_prefix[0] leads to zone a",
		"unauthorizedUserAccessSpec: {url_prefix: 'http://x', default_url: ['http://vmselect-a']}":                                          "default_url[0] leads to zone a",
		"unauthorizedAccessConfig: [{src_paths: [/x], url_prefix: ['http://x', 'http://vmclusterlb-a']}]":                                   "spec.unauthorizedAccessConfig[0].url_prefix[1] leads to zone a",
		"unauthorizedAccessConfig: {}": "spec.unauthorizedAccessConfig must be of type array",
	} {
		auth := fromYAML(t, "kind: VMAuth\nmetadata: {name: gate, namespace: monitoring}\nspec:\n"+indent(spec))
		checkSentences(t, spec, UndrainableAuth(auth, plainZones(t, "a")[0]), want, "VMAuth monitoring/gate")
	}
}

func checkSentences(t *testing.T, what string, have []string, want ...string) {
	t.Helper()
	if want[0] == "" {
		if len(have) > 0 {
			t.Errorf("%s: %q, want nothing", what, have)
		}
		return
	}
	if len(have) != 1 {
		t.Errorf("%s: %q, want one sentence with %q", what, have, want)
		return
	}
	for _, part := range want {
		if !strings.Contains(have[0], part) {
			t.Errorf("%s: %q, want it to say %q", what, have[0], part)
		}
	}
}

func TestTheAnnotationReadsAsAMergePatch(t *testing.T) {
	user := drainedUser(t, ourOwner, twoEntries)
	have, err := yaml.JSONToYAML([]byte(user.GetAnnotations()[DrainAnnotation(ourOwner)]))
	if err != nil {
		t.Fatal(err)
	}
	want := `drain:
  owner: monitoring/metrics
  taken:
  - index: 0
    left:
      crd:
        kind: VMCluster/vmselect
        name: b
        namespace: monitoring
      paths:
      - /x
  zone: a
metadata:
  annotations:
    distributed.victoriametrics.com/drain.metrics: null
spec:
  targetRefs:
  - crd:
      kind: VMCluster/vmselect
      name: a
      namespace: monitoring
    paths:
    - /x
  - crd:
      kind: VMCluster/vmselect
      name: c
      namespace: monitoring
    paths:
    - /y
`
	if string(have) != want {
		t.Errorf("annotation is\n%s\nwant\n%s", have, want)
	}
}
