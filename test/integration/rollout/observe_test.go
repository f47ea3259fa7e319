// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

func observed(object fields) fields { return with(object, "spec.managementPolicy", "Observe") }

// overBoth puts an override over two existing clusters.
func overBoth(version string) fields {
	override := fields{"clusterVersion": version, "vmselect": fields{"replicaCount": int64(2)}}
	return readBy(manifest("demo", ref("zone-a", override), ref("zone-b", override)))
}

// watched has the clusters of overBoth, with their reader and their VMAgent, of
// which nobody has ever managed anything.
func watched(t *testing.T) *room {
	t.Helper()
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", small("v1"))
	r.existing("zone-b", small("v1"))
	r.reader("zone-a", "zone-b")
	// It writes to another cluster: no pod shows its queues here.
	r.existing("other", small("v1"))
	r.create(agentResource, "VMAgent", "agent", fields{"remoteWrite": list{fields{"url": "http://vminsert-other:8480/insert/0/prometheus/api/v1/write"}}})
	r.untilObject(agentResource, "agent", "operational", operational)
	return r
}

// paths are the VMUser and the VMAgent as far as a rollout writes to them.
func (r *room) paths() string {
	r.t.Helper()
	user, agent := r.object(userResource, "reader"), r.object(agentResource, "agent")
	return fmt.Sprintf("VMUser %d %v, VMAgent %d %v", user.GetGeneration(), user.GetAnnotations(), agent.GetGeneration(), agent.GetAnnotations())
}

// expectUntouched wants nothing to have been written since, VMClusters included.
func (r *room) expectUntouched(versions map[string]string, paths string) {
	r.t.Helper()
	r.expectVersions(versions)
	expect(r.t, "VMUser and VMAgent", r.paths(), paths)
}

// report asks the subresource zones about a zone.
func (r *room) report(zone string) v1alpha1.ZoneReport {
	r.t.Helper()
	answer, err := r.own.GetZones(r.t.Context(), "demo", metav1.GetOptions{})
	must(r.t, err)
	for _, report := range answer.Zones {
		if report.Name == zone {
			return report
		}
	}
	r.t.Fatalf("there is no zone %s in %+v", zone, answer.Zones)
	return v1alpha1.ZoneReport{}
}

// untilRefused waits for zone-a to be refused by guards, in order.
func (r *room) untilRefused(guards ...string) {
	r.t.Helper()
	poll(r.t, fmt.Sprintf("zone-a to be refused by %v", guards), func(context.Context) string {
		if by := r.report("zone-a").RefusedBy; !begin(by, guards) {
			return fmt.Sprintf("refused by %v", by)
		}
		return ""
	})
}

func begin(texts, beginnings []string) bool {
	if len(texts) != len(beginnings) {
		return false
	}
	for i := range texts {
		if !strings.HasPrefix(texts[i], beginnings[i]+":") {
			return false
		}
	}
	return true
}

