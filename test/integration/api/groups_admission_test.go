// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionreviewv1 "k8s.io/api/admission/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
)

// TestAPolicyForOneGroupHoldsInTheOther: the second group is no way around it. The
// policy sees the object in the group that it names.
func TestAPolicyForOneGroupHoldsInTheOther(t *testing.T) {
	t.Parallel()
	for _, c := range crossings() {
		t.Run("for "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			policyFor(t, namespace, `object.apiVersion == "`+c.writes+`" && object.spec.zones.vmclusters.all(zone, zone.name != "zone-x")`,
				ourRule(c.writes), admissionv1.Equivalent)
			for _, version := range []string{c.writes, c.reads} {
				refused := func(method, path, contentType, body string) func() bool {
					return func() bool {
						return shared.admin.send(t, method, inGroup(version, namespace, path)+"?dryRun=All&fieldManager=tester", contentType, body).code == http.StatusUnprocessableEntity
					}
				}
				eventually(t, "the policy holds in "+version, refused(http.MethodPost, "", jsonType, ofGroup(version, paused("x", one("zone-x")))))
				for _, shape := range []string{one("zone-x"), `[{"vmclusters":{"name":"zone-x","spec":{}}}]`, `[{"name":"zone-x","spec":{}}]`} {
					got := shared.admin.send(t, http.MethodPost, inGroup(version, namespace), jsonType, ofGroup(version, paused("x", shape))).
						want(t, http.StatusUnprocessableEntity).problem(t)
					if !strings.Contains(got.Message, "the policy of "+namespace) {
						t.Errorf("in %s the message is %s", version, got.Message)
					}
				}
				shared.admin.send(t, http.MethodPost, inGroup(version, namespace), jsonType, ofGroup(version, paused("x", one("zone-y")))).want(t, http.StatusCreated)
				for _, write := range []struct{ contentType, body string }{
					{mergeType, `{"spec":{"zones":[{"name":"zone-x","spec":{}}]}}`},
					{jsonPatchType, `[{"op":"replace","path":"/spec/zones/vmclusters/0/name","value":"zone-x"}]`},
					{applyType, ofGroup(version, paused("x", one("zone-x")))},
				} {
					shared.admin.send(t, http.MethodPatch, inGroup(version, namespace, "x")+"?fieldManager=tester&force=true", write.contentType, write.body).
						want(t, http.StatusUnprocessableEntity)
				}
				settled(t, namespace, "x") // what the controller writes is no business of the policy
				kubectl(t, namespace, "delete", "vmdc", "x", "--timeout=60s")
			}
		})
	}
}

// TestAPolicyThatWantsItExactlyHoldsWhereItSays, as for any other kind.
func TestAPolicyThatWantsItExactlyHoldsWhereItSays(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	policyFor(t, namespace, "false", ourRule(groupVersion), admissionv1.Exact)
	eventually(t, "the policy holds", func() bool {
		return shared.admin.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, paused("x", one("a"))).code == http.StatusUnprocessableEntity
	})
	shared.admin.send(t, http.MethodPost, inGroup(otherGroupVersion, namespace), jsonType, ofGroup(otherGroupVersion, paused("x", one("a")))).want(t, http.StatusCreated)
}

// review is what a webhook is asked, and what it says.
type review func(*admissionreviewv1.AdmissionRequest) *admissionreviewv1.AdmissionResponse

// webhook serves a webhook of the test, and returns how to reach it.
func webhook(t *testing.T, answer review) admissionv1.WebhookClientConfig {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked admissionreviewv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Request == nil {
			http.Error(w, "no AdmissionReview", http.StatusBadRequest)
			return
		}
		asked.Response = answer(asked.Request)
		asked.Response.UID, asked.Request = asked.Request.UID, nil
		w.Header().Set("Content-Type", jsonType)
		_ = json.NewEncoder(w).Encode(asked) // who asked may have gone
	}))
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return admissionv1.WebhookClientConfig{URL: ptr.To(server.URL), CABundle: authority}
}

func onlyIn(namespace string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
}

