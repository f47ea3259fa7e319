// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

const referencedYAML = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata:
  name: zone-a
  namespace: monitoring
  resourceVersion: "41"
  annotations: {team: sre}
  managedFields:
  - manager: argocd-controller
    operation: Apply
    apiVersion: operator.victoriametrics.com/v1beta1
    fieldsType: FieldsV1
    fieldsV1: {f:spec: {f:vmstorage: {f:replicaCount: {}}}}
  - manager: kubectl-edit
    operation: Update
    apiVersion: operator.victoriametrics.com/v1beta1
    fieldsType: FieldsV1
    fieldsV1: {f:spec: {f:retentionPeriod: {}}}
spec:
  retentionPeriod: "14"
  vmstorage: {replicaCount: 2, maintenanceInsertNodeIDs: [0]}
  vmselect: {replicaCount: 1}
`

const overrideYAML = "{vmstorage: {replicaCount: 0, maintenanceInsertNodeIDs: null, image: {tag: v2}}}"

func planOverride(t *testing.T, live *unstructured.Unstructured, patch map[string]any) OverridePlan {
	t.Helper()
	plan, err := PlanOverride(live, patch, ourOwner, "uid")
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestPlanOverrideMergesAndRecords(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	plan := planOverride(t, live, mapFromYAML(t, overrideYAML))
	want := Difference{
		Kind:     DifferenceSpec,
		Paths:    []string{"vmstorage.image.tag", "vmstorage.maintenanceInsertNodeIDs", "vmstorage.replicaCount"},
		Managers: []string{"argocd-controller"},
	}
	if !reflect.DeepEqual(plan.Difference, want) || plan.Foreign != nil || plan.ForeignManagers != nil {
		t.Errorf("plan is %+v", plan)
	}
	target := mapFromYAML(t, "{retentionPeriod: \"14\", vmstorage: {replicaCount: 0, image: {tag: v2}}, vmselect: {replicaCount: 1}}")
	written := patched(live, plan.Patch)
	if !reflect.DeepEqual(plan.Target, target) || !reflect.DeepEqual(written.Object["spec"], any(target)) {
		t.Errorf("target is %v, written is %v", plan.Target, written.Object["spec"])
	}
	if member(plan.Patch, "metadata", "resourceVersion") != "41" {
		t.Errorf("patch is not guarded: %v", plan.Patch)
	}
	record := `{"applied":{"vmstorage":{"image":{"tag":"v2"},"maintenanceInsertNodeIDs":null,"replicaCount":0}},` +
		`"inverse":{"vmstorage":{"image":null,"maintenanceInsertNodeIDs":[0],"replicaCount":2}}}`
	annotations := map[string]string{"team": "sre", OwnerAnnotation: "monitoring/metrics", OwnerUIDAnnotation: "uid", OverrideAnnotation: record}
	if !reflect.DeepEqual(written.GetAnnotations(), annotations) {
		t.Errorf("annotations are %v", written.GetAnnotations())
	}
	if again := planOverride(t, written, mapFromYAML(t, overrideYAML)); again.Patch != nil || again.Kind != DifferenceNone || !reflect.DeepEqual(again.Target, target) {
		t.Errorf("second plan is %+v", again)
	}
}

func TestPlanOverrideTakenAwayBringsTheOriginalBackAndKeepsTheMark(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	overridden := patched(live, planOverride(t, live, mapFromYAML(t, overrideYAML)).Patch)
	for name, none := range map[string]map[string]any{"nil": nil, "empty": {}} {
		plan := planOverride(t, overridden, none)
		restored := patched(overridden, plan.Patch)
		if plan.Kind != DifferenceSpec || !reflect.DeepEqual(restored.Object["spec"], live.Object["spec"]) {
			t.Errorf("%s: restored to %v", name, restored.Object["spec"])
		}
		if _, there := restored.GetAnnotations()[OverrideAnnotation]; there || !IsOwnedBy(restored, ourOwner) {
			t.Errorf("%s: annotations are %v", name, restored.GetAnnotations())
		}
		if again := planOverride(t, restored, none); again.Patch != nil {
			t.Errorf("%s: second plan is %+v", name, again)
		}
	}
}

func TestPlanOverrideForgetsWhatItNoLongerOverrides(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	overridden := patched(live, planOverride(t, live, mapFromYAML(t, overrideYAML)).Patch)
	changed := planOverride(t, overridden, mapFromYAML(t, "{vmselect: {replicaCount: 3}}"))
	want := mapFromYAML(t, "{retentionPeriod: \"14\", vmstorage: {replicaCount: 2, maintenanceInsertNodeIDs: [0]}, vmselect: {replicaCount: 3}}")
	if !reflect.DeepEqual(changed.Target, want) {
		t.Errorf("target is %v", changed.Target)
	}
}

func TestPlanOverrideNamesWhoeverWroteOverIt(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	patch := mapFromYAML(t, overrideYAML)
	overridden := patched(live, planOverride(t, live, patch).Patch)
	reverted := patched(overridden, map[string]any{"spec": map[string]any{"vmstorage": map[string]any{"replicaCount": int64(7)}, "retentionPeriod": "1"}})
	plan := planOverride(t, reverted, patch)
	if !reflect.DeepEqual(plan.Foreign, []string{"vmstorage.replicaCount"}) || !reflect.DeepEqual(plan.ForeignManagers, []string{"argocd-controller"}) {
		t.Errorf("foreign is %v by %v", plan.Foreign, plan.ForeignManagers)
	}
	again := patched(reverted, plan.Patch)
	restored := patched(again, planOverride(t, again, nil).Patch)
	if got := member(restored.Object, "spec", "vmstorage", "replicaCount"); got != int64(7) {
		t.Errorf("the new original is %v", got)
	}
	if got := planOverride(t, reverted, nil); got.Foreign != nil {
		t.Errorf("an override that is taken away contends at %v", got.Foreign)
	}
}

func TestPlanOverrideFindsForeignSectionsBothWays(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	patch := mapFromYAML(t, "{vmstorage: {image: {tag: v2, repository: r}, podMetadata: {annotations: {example.com/a: b}}}}")
	overridden := patched(live, planOverride(t, live, patch).Patch)
	for name, test := range map[string]struct {
		write map[string]any
		want  []string
	}{
		"section removed":      {write: map[string]any{"image": nil}, want: []string{"vmstorage.image.repository", "vmstorage.image.tag"}},
		"section replaced":     {write: map[string]any{"image": "r:v2"}, want: []string{"vmstorage.image.repository", "vmstorage.image.tag"}},
		"key with dots":        {write: map[string]any{"podMetadata": map[string]any{"annotations": map[string]any{"example.com/a": "c"}}}, want: []string{"vmstorage.podMetadata.annotations[example.com/a]"}},
		"beside the override":  {write: map[string]any{"image": map[string]any{"pullPolicy": "Always"}}},
		"the same value again": {write: map[string]any{"image": map[string]any{"tag": "v2"}}},
	} {
		reverted := patched(overridden, map[string]any{"spec": map[string]any{"vmstorage": test.write}})
		plan := planOverride(t, reverted, patch)
		if len(test.want) == 0 && plan.Foreign != nil {
			t.Errorf("%s: foreign is %v", name, plan.Foreign)
		}
		for _, path := range test.want {
			covered := false
			for _, have := range plan.Foreign {
				covered = covered || have == path || isBelow(path, have)
			}
			if !covered {
				t.Errorf("%s: foreign is %v, want %s", name, plan.Foreign, path)
			}
		}
	}
}

func TestPlanOverrideMarksWithoutTouchingTheSpec(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	plan := planOverride(t, live, nil)
	if plan.Kind != DifferenceMetadata || plan.Patch["spec"] != nil || !IsOwnedBy(patched(live, plan.Patch), ourOwner) {
		t.Errorf("plan is %+v", plan)
	}
}

func TestPlanOverrideWritesNothingForAnotherUID(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	marked := patched(live, planOverride(t, live, nil).Patch)
	if plan, err := PlanOverride(marked, nil, ourOwner, "another-uid"); err != nil || plan.Patch != nil {
		t.Errorf("plan is %+v, %v", plan, err)
	}
}

func TestPlanOverrideRemovesTheRevisionOfAnInlineLife(t *testing.T) {
	live := fromYAML(t, referencedYAML)
	live.SetAnnotations(map[string]string{OwnerAnnotation: ourOwner.String(), RevisionAnnotation: "abc"})
	plan := planOverride(t, live, nil)
	if after := patched(live, plan.Patch); plan.Kind != DifferenceMetadata || RevisionOf(after) != "" {
		t.Errorf("plan is %+v", plan)
	}
}

func TestPlanOverrideRefusesWhatItCannotKnow(t *testing.T) {
	for value, annotations := range map[string]map[string]string{
		"is managed by VMDistributedCluster monitoring/other": {OwnerAnnotation: "monitoring/other"},
		"want namespace/name": {OwnerAnnotation: "metrics"},
		"before the override": {OwnerAnnotation: ourOwner.String(), OverrideAnnotation: "{"},
	} {
		if _, err := PlanOverride(annotated(annotations), nil, ourOwner, ""); err == nil || !strings.Contains(err.Error(), value) {
			t.Errorf("%v: error is %v", annotations, err)
		}
	}
}

// TestPlanOverrideSettlesAndIsReversible plays random histories: overrides that
// change, and others who write in between.
func TestPlanOverrideSettlesAndIsReversible(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 1))
		live := annotated(nil)
		live.Object["spec"] = randomMap(r, 3, false)
		original := override.Apply(live.Object["spec"].(map[string]any), nil)
		disturbed := false
		for range 1 + r.IntN(4) {
			patch := randomMap(r, 3, true)
			live = settle(t, fmt.Sprintf("seed %d", seed), live, patch)
			if r.IntN(4) == 0 {
				disturbed = true
				live = patched(live, map[string]any{"spec": randomMap(r, 2, true)})
				live = settle(t, fmt.Sprintf("seed %d", seed), live, patch)
			}
		}
		live = settle(t, fmt.Sprintf("seed %d", seed), live, nil)
		if !disturbed && !override.Equal(live.Object["spec"], original) {
			t.Fatalf("seed %d: original %v came back as %v", seed, original, live.Object["spec"])
		}
		if len(live.GetAnnotations()) != 2 {
			t.Fatalf("seed %d: annotations left: %v", seed, live.GetAnnotations())
		}
	}
}

// settle carries a plan out and promises that nothing is left to do.
func settle(t *testing.T, what string, live *unstructured.Unstructured, patch map[string]any) *unstructured.Unstructured {
	t.Helper()
	before := live.DeepCopy()
	plan := planOverride(t, live, patch)
	if !reflect.DeepEqual(live, before) {
		t.Fatalf("%s: planning changed its argument", what)
	}
	if (plan.Patch == nil) != (plan.Kind == DifferenceNone) || (plan.Patch["spec"] != nil) != (plan.Kind == DifferenceSpec) {
		t.Fatalf("%s: plan is %+v", what, plan)
	}
	after := patched(live, plan.Patch)
	if !override.Equal(after.Object["spec"], plan.Target) {
		t.Fatalf("%s: spec is %v, target %v", what, after.Object["spec"], plan.Target)
	}
	if again := planOverride(t, after, patch); again.Patch != nil {
		t.Fatalf("%s: after writing %v there is still %v", what, plan.Patch, again.Patch)
	}
	return after
}

func randomMap(r *rand.Rand, depth int, nulls bool) map[string]any {
	m := map[string]any{}
	for _, key := range []string{"a", "b", "c.d"} {
		switch n := r.IntN(8); {
		case n < 2 && depth > 0:
			m[key] = randomMap(r, depth-1, nulls)
		case n == 2:
			m[key] = []any{int64(r.IntN(2)), map[string]any{"x": int64(r.IntN(2))}}
		case n == 3:
			m[key] = int64(r.IntN(2))
		case n == 4:
			m[key] = float64(r.IntN(2)) + 0.5
		case n == 5 && nulls:
			m[key] = nil
		}
	}
	return m
}
