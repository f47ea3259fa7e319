// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package skew

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/chronicle"
)

// onEachStore runs a test for replicas of two versions on each store.
func onEachStore(t *testing.T, test func(*testing.T, *pair)) {
	t.Parallel()
	for _, store := range stores {
		t.Run(string(store), func(t *testing.T) {
			t.Parallel()
			test(t, newPair(t, store))
		})
	}
}

// TestAnOlderReplicaKeepsWhatANewerOneHasStored in each way to write that the API has, and
// serves none of it.
func TestAnOlderReplicaKeepsWhatANewerOneHasStored(t *testing.T) {
	onEachStore(t, func(t *testing.T, p *pair) {
		p.apply(p.next, "gitops", manifest("demo", "v1", true))
		p.untilReady("demo") // the older one has created both zones, and has written status
		p.patch(p.next, types.JSONPatchType, fmt.Sprintf(
			`[{"op":"add","path":"/status/%s","value":"in status"},{"op":"add","path":"/status/zones/0/%s","value":"in the status of a zone"}]`, field, field), "status")
		all := []string{"in spec", "in a zone", "in status", "in the status of a zone"}
		p.expectFields("as stored", all...)
		generation := p.get(p.next, "demo").GetGeneration()
		for _, c := range []struct {
			name  string
			write func()
		}{
			{"put", func() {
				p.put(p.previous, "demo", func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"by": "put"}) })
			}},
			{"merge patch", func() {
				p.patch(p.previous, types.MergePatchType, `{"metadata":{"annotations":{"by":"merge"}}}`)
			}},
			{"JSON patch", func() {
				p.patch(p.previous, types.JSONPatchType, `[{"op":"replace","path":"/metadata/annotations/by","value":"json"}]`)
			}},
			{"apply by another manager", func() {
				p.apply(p.previous, "other", fields{"apiVersion": ownResource.GroupVersion().String(), "kind": "VMDistributedCluster",
					"metadata": fields{"name": "demo", "annotations": fields{"by": "apply"}}})
			}},
			{"merge patch of status", func() { p.patch(p.previous, types.MergePatchType, `{"status":{"reason":"Tried"}}`, "status") }},
		} {
			c.write()
			p.expectFields(c.name, all...)
		}
		if now := p.get(p.next, "demo").GetGeneration(); now != generation {
			t.Errorf("generation went from %d to %d without a change of spec", generation, now)
		}

		// A rollout by the older one, from a spec that was written through it.
		p.put(p.previous, "demo", func(o *unstructured.Unstructured) {
			must(t, unstructured.SetNestedSlice(o.Object, []any{zone("demo-a", "v2"), zone("demo-b", "v2")}, "spec", "zones", "vmclusters"))
		})
		p.untilReady("demo")
		p.expectFields("rollout", all...)
		// What was applied without the field, by whom it is from.
		p.apply(p.previous, "gitops", manifest("demo", "v2", false))
		p.expectFields("apply by the same manager", all...)

		p.patch(p.previous, types.JSONPatchType, `[{"op":"remove","path":"/spec/zones/vmclusters/1"}]`)
		p.untilReady("demo")
		p.expectFields("without the zone that had it", "in spec", "in status", "in the status of a zone")
		// Only who knows the field can take it away, be it because somebody read the object
		// from the other one.
		p.poll("the object to be put by the one as the other serves it", func(ctx context.Context) string {
			if _, err := p.next.own.Update(ctx, p.get(p.previous, "demo"), metav1.UpdateOptions{}); err != nil {
				return err.Error() // a controller may write meanwhile
			}
			return ""
		})
		p.expectFields("taken away", "in status", "in the status of a zone")
	})
}

// expectFields wants the fields that are named, and no others, as the next version
// serves them, and none from the one that does not know them.
func (p *pair) expectFields(after string, wanted ...string) {
	p.t.Helper()
	var found []string
	collect(p.get(p.next, "demo").Object, &found)
	slices.Sort(found)
	if slices.Sort(wanted); !slices.Equal(found, wanted) {
		p.t.Errorf("%s: fields are %q, want %q", after, found, wanted)
	}
	var served []string
	if collect(p.get(p.previous, "demo").Object, &served); len(served) > 0 {
		p.t.Errorf("%s: the older one serves %q", after, served)
	}
}

