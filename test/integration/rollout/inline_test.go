// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

func TestDriftOfAnInlineZoneIsOverwrittenThreeTimesAndThenLeftToTheUser(t *testing.T) {
	r := readyZones(t)
	for round := range int64(3) {
		theirs := r.edit("zone-b", fields{"spec": fields{"clusterVersion": "theirs", "vmselect": fields{"replicaCount": 10 + round}}})
		r.untilCluster("zone-b", "overwritten", generation(theirs.GetGeneration()+1))
		cluster := r.cluster("zone-b")
		expect(t, "version", at(cluster, "spec.clusterVersion"), any("v1"))
		expect(t, "replicas", at(cluster, "spec.vmselect.replicaCount"), any(int64(1)))
		r.untilReady("demo")
	}
	theirs := r.edit("zone-b", fields{"spec": fields{"vmselect": fields{"replicaCount": int64(20)}}})
	r.untilZone("demo", "zone-b", "Refused", "Contended", somebody, "vmselect.replicaCount")
	object := r.settle("demo")
	r.expectCondition(object, "Stalled", metav1.ConditionTrue, "Contended")
	expect(t, "generation of a contended zone", r.cluster("zone-b").GetGeneration(), theirs.GetGeneration())
	r.apply(threeZones("v2"))
	r.untilReady("demo")
	expect(t, "replicas after a new revision", at(r.cluster("zone-b"), "spec.vmselect.replicaCount"), any(int64(1)))
}

func TestFieldDroppedFromTheManifestGoesAway(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	more := with(with(small("v1"), "vmselect.extraArgs", fields{"a": "1", "b": "2"}), "vminsert.minReadySeconds", int64(1))
	r.apply(manifest("demo", inline("zone-a", more), inline("zone-b", small("v1"))))
	r.untilReady("demo")
	r.edit("zone-a", fields{"spec": fields{"vmselect": fields{"extraArgs": fields{"theirs": "3"}}, "vmstorage": fields{"minReadySeconds": int64(2)}}})
	r.untilOperational("zone-a")
	r.apply(manifest("demo", inline("zone-a", with(small("v1"), "vmselect.extraArgs", fields{"a": "1"})), inline("zone-b", small("v1"))))
	r.untilReady("demo")
	cluster := r.cluster("zone-a")
	expect(t, "a map entry that was dropped", at(cluster, "spec.vmselect.extraArgs.b"), nil)
	expect(t, "one that was not", at(cluster, "spec.vmselect.extraArgs.a"), any("1"))
	expect(t, "a field that was dropped", at(cluster, "spec.vminsert.minReadySeconds"), nil)
	expect(t, "a map entry of another manager", at(cluster, "spec.vmselect.extraArgs.theirs"), any("3"))
	expect(t, "a field of another manager", at(cluster, "spec.vmstorage.minReadySeconds"), any(int64(2)))
	r.expectUpdates("zone-a@3")
}

func TestFieldsOfOthersAreNoDrift(t *testing.T) {
	r := readyZones(t)
	r.edit("zone-a", fields{"spec": fields{"retentionPeriod": "3"}, "metadata": fields{"labels": fields{"team": "metrics"}}})
	r.untilOperational("zone-a")
	r.settle("demo")
	r.expectUpdates()
	cluster := r.cluster("zone-a")
	expect(t, "their field", at(cluster, "spec.retentionPeriod"), any("3"))
	expect(t, "owner references", len(cluster.GetOwnerReferences()), 0)
	managers := slices.Collect(func(yield func(string) bool) {
		for _, entry := range cluster.GetManagedFields() {
			if entry.Operation == metav1.ManagedFieldsOperationApply && !yield(entry.Manager) {
				return
			}
		}
	})
	if !slices.Equal(managers, []string{"vmdistributed-apiserver"}) {
		t.Errorf("managers that applied are %v, want vmdistributed-apiserver", managers)
	}
}

// TestInvalidSpecIsRefusedBeforeAnythingIsTouched is about what got in all the same:
// an unknown field, of which the client wished to be warned only.
func TestInvalidSpecIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	r := readyZones(t)
	versions := r.versions()
	invalid := with(small("v2"), "vmselect.replicaKount", int64(2))
	r.applyUnknown(manifest("demo", inline("zone-a", invalid), inline("zone-b", small("v2")), inline("zone-c", small("v2"))))
	r.untilZone("demo", "zone-a", "Refused", "InvalidDesiredState", ".spec.vmselect.replicaKount", "not declared in schema")
	object := r.settle("demo")
	r.expectCondition(object, "Stalled", metav1.ConditionTrue, "InvalidDesiredState")
	r.expectVersions(versions)

	r.apply(threeZones("v3"))
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestZonesBeforeAnInvalidOneAreUpdated(t *testing.T) {
	r := readyZones(t)
	before := r.cluster("zone-c")
	invalid := with(small("v2"), "vmselect.replicaKount", int64(2))
	r.applyUnknown(manifest("demo", inline("zone-a", small("v2")), inline("zone-b", small("v2")), inline("zone-c", invalid)))
	r.untilZone("demo", "zone-c", "Refused", "InvalidDesiredState", "replicaKount")
	r.untilZone("demo", "zone-b", "Ready", "UpToDate")
	object := r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-b@2")
	expect(t, "phase of the invalid zone at the end", string(zoneOf(object, "zone-c").Phase), "Refused")
	expect(t, "its resourceVersion", r.cluster("zone-c").GetResourceVersion(), before.GetResourceVersion())
}

