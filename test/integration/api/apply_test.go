// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	applyv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/generated/applyconfiguration/operator/v1alpha1"
)

// applyAs applies a manifest under the name of a manager.
func applyAs(t *testing.T, manager, namespace, body string, options ...string) answer {
	t.Helper()
	query := "?fieldManager=" + manager + strings.Join(options, "")
	return shared.admin.send(t, http.MethodPatch, in(namespace, "x")+query, applyType, body)
}

// ownedBy returns what a manager owns by applying it, as JSON.
func ownedBy(t *testing.T, namespace, manager string) string {
	t.Helper()
	for _, entry := range read(t, namespace, "x").GetManagedFields() {
		if entry.Manager == manager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.FieldsV1 != nil {
			return entry.FieldsV1.GetRawString()
		}
	}
	return ""
}

// TestApplyConflictNamesTheField and its owner; force takes it over.
func TestApplyConflictNamesTheField(t *testing.T) {
	t.Parallel()
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			applyAs(t, "first", namespace, paused("x", shape.zones)).want(t, http.StatusCreated)
			applyAs(t, "second", namespace, paused("x", canonical)).want(t, http.StatusOK) // the same, so both own it

			other := paused("x", one("zone-c"))
			got := applyAs(t, "third", namespace, other).want(t, http.StatusConflict).problem(t)
			for _, want := range []string{".spec.zones", `"first"`, `"second"`} {
				if !strings.Contains(got.Message, want) {
					t.Errorf("the message names not %s: %s", want, got.Message)
				}
			}
			wantCanonical(t, read(t, namespace, "x"))

			applyAs(t, "third", namespace, other, "&force=true").want(t, http.StatusOK)
			if owned := ownedBy(t, namespace, "first"); strings.Contains(owned, "f:zones") {
				t.Errorf("who lost it still owns %s", owned)
			}
			if owned := ownedBy(t, namespace, "third"); !strings.Contains(owned, "f:zones") {
				t.Errorf("who forced it owns %s", owned)
			}
		})
	}
}

// TestApplyTakesBackWhatItNoLongerSays, and leaves to others what is theirs.
func TestApplyTakesBackWhatItNoLongerSays(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	with := func(more string) string {
		return `{"apiVersion":"` + groupVersion + `","kind":"VMDistributedCluster","metadata":{"name":"x"},"spec":{` + more + `}}`
	}
	applyAs(t, "first", namespace, with(`"paused":true,"vmagent":{"name":"a"},"vmusers":[{"name":"u"}],"zones":`+one("a"))).want(t, http.StatusCreated)
	applyAs(t, "second", namespace, with(`"strategy":{"updatePause":"3s"}`)).want(t, http.StatusOK)
	applyAs(t, "first", namespace, with(`"paused":true,"zones":`+one("a"))).want(t, http.StatusOK)
	spec := typed(t, namespace, "x").Spec
	if spec.VMAgent != nil || len(spec.VMUsers) > 0 || spec.Strategy.UpdatePause != "3s" || !spec.Paused {
		t.Errorf("spec is %s", encode(t, spec))
	}
	applyAs(t, "second", namespace, with(``)).want(t, http.StatusOK)
	if got := typed(t, namespace, "x").Spec.Strategy.UpdatePause; got != "1m" {
		t.Errorf("updatePause is %s, want the default again", got)
	}
}

// TestApplyOwnsOnlyWhatItsResourceWrites: status is not owned through the main
// resource, nor spec and metadata through status.
func TestApplyOwnsOnlyWhatItsResourceWrites(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	const status = `,"status":{"updateStatus":"forged"}}`
	whole := strings.TrimSuffix(paused("x", canonical), "}") + status
	applyAs(t, "main", namespace, whole).want(t, http.StatusCreated)
	if owned := ownedBy(t, namespace, "main"); strings.Contains(owned, "f:status") || !strings.Contains(owned, "f:spec") {
		t.Errorf("through the main resource it owns %s", owned)
	}
	settled(t, namespace, "x")

	labelled := strings.Replace(whole, `"metadata":{`, `"metadata":{"labels":{"a":"b"},`, 1)
	got := shared.admin.send(t, http.MethodPatch, in(namespace, "x", "status")+"?fieldManager=status&force=true", applyType, labelled).want(t, http.StatusOK).object(t)
	if len(got.GetLabels()) > 0 || got.GetGeneration() != 1 {
		t.Errorf("an apply to status left labels %v and generation %d", got.GetLabels(), got.GetGeneration())
	}
	for _, entry := range got.GetManagedFields() {
		if owned := entry.FieldsV1.GetRawString(); entry.Manager == "status" && (strings.Contains(owned, "f:spec") || strings.Contains(owned, "f:labels") || !strings.Contains(owned, "f:updateStatus")) {
			t.Errorf("through status it owns %s", owned)
		}
	}
}

// TestGeneratedApplyConfigurations go the way that other controllers will go.
func TestGeneratedApplyConfigurations(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	objects := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace)
	wanted := applyv1alpha1.VMDistributedCluster("x", namespace).
		WithSpec(applyv1alpha1.VMDistributedClusterSpec().WithPaused(true).
			WithZones(applyv1alpha1.Zones().WithVMClusters(
				applyv1alpha1.Zone().WithRef(applyv1alpha1.ObjectReference().WithName("a")))))
	var versions []string
	for range 2 {
		object, err := objects.Apply(t.Context(), wanted, metav1.ApplyOptions{FieldManager: "tester"})
		must(t, err)
		settled(t, namespace, "x")
		versions = append(versions, object.ResourceVersion)
	}
	if got := typed(t, namespace, "x"); got.Spec.Zones.VMClusters[0].Ref.Name != "a" || got.Generation != 1 {
		t.Errorf("applied %s", encode(t, got))
	}
	if last := read(t, namespace, "x").GetResourceVersion(); last != versions[1] {
		t.Errorf("resourceVersions %v, and then %s without a change", versions, last)
	}
}

// TestExtractReturnsWhatAManagerOwns, which is how a controller changes a little
// of what it has applied before.
func TestExtractReturnsWhatAManagerOwns(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	applyAs(t, "tester", namespace, paused("x", canonical)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	object := typed(t, namespace, "x")

	mine, err := applyv1alpha1.ExtractVMDistributedCluster(object, "tester")
	must(t, err)
	if mine.Spec == nil || mine.Spec.Zones == nil || len(mine.Spec.Zones.VMClusters) != 2 || mine.Spec.DeletionPolicy != nil || mine.Status != nil {
		t.Fatalf("extracted %s", encode(t, mine))
	}
	mine.Spec.WithVMUsers(applyv1alpha1.ObjectReference().WithName("u"))
	_, err = shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).Apply(t.Context(), mine, metav1.ApplyOptions{FieldManager: "tester"})
	must(t, err)
	changed := read(t, namespace, "x")
	wantCanonical(t, changed)
	if changed.GetGeneration() != 2 {
		t.Errorf("the generation is %d", changed.GetGeneration())
	}
}
