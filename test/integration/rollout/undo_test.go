// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// undo goes back to a revision; "" for the one before.
func (r *room) undo(to string) *v1alpha1.VMDistributedClusterUndo {
	r.t.Helper()
	said, err := r.own.Undo(r.t.Context(), "demo", &v1alpha1.VMDistributedClusterUndo{ToRevision: to, Reason: "errors in zone-a"}, metav1.CreateOptions{})
	must(r.t, err)
	return said
}

// untilWentBack waits until a revision runs in all zones that spec does not ask for.
func (r *room) untilWentBack(revision string) *own {
	r.t.Helper()
	object := r.untilCondition("demo", "Stalled", metav1.ConditionTrue, "RevisionUndone")
	expect(r.t, "currentRevision", object.Status.CurrentRevision, revision)
	expect(r.t, "updateRevision", object.Status.UpdateRevision, revision)
	r.expectCondition(object, "Ready", metav1.ConditionFalse, "RevisionUndone")
	r.expectCondition(object, "Undone", metav1.ConditionTrue, "RevisionUndone")
	return object
}

// history tells the revisions on record in lines, the latest first, once it has as many.
func (r *room) history(lines int) []string {
	r.t.Helper()
	var told []string
	poll(r.t, fmt.Sprintf("%d revisions on record", lines), func(ctx context.Context) string {
		found, err := r.own.GetHistory(ctx, "demo", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		told = nil
		for _, is := range found.Revisions {
			told = append(told, fmt.Sprintf("%d %s current=%t wanted=%t byUndo=%t", is.Number, is.Outcome, is.Current, is.Wanted, is.ByUndo))
		}
		if len(told) != lines {
			return fmt.Sprintf("there are %q", told)
		}
		return ""
	})
	return told
}

// untilHistory waits for exactly these lines.
func (r *room) untilHistory(want ...string) {
	r.t.Helper()
	poll(r.t, "the history to be told", func(context.Context) string {
		if told := r.history(len(want)); !slices.Equal(told, want) {
			return fmt.Sprintf("told is\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		return ""
	})
}

// onRecord are the ControllerRevisions of the room.
func (r *room) onRecord() []appsv1.ControllerRevision {
	r.t.Helper()
	list, err := shared.kubernetes.AppsV1().ControllerRevisions(r.namespace).List(r.t.Context(), metav1.ListOptions{})
	must(r.t, err)
	return list.Items
}

func TestUndoBringsTheZoneBackThatIsStuckAndTouchesNoOther(t *testing.T) {
	r := stuckInTheMiddle(t)
	before := r.get("demo")
	said := r.undo("")
	expect(t, "revision that was undone", said.Revision, before.Status.UpdateRevision)
	expect(t, "revision that it was undone to", said.ToRevision, before.Status.CurrentRevision)
	r.untilTold("RevisionUndone", said.Revision, said.ToRevision, "errors in zone-a")
	r.behave("zone-a")
	object := r.untilWentBack(said.ToRevision)
	r.expectUpdates("zone-a@2", "zone-a@3")
	expect(t, "zone-a", r.cluster("zone-a").GetAnnotations()[victoriametrics.RevisionAnnotation], r.cluster("zone-b").GetAnnotations()[victoriametrics.RevisionAnnotation])
	expect(t, "generation", object.Generation, before.Generation)
	undo := object.Status.Undo
	if undo == nil || undo.Revision != said.Revision || undo.ToRevision != said.ToRevision || undo.By == "" || undo.Reason != "errors in zone-a" {
		t.Errorf("status.undo is %+v", undo)
	}
	r.untilHistory("3 Completed current=true wanted=false byUndo=true", "2 Undone current=false wanted=true byUndo=false")

	// Whoever applies the bad manifest again does not bring it back.
	for range 2 {
		r.apply(threeZones("v2"))
		r.settle("demo")
	}
	r.expectUpdates("zone-a@2", "zone-a@3")

	// Another one ends it, and the bad one is remembered all the same.
	r.apply(threeZones("v3"))
	ready := r.untilReady("demo")
	if ready.Status.Undo != nil {
		t.Errorf("status.undo is %+v", ready.Status.Undo)
	}
	r.expectUpdates("zone-a@2", "zone-a@3", "zone-a@4", "zone-b@2", "zone-c@2")
	r.apply(threeZones("v2"))
	r.untilWentBack(said.ToRevision)
	r.expectUpdates("zone-a@2", "zone-a@3", "zone-a@4", "zone-b@2", "zone-c@2", "zone-a@5", "zone-b@3", "zone-c@3")
}

func TestAnUndoIsTakenBack(t *testing.T) {
	r := readyZones(t)
	r.apply(threeZones("v2"))
	bad := r.untilReady("demo").Status.UpdateRevision
	said := r.undo("")
	r.untilWentBack(said.ToRevision)
	r.undo(bad)
	ready := r.untilReady("demo")
	expect(t, "currentRevision", ready.Status.CurrentRevision, bad)
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-a@3", "zone-b@3", "zone-c@3", "zone-a@4", "zone-b@4", "zone-c@4")
	r.untilHistory("4 Completed current=true wanted=true byUndo=false", "3 Completed current=false wanted=false byUndo=false")
}

func TestAZoneThatCameIsReleasedByAnUndo(t *testing.T) {
	r := readyZones(t)
	four := threeZones("v1")
	zones, _ := four["spec"].(fields)["zones"].(fields)
	zones["vmclusters"] = append(zones["vmclusters"].(list), inline("zone-d", small("v1")))
	r.apply(four)
	r.untilReady("demo")
	said := r.undo("")
	r.untilWentBack(said.ToRevision)
	r.untilCluster("zone-d", "the mark to be gone", func(found *unstructured.Unstructured) string {
		if owner := found.GetAnnotations()[victoriametrics.OwnerAnnotation]; owner != "" {
			return "it is owned by " + owner
		}
		return ""
	})
	r.expectUpdates()
}

func TestAnUndoNeverTakesStorageAway(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	stored := func(replicas int64) fields {
		return with(large(), "vmstorage.replicaCount", replicas)
	}
	r.apply(manifest("demo", inline("zone-a", stored(2)), inline("zone-b", stored(2))))
	r.untilReady("demo")
	r.apply(manifest("demo", inline("zone-a", stored(3)), inline("zone-b", stored(3))))
	r.untilReady("demo")
	r.undo("")
	r.untilZone("demo", "zone-a", "Refused", "StorageWouldShrink", "vmstorage.replicaCount")
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2")
}

func TestUndoSaysWhyItLeadsNowhereAndDryRunChangesNothing(t *testing.T) {
	r := readyZones(t)
	r.history(1)
	undo := func(said v1alpha1.VMDistributedClusterUndo, options metav1.CreateOptions) error {
		_, err := r.own.Undo(t.Context(), "demo", &said, options)
		return err
	}
	now := r.get("demo").Status.UpdateRevision
	expectRefused(t, "nothing before", undo(v1alpha1.VMDistributedClusterUndo{}, metav1.CreateOptions{}), "there is no revision before "+now, "on record are "+now)
	expectRefused(t, "an unknown one", undo(v1alpha1.VMDistributedClusterUndo{ToRevision: "0123456789"}, metav1.CreateOptions{}), `there is no record of revision "0123456789"`, now)
	expectRefused(t, "another one than now", undo(v1alpha1.VMDistributedClusterUndo{Revision: "0123456789"}, metav1.CreateOptions{}), "spec asks for "+now)

	r.apply(threeZones("v2"))
	r.untilReady("demo")
	must(t, undo(v1alpha1.VMDistributedClusterUndo{}, dryRun))
	r.settle("demo")
	if words := r.get("demo").Status.Words; len(words) > 0 {
		t.Errorf("a dry run has left %v", words)
	}
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestARecordThatIsGoneHoldsTheZonesAndSaysSo(t *testing.T) {
	r := readyZones(t)
	r.apply(threeZones("v2"))
	r.untilReady("demo")
	r.patch("demo", fields{"spec": fields{"paused": true}})
	said := r.undo("")
	r.settle("demo")
	for _, record := range r.onRecord() {
		if strings.HasSuffix(record.Name, said.ToRevision) {
			must(t, shared.kubernetes.AppsV1().ControllerRevisions(r.namespace).Delete(t.Context(), record.Name, metav1.DeleteOptions{}))
		}
	}
	r.patch("demo", fields{"spec": fields{"paused": false}})
	object := r.untilCondition("demo", "Stalled", metav1.ConditionTrue, "RevisionUndone")
	expectContains(t, "status.reason", object.Status.Reason, said.ToRevision+", of which nothing is known any more (there is no record of it)")
	r.edit("zone-a", fields{"spec": fields{"clusterVersion": "by hand"}}) // what would be put right
	r.untilZone("demo", "zone-a", "Pending", "UndoneRevisionLost")
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestHistoryHasWhoAndWhyAndIsKeptWithinItsLimit(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	limited := func(version string) fields {
		object := with(threeZones(version), "spec.revisionHistoryLimit", 1)
		object["metadata"].(fields)["annotations"] = fields{"kubernetes.io/change-cause": "to " + version}
		return object
	}
	for _, version := range []string{"v1", "v2", "v3"} {
		r.apply(limited(version))
		r.untilReady("demo")
	}
	r.untilHistory("3 Completed current=true wanted=true byUndo=false", "2 Completed current=false wanted=false byUndo=false")
	found, err := r.own.GetHistory(t.Context(), "demo", metav1.GetOptions{})
	must(t, err)
	for i, cause := range []string{"to v3", "to v2"} {
		is := found.Revisions[i]
		if is.Author == "" || is.Author != r.get("demo").Status.ZonesChanged.By || is.Cause != cause || is.Started == nil || is.Finished == nil || len(is.Zones) != 3 {
			t.Errorf("on record is %+v", is)
		}
	}
	for _, record := range r.onRecord() {
		if len(record.OwnerReferences) > 0 {
			t.Errorf("%s has owners, and would go with a store that is lost", record.Name)
		}
	}

	// Nothing is written where nothing is new.
	before := r.onRecord()
	r.apply(limited("v3"))
	r.patch("demo", fields{"metadata": fields{"labels": fields{"touched": "yes"}}})
	r.settle("demo")
	for i, record := range r.onRecord() {
		expect(t, "resourceVersion of "+record.Name, record.ResourceVersion, before[i].ResourceVersion)
	}

	r.delete("demo")
	r.untilGone("demo")
	expect(t, "records of an object that is gone", len(r.onRecord()), 0)
}

func TestWhoMayUndoNeedsTheRightsToWhatThatTouches(t *testing.T) {
	r := readyZones(t)
	r.apply(threeZones("v2"))
	r.untilReady("demo")
	admin := r.own
	name := "undoer-of-" + r.namespace
	group := []string{"operator.victoriametrics.com"}
	r.workAs(name, []rbacv1.PolicyRule{
		{APIGroups: group, Resources: []string{"vmdistributedclusters"}, Verbs: []string{"get", "list"}},
		{APIGroups: group, Resources: []string{"vmdistributedclusters/undo"}, Verbs: []string{"create"}},
	})
	_, err := r.own.Undo(t.Context(), "demo", &v1alpha1.VMDistributedClusterUndo{}, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `which the verb undo would have done on their behalf`) {
		t.Errorf("without rights to the zones: %v", err)
	}
	_, err = r.own.GetHistory(t.Context(), "demo", metav1.GetOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("the history without a right to it: %v", err)
	}
	r.own = admin
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// TestUndoOutlivesTheStore: the store is lost, another one accepted, and the manifest
// applied again. What was undone before still is, and to the same revision.
func TestUndoOutlivesTheStore(t *testing.T) {
	t.Parallel()
	r, server, namespace := ownRoom(t, "undone")
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	said := r.undo("")
	r.behave("zone-a")
	r.untilWentBack(said.ToRevision)
	expectContains(t, "what is remembered", r.remembered(namespace), said.Revision, said.ToRevision, "errors in zone-a")

	r.loseStore(server)
	r.apply(threeZones("v2"))
	r.untilWentBack(said.ToRevision)
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-a@3")
	r.untilHistory("3 Completed current=true wanted=false byUndo=true", "2 Undone current=false wanted=true byUndo=false")

	r.delete("demo")
	r.untilGone("demo")
	r.untilForgotten(namespace)
	expect(t, "records", len(r.onRecord()), 0)
}