// TestObservingTwoExistingClustersTellsAllAndWritesNothingUntilItMayAct is what
// whoever tries it on what they have goes through.
func TestObservingTwoExistingClustersTellsAllAndWritesNothingUntilItMayAct(t *testing.T) {
	r := watched(t)
	paths := r.paths()
	r.apply(with(observed(overBoth("v2")), "spec.vmagent.name", "agent"))
	object := r.untilCondition("demo", "Observing", metav1.ConditionTrue, "Observe")
	expectContains(t, "what Observing says", meta.FindStatusCondition(object.Status.Conditions, "Observing").Message,
		"2 zones would be changed", "the VMAgent would be made to scrape the zones", "managementPolicy to Manage")
	expect(t, "updateStatus", object.Status.UpdateStatus, "paused")
	for _, condition := range []string{"Reconciling", "Stalled", "Progressing", "Paused"} {
		r.expectCondition(object, condition, metav1.ConditionFalse, "")
	}
	if ready := meta.FindStatusCondition(object.Status.Conditions, "Ready"); ready != nil {
		t.Errorf("Ready is there: %+v", ready)
	}
	r.untilZone("demo", "zone-b", "Pending", "Observe", "would be changed as number 2, after zone zone-a", "nothing stands against it now")

	report := r.report("zone-a")
	expect(t, "what would be done", report.WouldDo, v1alpha1.ZoneWouldChange)
	expect(t, "its turn", report.Turn, int32(1))
	expect(t, "what refuses", fmt.Sprint(report.RefusedBy), "[]")
	expect(t, "the difference", fmt.Sprint(report.Changes), `[{clusterVersion "v1" "v2"} {vmselect.replicaCount 1 2}]`)
	expect(t, "that of the other", fmt.Sprint(r.report("zone-b").Changes), `[{clusterVersion "v1" "v2"} {vmselect.replicaCount 1 2}]`)

	// Whatever would refuse is told, and nothing that befalls a zone makes it act.
	r.misbehaveNow("zone-b", standin.Unready)
	r.untilRefused("Blocked", "MinAvailableZones")
	r.behave("zone-b")
	r.untilRefused()
	target := fields{"crd": fields{"kind": "VMCluster/vmselect", "name": "zone-a", "namespace": r.namespace}, "paths": list{"/select/.*"}}
	r.create(authResource, "VMAuth", "auth", fields{"unauthorizedUserAccessSpec": fields{"targetRefs": list{target}}})
	r.untilRefused("ReadsUndrainable")
	r.editObject(authResource, "auth", fields{"spec": fields{"unauthorizedUserAccessSpec": nil}})
	r.untilRefused()
	r.settle("demo")
	for _, zone := range []string{"zone-a", "zone-b"} {
		if lacks := unmarked(r.cluster(zone)); lacks != "" {
			t.Errorf("%s: %s", zone, lacks)
		}
	}
	r.expectUpdates()
	expect(t, "VMUser and VMAgent", r.paths(), paths)
	must(t, shared.objects.Resource(authResource).Namespace(r.namespace).Delete(t.Context(), "auth", metav1.DeleteOptions{}))

	r.patch("demo", fields{"spec": fields{"managementPolicy": "Manage"}})
	ready := r.untilReady("demo")
	r.expectCondition(ready, "Observing", metav1.ConditionFalse, "Manage")
	r.expectUpdates("zone-a@2", "zone-b@2")
	expect(t, "replicas", at(r.cluster("zone-b"), "spec.vmselect.replicaCount"), any(int64(2)))
}

// TestObservingWhatIsAsWantedIsReady, and lacks no more than marks.
func TestObservingWhatIsAsWantedIsReady(t *testing.T) {
	r := watched(t)
	versions, paths := r.versions(), r.paths()
	r.apply(observed(readBy(manifest("demo", ref("zone-a", nil), ref("zone-b", nil)))))
	object := r.untilReady("demo")
	expect(t, "updateStatus", object.Status.UpdateStatus, "paused")
	r.expectCondition(object, "Reconciling", metav1.ConditionFalse, "Observe")
	expect(t, "what would be done", r.report("zone-a").WouldDo, v1alpha1.ZoneWouldMark)
	r.settle("demo")
	r.expectUntouched(versions, paths)
	r.delete("demo")
	r.untilGone("demo")
	r.expectUntouched(versions, paths)
}

// TestObservingTellsWhatTheAPIServerWouldRefuse, as a rollout does.
func TestObservingTellsWhatTheAPIServerWouldRefuse(t *testing.T) {
	r := watched(t)
	versions, paths := r.versions(), r.paths()
	r.apply(observed(readBy(manifest("demo", ref("zone-a", fields{"vmstorage": fields{"replicaCount": int64(0)}}), ref("zone-b", nil), inline("zone-c", small("v1"))))))
	r.untilZone("demo", "zone-a", "Refused", "StorageWouldShrink", "vmstorage.replicaCount")
	r.untilRefused("StorageWouldShrink")
	expect(t, "the difference", fmt.Sprint(r.report("zone-a").Changes), `[{vmstorage.replicaCount 1 0}]`)
	report := r.report("zone-c")
	expect(t, "what would be done", report.WouldDo, v1alpha1.ZoneWouldCreate)
	expectContains(t, "what would be created", fmt.Sprint(report.Changes), `{vmselect.replicaCount  1}`)
	object := r.settle("demo")
	r.expectCondition(object, "Stalled", metav1.ConditionFalse, "")
	r.expectUntouched(versions, paths)
}