func createsAndUpdates(version string) []admissionv1.RuleWithOperations {
	return []admissionv1.RuleWithOperations{{
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update}, Rule: ourRule(version),
	}}
}

// versionOf is the apiVersion of the object that a webhook is shown.
func versionOf(request *admissionreviewv1.AdmissionRequest) string {
	var object unstructured.Unstructured
	if err := json.Unmarshal(request.Object.Raw, &object.Object); err != nil {
		return err.Error()
	}
	return object.GetAPIVersion()
}

// TestAValidatingWebhookForOneGroupIsAskedInTheOther, about an object of the group
// that it names.
func TestAValidatingWebhookForOneGroupIsAskedInTheOther(t *testing.T) {
	t.Parallel()
	for _, c := range crossings() {
		t.Run("for "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			reach := webhook(t, func(request *admissionreviewv1.AdmissionRequest) *admissionreviewv1.AdmissionResponse {
				shown := versionOf(request) + " for " + request.RequestKind.Group
				return &admissionreviewv1.AdmissionResponse{Allowed: false, Result: &metav1.Status{Message: "shown " + shown}}
			})
			webhooks := shared.admin.kubernetes.AdmissionregistrationV1().ValidatingWebhookConfigurations()
			_, err := webhooks.Create(t.Context(), &admissionv1.ValidatingWebhookConfiguration{
				ObjectMeta: metav1.ObjectMeta{Name: namespace},
				Webhooks: []admissionv1.ValidatingWebhook{{
					Name: "refuses.vmdistributed.test", ClientConfig: reach, Rules: createsAndUpdates(c.writes), NamespaceSelector: onlyIn(namespace),
					SideEffects: ptr.To(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
				}},
			}, metav1.CreateOptions{})
			must(t, err)
			t.Cleanup(func() { must(t, webhooks.Delete(context.Background(), namespace, metav1.DeleteOptions{})) })
			for _, version := range []string{c.writes, c.reads} {
				var got answer
				eventually(t, "the webhook is asked in "+version, func() bool {
					got = shared.admin.send(t, http.MethodPost, inGroup(version, namespace)+"?dryRun=All", jsonType, ofGroup(version, paused("x", canonical)))
					return got.code != http.StatusCreated
				})
				group, _, _ := strings.Cut(version, "/")
				if message := got.want(t, http.StatusForbidden, http.StatusBadRequest).problem(t).Message; !strings.HasSuffix(message, "shown "+c.writes+" for "+group) {
					t.Errorf("in %s the message is %s", version, message)
				}
			}
		})
	}
}

// TestAMutatingWebhookForOneGroupChangesWhatIsWrittenInTheOther.
func TestAMutatingWebhookForOneGroupChangesWhatIsWrittenInTheOther(t *testing.T) {
	t.Parallel()
	for _, c := range crossings() {
		t.Run("for "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			reach := webhook(t, func(request *admissionreviewv1.AdmissionRequest) *admissionreviewv1.AdmissionResponse {
				patch := `[{"op":"add","path":"/metadata/labels","value":{"shown":"` + strings.ReplaceAll(versionOf(request), "/", ".") + `"}},` +
					`{"op":"add","path":"/spec/zones/vmclusters/-","value":{"ref":{"name":"added"}}}]`
				return &admissionreviewv1.AdmissionResponse{
					Allowed: true, Patch: []byte(patch), PatchType: ptr.To(admissionreviewv1.PatchTypeJSONPatch),
				}
			})
			webhooks := shared.admin.kubernetes.AdmissionregistrationV1().MutatingWebhookConfigurations()
			_, err := webhooks.Create(t.Context(), &admissionv1.MutatingWebhookConfiguration{
				ObjectMeta: metav1.ObjectMeta{Name: namespace},
				Webhooks: []admissionv1.MutatingWebhook{{
					Name: "changes.vmdistributed.test", ClientConfig: reach, Rules: createsAndUpdates(c.writes), NamespaceSelector: onlyIn(namespace),
					SideEffects: ptr.To(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
				}},
			}, metav1.CreateOptions{})
			must(t, err)
			t.Cleanup(func() { must(t, webhooks.Delete(context.Background(), namespace, metav1.DeleteOptions{})) })
			for _, version := range []string{c.writes, c.reads} {
				var got *unstructured.Unstructured
				eventually(t, "the webhook is asked in "+version, func() bool {
					got = shared.admin.send(t, http.MethodPost, inGroup(version, namespace)+"?dryRun=All", jsonType, ofGroup(version, paused("x", canonical))).
						want(t, http.StatusCreated).object(t)
					return len(got.GetLabels()) > 0
				})
				zones, _, err := unstructured.NestedSlice(got.Object, "spec", "zones", "vmclusters")
				must(t, err)
				if got.GetAPIVersion() != version || got.GetLabels()["shown"] != strings.ReplaceAll(c.writes, "/", ".") || len(zones) != 3 {
					t.Errorf("in %s it became %s", version, encode(t, got.Object))
				}
			}
		})
	}
}

