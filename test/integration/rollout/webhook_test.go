// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// TestWebhookThatIsDownHoldsUpItsZoneOnly has a zone whose change nobody can try
// out, while another one that was drained has still to get its reads back.
func TestWebhookThatIsDownHoldsUpItsZoneOnly(t *testing.T) {
	r := stuckWithoutReads(t)
	lift := r.unanswered("vmclusters", "zone-b")
	r.behave("zone-a")
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	zone := r.untilZone("demo", "zone-b", "Pending", "DryRunFailed", "the API server", "webhook")
	expect(t, "records of drains", drainsOf(r.object(userResource, "reader")), 0)
	expect(t, "generation of zone-b", r.cluster("zone-b").GetGeneration(), int64(1))
	r.settle("demo")
	expect(t, "what zone-b waits for", r.untilZone("demo", "zone-b", "Pending", "DryRunFailed").WaitingFor, zone.WaitingFor)

	lift()
	r.untilReady("demo") // though nothing tells when a webhook is back
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// TestWebhookThatRefusesAWriteIsTold: what a VMUser is to be is not tried out.
func TestWebhookThatRefusesAWriteIsTold(t *testing.T) {
	r := stuckWithoutReads(t)
	lift := r.unanswered("vmusers", "reader")
	r.behave("zone-a")
	r.untilTold("StepFailed", "RestoreReads of zone zone-a", "webhook")
	r.untilZone("demo", "zone-a", "Restoring", "Writing", "VMUser reader")
	lift()
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// unanswered makes changes of one object wait for a webhook that does not answer,
// until lifted.
func (r *room) unanswered(resource, name string) (lift func()) {
	r.t.Helper()
	webhooks := shared.kubernetes.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	created, err := webhooks.Create(r.t.Context(), &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: r.namespace},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "down.vmdistributed.test",
			// Nothing listens on the first port.
			ClientConfig:      admissionv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:1/")},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": r.namespace}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Update},
				Rule: admissionv1.Rule{
					APIGroups: []string{clusterResource.Group}, APIVersions: []string{"*"}, Resources: []string{resource},
				},
			}},
			MatchConditions:         []admissionv1.MatchCondition{{Name: "one", Expression: fmt.Sprintf("object.metadata.name == %q", name)}},
			FailurePolicy:           ptr.To(admissionv1.Fail),
			SideEffects:             ptr.To(admissionv1.SideEffectClassNone),
			TimeoutSeconds:          ptr.To(int32(1)),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}, metav1.CreateOptions{})
	must(r.t, err)
	lift = func() {
		if err := webhooks.Delete(r.t.Context(), created.Name, metav1.DeleteOptions{}); err != nil {
			r.t.Errorf("taking the webhook away: %v", err)
		}
	}
	body := []byte(fmt.Sprintf(`{"metadata":{"annotations":{"probe":%q}}}`, r.namespace))
	poll(r.t, "the webhook to be asked", func(ctx context.Context) string {
		_, err := shared.objects.Resource(clusterResource.GroupVersion().WithResource(resource)).Namespace(r.namespace).
			Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			return "a change is accepted"
		}
		return ""
	})
	return lift
}