// TestRefusalIsToldAllTheWhile has another zone in work, about which the
// controller decides by its caches, while only the API server knows what is
// wrong with the one that is refused.
func TestRefusalIsToldAllTheWhile(t *testing.T) {
	r := readyZones(t)
	r.misbehave("zone-a", standin.Stuck)
	invalid := with(small("v2"), "vmselect.replicaKount", int64(2))
	r.applyUnknown(manifest("demo", inline("zone-a", small("v2")), inline("zone-b", small("v2")), inline("zone-c", invalid)))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator", "expanding")
	r.settle("demo")
	r.untilZone("demo", "zone-c", "Refused", "InvalidDesiredState", "replicaKount")
	for range 3 {
		object := r.settle("demo")
		expect(t, "phase of the invalid zone", string(zoneOf(object, "zone-c").Phase), "Refused")
		r.expectCondition(object, "Stalled", metav1.ConditionTrue, "InvalidDesiredState")
	}
	r.behave("zone-a")
	r.untilZone("demo", "zone-b", "Ready", "UpToDate")
	expect(t, "times that the refusal was told", r.untilTold("ZoneRefused", "zone-c").Count, 1)
}

func TestInvalidSpecOfANewZoneIsRefused(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.applyUnknown(manifest("demo", inline("zone-a", with(small("v1"), "vmselect.replicaKount", int64(2))), inline("zone-b", small("v1"))))
	r.untilZone("demo", "zone-a", "Refused", "InvalidDesiredState", "replicaKount")
	r.settle("demo")
	if _, there := r.versions()["zone-a"]; there {
		t.Error("zone-a was created")
	}
}

// TestInvalidOverrideIsRefusedBeforeAnythingIsTouched, of which the client was only
// warned.
func TestInvalidOverrideIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	r, original := twoExisting(t)
	r.applyUnknown(manifest("demo", ref("zone-a", fields{"vmselect": fields{"replicaKount": int64(2)}}), ref("zone-b", nil)))
	r.untilZone("demo", "zone-a", "Refused", "InvalidDesiredState", "replicaKount")
	r.settle("demo")
	expect(t, "resourceVersion", r.cluster("zone-a").GetResourceVersion(), original.GetResourceVersion())
}

func TestUnknownToUsReachesTheCluster(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	// Inside a Kubernetes type that the operator's schema leaves open.
	spec := with(small("v1"), "vmselect.affinity", fields{"fieldOfTheFuture": fields{"a": "b"}})
	r.apply(manifest("demo", inline("zone-a", spec), inline("zone-b", small("v1"))))
	r.untilReady("demo")
	cluster := r.untilCluster("zone-a", "there", func(*unstructured.Unstructured) string { return "" })
	expect(t, "a field that nobody here knows", at(cluster, "spec.vmselect.affinity.fieldOfTheFuture.a"), any("b"))
}

// TestCreationThatAPolicyRefusesIsTold, holds nothing else up, and is made up for once
// the policy is gone.
func TestCreationThatAPolicyRefusesIsTold(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	lift := r.forbidCreation("zone-b")
	r.apply(threeZones("v1"))
	r.untilZone("demo", "zone-b", "Refused", "InvalidDesiredState", "no zone-b here")
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	r.untilZone("demo", "zone-c", "Ready", "UpToDate")
	r.expectCondition(r.settle("demo"), "Stalled", metav1.ConditionTrue, "InvalidDesiredState")
	for _, told := range r.events() {
		if told.Reason == "StepFailed" {
			t.Errorf("told %s", told.Message)
		}
	}
	lift()
	r.settle("demo")
	r.untilReady("demo")
}

// forbidCreation has kube-apiserver refuse a VMCluster of that name, until lifted.
func (r *room) forbidCreation(name string) (lift func()) {
	r.t.Helper()
	ctx, admission := r.t.Context(), shared.kubernetes.AdmissionregistrationV1()
	here := &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": r.namespace}}
	_, err := admission.ValidatingAdmissionPolicies().Create(ctx, &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: r.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule:       admissionv1.Rule{APIGroups: []string{clusterResource.Group}, APIVersions: []string{"*"}, Resources: []string{clusterResource.Resource}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: fmt.Sprintf("object.metadata.name != %q", name), Message: fmt.Sprintf("no %s here", name)}},
		},
	}, metav1.CreateOptions{})
	must(r.t, err)
	_, err = admission.ValidatingAdmissionPolicyBindings().Create(ctx, &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: r.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        r.namespace,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources:    &admissionv1.MatchResources{NamespaceSelector: here},
		},
	}, metav1.CreateOptions{})
	must(r.t, err)
	probe := func(ctx context.Context) error {
		cluster := &unstructured.Unstructured{Object: fields{"metadata": fields{"name": name}, "spec": fields{}}}
		cluster.SetGroupVersionKind(clusterResource.GroupVersion().WithKind("VMCluster"))
		_, err := shared.objects.Resource(clusterResource).Namespace(r.namespace).Create(ctx, cluster, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	poll(r.t, "the policy to be enforced", func(ctx context.Context) string {
		if probe(ctx) == nil {
			return "a VMCluster of that name is accepted"
		}
		return ""
	})
	return func() {
		must(r.t, admission.ValidatingAdmissionPolicyBindings().Delete(ctx, r.namespace, metav1.DeleteOptions{}))
		must(r.t, admission.ValidatingAdmissionPolicies().Delete(ctx, r.namespace, metav1.DeleteOptions{}))
		poll(r.t, "the policy to be gone", func(ctx context.Context) string {
			if err := probe(ctx); err != nil {
				return err.Error()
			}
			return ""
		})
	}
}