// TestValuesOfSpecsAreShownToThoseOnlyWhoMayReadThem asks as somebody who may get
// the report, and one of the two clusters.
func TestValuesOfSpecsAreShownToThoseOnlyWhoMayReadThem(t *testing.T) {
	r := watched(t)
	r.apply(observed(overBoth("v2")))
	r.untilCondition("demo", "Observing", metav1.ConditionTrue, "Observe")
	user := "curious-in-" + r.namespace
	r.grant(user,
		rbacv1.PolicyRule{APIGroups: []string{clusterResource.Group}, Resources: []string{"vmdistributedclusters", "vmdistributedclusters/zones"}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{clusterResource.Group}, Resources: []string{"vmclusters"}, ResourceNames: []string{"zone-b"}, Verbs: []string{"get"}},
	)
	config, err := shared.control.ConfigFor(user)
	must(t, err)
	must(t, r.connect(config))
	poll(t, "the rights to be known", func(ctx context.Context) string {
		answer, err := r.own.GetZones(ctx, "demo", metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return err.Error()
		case err != nil:
			t.Fatal(err)
		case answer.Zones[1].ValuesHidden:
			return "those of zone-b are hidden"
		}
		return ""
	})
	report := r.report("zone-a")
	expect(t, "values hidden", report.ValuesHidden, true)
	expect(t, "the difference of what must not be read", fmt.Sprint(report.Changes), `[{clusterVersion  } {vmselect.replicaCount  }]`)
	expect(t, "the difference of what may", fmt.Sprint(r.report("zone-b").Changes), `[{clusterVersion "v1" "v2"} {vmselect.replicaCount 1 2}]`)
}

// grant gives a user rights in the room.
func (r *room) grant(user string, rules ...rbacv1.PolicyRule) {
	r.t.Helper()
	ctx, roles := r.t.Context(), shared.kubernetes.RbacV1()
	_, err := roles.Roles(r.namespace).Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}, metav1.CreateOptions{})
	must(r.t, err)
	_, err = roles.RoleBindings(r.namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	must(r.t, err)
}

// TestObservingInTheMiddleOfARolloutStopsItAndSaysWhatIsLeftDrained, and goes on
// with it once it may act again.
func TestObservingInTheMiddleOfARolloutStopsItAndSaysWhatIsLeftDrained(t *testing.T) {
	r := stuckWithoutReads(t)
	r.patch("demo", fields{"spec": fields{"managementPolicy": "Observe"}})
	r.behave("zone-a")
	r.untilOperational("zone-a")
	r.untilZone("demo", "zone-a", "Updating", "Observe", "its reads are kept away until then")
	object := r.settle("demo")
	expectContains(t, "what Observing says", meta.FindStatusCondition(object.Status.Conditions, "Observing").Message, "zone zone-a is kept from its reads")
	expect(t, "what would be done", r.report("zone-a").WouldDo, v1alpha1.ZoneWouldFinish)
	expect(t, "records of drains", drainsOf(r.object(userResource, "reader")), 1)
	r.expectUpdates("zone-a@2")

	r.patch("demo", fields{"spec": fields{"managementPolicy": "Manage"}})
	r.untilReady("demo")
	expect(t, "records of drains", drainsOf(r.object(userResource, "reader")), 0)
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// TestDeletingAnObservedObjectTakesBackWhatWasWrittenAndDeletesNoCluster, though
// its deletionPolicy says so.
func TestDeletingAnObservedObjectTakesBackWhatWasWrittenAndDeletesNoCluster(t *testing.T) {
	r := stuckWithoutReads(t)
	r.patch("demo", fields{"spec": fields{"managementPolicy": "Observe"}})
	r.behave("zone-a")
	r.untilOperational("zone-a")
	before := map[string]*unstructured.Unstructured{}
	for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
		before[zone] = r.cluster(zone)
	}
	r.delete("demo")
	r.untilGone("demo")
	expect(t, "records of drains", drainsOf(r.object(userResource, "reader")), 0)
	for name, was := range before {
		is := r.untilCluster(name, "released", unmarked)
		expect(t, "generation of "+name, is.GetGeneration(), was.GetGeneration())
		expect(t, "uid of "+name, is.GetUID(), was.GetUID())
		if is.GetDeletionTimestamp() != nil {
			t.Errorf("%s is being deleted", name)
		}
	}
	r.expectUpdates("zone-a@2")
}