// TestAMutatingPolicyForOneGroupChangesWhatIsWrittenInTheOther.
func TestAMutatingPolicyForOneGroupChangesWhatIsWrittenInTheOther(t *testing.T) {
	t.Parallel()
	for _, c := range crossings() {
		t.Run("for "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			client := shared.admin.kubernetes.AdmissionregistrationV1()
			_, err := client.MutatingAdmissionPolicies().Create(t.Context(), &admissionv1.MutatingAdmissionPolicy{
				ObjectMeta: metav1.ObjectMeta{Name: namespace},
				Spec: admissionv1.MutatingAdmissionPolicySpec{
					MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
						RuleWithOperations: createsAndUpdates(c.writes)[0],
					}}},
					ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
					Mutations: []admissionv1.Mutation{{
						PatchType: admissionv1.PatchTypeApplyConfiguration,
						ApplyConfiguration: &admissionv1.ApplyConfiguration{
							Expression: `Object{metadata: Object.metadata{labels: {"shown": object.apiVersion.replace("/", ".")}}, spec: Object.spec{deletionPolicy: "Retain"}}`,
						},
					}, {
						PatchType: admissionv1.PatchTypeJSONPatch,
						JSONPatch: &admissionv1.JSONPatch{
							Expression: `[JSONPatch{op: "add", path: "/metadata/labels/again", value: object.apiVersion.replace("/", ".")}]`,
						},
					}},
				},
			}, metav1.CreateOptions{})
			must(t, err)
			_, err = client.MutatingAdmissionPolicyBindings().Create(t.Context(), &admissionv1.MutatingAdmissionPolicyBinding{
				ObjectMeta: metav1.ObjectMeta{Name: namespace},
				Spec:       admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: namespace, MatchResources: &admissionv1.MatchResources{NamespaceSelector: onlyIn(namespace)}},
			}, metav1.CreateOptions{})
			must(t, err)
			t.Cleanup(func() {
				must(t, client.MutatingAdmissionPolicyBindings().Delete(context.Background(), namespace, metav1.DeleteOptions{}))
				must(t, client.MutatingAdmissionPolicies().Delete(context.Background(), namespace, metav1.DeleteOptions{}))
			})
			for _, version := range []string{c.writes, c.reads} {
				var got *unstructured.Unstructured
				eventually(t, "the policy holds in "+version, func() bool {
					answer := shared.admin.send(t, http.MethodPost, inGroup(version, namespace)+"?dryRun=All", jsonType, ofGroup(version, paused("x", canonical)))
					if answer.want(t, http.StatusCreated, http.StatusServiceUnavailable).code != http.StatusCreated {
						return false // it does not know the schema yet
					}
					got = answer.object(t)
					return len(got.GetLabels()) > 0
				})
				shown := strings.ReplaceAll(c.writes, "/", ".")
				policy, _, err := unstructured.NestedString(got.Object, "spec", "deletionPolicy")
				must(t, err)
				if got.GetAPIVersion() != version || !maps.Equal(got.GetLabels(), map[string]string{"shown": shown, "again": shown}) || policy != "Retain" {
					t.Errorf("in %s it became %s", version, encode(t, got.Object))
				}
				wantCanonical(t, got)
			}
		})
	}
}