// collect finds the values of the field in spec and status.
func collect(value any, found *[]string) {
	switch value := value.(type) {
	case fields:
		if text, ok := value[field].(string); ok {
			*found = append(*found, text)
		}
		for name, inner := range value {
			if name != "managedFields" {
				collect(inner, found)
			}
		}
	case []any:
		for _, inner := range value {
			collect(inner, found)
		}
	}
}

// TestAnOlderReplicaRefusesAFieldThatItDoesNotKnow, rather than to take it for stored.
func TestAnOlderReplicaRefusesAFieldThatItDoesNotKnow(t *testing.T) {
	onEachStore(t, func(t *testing.T, p *pair) {
		p.apply(p.next, "gitops", manifest("demo", "v1", true))
		object := &unstructured.Unstructured{Object: manifest("demo", "v1", true)}
		_, err := p.previous.own.Apply(t.Context(), "demo", object, metav1.ApplyOptions{FieldManager: "gitops", Force: true})
		if err == nil || !strings.Contains(err.Error(), `unknown field "spec.`+field+`"`) {
			t.Errorf("apply: %v", err)
		}
		_, err = p.previous.own.Patch(t.Context(), "demo", types.MergePatchType, []byte(`{"spec":{"`+field+`":"new"}}`),
			metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict})
		if !apierrors.IsBadRequest(err) && !apierrors.IsInvalid(err) {
			t.Errorf("strict patch: %v", err)
		}
		// Without strictness it is left out of the request, with a warning, and not out of the store.
		p.patch(p.previous, types.MergePatchType, `{"spec":{"`+field+`":"new","paused":true}}`)
		p.expectFields("patch", "in spec", "in a zone")
	})
}

// TestAnUpgradeAndItsRollbackWriteNothing has each version lead, twice, over objects with
// which nothing is to be done.
func TestAnUpgradeAndItsRollbackWriteNothing(t *testing.T) {
	onEachStore(t, func(t *testing.T, p *pair) {
		p.apply(p.previous, "gitops", manifest("old", "v1", false))
		p.apply(p.next, "gitops", manifest("demo", "v1", true))
		p.untilReady("old")
		p.untilReady("demo")
		before := p.versions()
		leads, other := p.previous, p.next
		for round := range 4 {
			p.handOver(leads, other)
			leads, other = other, leads
			// It works, and has come to what was there before.
			witness := fmt.Sprintf("witness-%d", round)
			p.apply(other, "gitops", manifest(witness, "v1", false))
			p.untilReady(witness)
			// What changes nothing, by either version.
			for _, by := range []*version{leads, other} {
				for _, name := range []string{"old", "demo"} {
					p.put(by, name, func(*unstructured.Unstructured) {})
				}
				p.apply(by, "gitops", manifest("old", "v1", false))
			}
			p.expectVersions(before)
		}
		p.expectFields("four handovers", "in spec", "in a zone")
	})
}

// TestARolloutGoesOnAcrossVersions hands the lead over and back in the middle of it.
func TestARolloutGoesOnAcrossVersions(t *testing.T) {
	onEachStore(t, func(t *testing.T, p *pair) {
		recorded, err := chronicle.Begin(t.Context(), shared.objects, p.namespace)
		must(t, err)
		t.Cleanup(recorded.End)
		object := func(version string) fields {
			made := manifest("demo", version, true)
			zones := made["spec"].(fields)["zones"].(fields)
			zones["vmclusters"] = append(zones["vmclusters"].([]any), zone("demo-c", version))
			return made
		}
		p.apply(p.next, "gitops", object("v1"))
		p.untilReady("demo")
		p.hold("demo-a", true)
		p.hold("demo-b", true)
		p.apply(p.next, "gitops", object("v2"))
		p.untilZone(p.next, "demo-a", "phase", "Updating")
		p.handOver(p.previous, p.next)
		p.hold("demo-a", false)
		p.untilZone(p.previous, "demo-b", "phase", "Updating")
		p.handOver(p.next, p.previous)
		p.hold("demo-b", false)
		p.untilReady("demo")
		p.expectFields("rollout", "in spec", "in a zone")
		must(t, recorded.CatchUp(t.Context()))
		verdict := recorded.Judge()
		if updates := verdict.Updates(); !slices.Equal(updates, []string{"demo-a@2", "demo-b@2", "demo-c@2"}) {
			t.Errorf("VMClusters were updated as %v", updates)
		}
		for _, violation := range verdict.Violations {
			t.Error(violation)
		}
	})
}
