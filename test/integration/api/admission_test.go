// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// serviceAccountToken returns a token of the namespace's default account, which
// the controller manager makes.
func serviceAccountToken(t *testing.T, namespace string) string {
	t.Helper()
	var token string
	eventually(t, "there is a service account", func() bool {
		request, err := shared.admin.kubernetes.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), "default",
			&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if apierrors.IsNotFound(err) {
			return false
		}
		must(t, err)
		token = request.Status.Token
		return true
	})
	return token
}

// policy makes a ValidatingAdmissionPolicy of the host cluster that holds for our
// kind in one namespace.
func policy(t *testing.T, namespace, expression string) {
	t.Helper()
	policyFor(t, namespace, expression, ourRule(groupVersion), admissionv1.Equivalent)
}

// ourRule names our kind in one group and version.
func ourRule(version string) admissionv1.Rule {
	group, version, _ := strings.Cut(version, "/")
	return admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{version}, Resources: []string{"vmdistributedclusters"}}
}

// policyFor is policy, for what a rule names.
func policyFor(t *testing.T, namespace, expression string, rule admissionv1.Rule, match admissionv1.MatchPolicyType) {
	t.Helper()
	client := shared.admin.kubernetes.AdmissionregistrationV1()
	made, err := client.ValidatingAdmissionPolicies().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "tester-"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{MatchPolicy: &match, ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       rule,
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: expression, Message: "the policy of " + namespace}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	binding, err := client.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "tester-"},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        made.Name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{corev1.LabelMetadataName: namespace},
			}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		must(t, client.ValidatingAdmissionPolicyBindings().Delete(context.Background(), binding.Name, metav1.DeleteOptions{}))
		must(t, client.ValidatingAdmissionPolicies().Delete(context.Background(), made.Name, metav1.DeleteOptions{}))
	})
}

// TestAdmissionPoliciesHold for our kind as for any other, and see the canonical
// shape whatever was sent.
func TestAdmissionPoliciesHold(t *testing.T) {
	t.Parallel()
	namespace, free := newNamespace(t), newNamespace(t)
	policy(t, namespace, `object.spec.zones.vmclusters.all(zone, !has(zone.name) || zone.name != "zone-a" || zone.spec.vmstorage.replicaCount > 1)`)
	for _, shape := range shapes {
		eventually(t, "the policy holds for a "+shape.name, func() bool {
			return shared.admin.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, paused("x", shape.zones)).code == http.StatusUnprocessableEntity
		})
		got := shared.admin.create(t, namespace, paused("x", shape.zones)).want(t, http.StatusUnprocessableEntity).problem(t)
		if !strings.Contains(got.Message, "the policy of "+namespace) {
			t.Errorf("the message is %s", got.Message)
		}
	}
	shared.admin.create(t, free, paused("x", canonical)).want(t, http.StatusCreated)
	allowed := strings.Replace(canonical, `"replicaCount":1`, `"replicaCount":2`, 1)
	shared.admin.create(t, namespace, paused("x", allowed)).want(t, http.StatusCreated)
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"zones":`+shapes[2].zones+`}}`).want(t, http.StatusUnprocessableEntity)
	// The controller's status is no business of the policy.
	settled(t, namespace, "x")
	wantNames(t, namespace, "x")
}

func TestNamespacesThatAreNotThereOrGoTakeNoObjects(t *testing.T) {
	t.Parallel()
	shared.admin.create(t, "no-such-namespace", paused("x", one("a"))).want(t, http.StatusNotFound).problem(t)

	namespace := newNamespace(t)
	// Something keeps the namespace from going at once.
	_, err := shared.admin.kubernetes.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "holds", Finalizers: []string{"example.com/holds"}},
	}, metav1.CreateOptions{})
	must(t, err)
	must(t, shared.admin.kubernetes.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}))
	var got answer
	eventually(t, "the server has noticed", func() bool {
		got = shared.admin.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, paused("x", one("a")))
		return got.code != http.StatusCreated
	})
	if message := got.want(t, http.StatusForbidden).problem(t).Message; !strings.Contains(message, "being terminated") {
		t.Errorf("the message is %s", message)
	}
	wantNames(t, namespace)
}

// TestNamespaceOfTheBodyMustBeThatOfThePath.
func TestNamespaceOfTheBodyMustBeThatOfThePath(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	body := strings.Replace(paused("x", one("a")), `"metadata":{`, `"metadata":{"namespace":"kube-system",`, 1)
	shared.admin.create(t, namespace, body).want(t, http.StatusBadRequest).problem(t)
	wantNames(t, namespace)
}
