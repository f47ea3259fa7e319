// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// TestWhatTheClusterDoesNotAllowIsToldToWhoCanDoSomethingAboutIt: a policy that is against
// a record, for whatever reason, is no failure of the server.
func TestWhatTheClusterDoesNotAllowIsToldToWhoCanDoSomethingAboutIt(t *testing.T) {
	for name, reason := range map[string]metav1.StatusReason{"forbidden": metav1.StatusReasonForbidden, "invalid": metav1.StatusReasonInvalid} {
		t.Run(name, func(t *testing.T) {
			b := newHost(t)
			namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}}, metav1.CreateOptions{})
			must(t, err)
			forbid(t, namespace.Name, reason)
			store := b.Interface.(*inNamespaces).Interface
			var last error
			err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
				pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "pod"}}
				key := prefix + namespace.Name + "/pod"
				if last = store.Create(ctx, key, pod, nil, 0); last == nil { // what forbids it is not known yet
					return false, store.Delete(ctx, key, &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
				}
				return true, nil
			})
			must(t, err)
			if !apierrors.IsForbidden(last) || !strings.Contains(last.Error(), "none of these") {
				t.Errorf("the answer is %v, want that it is forbidden, and why", last)
			}
		})
	}
}

// forbid has a policy be against all records in a namespace.
func forbid(t *testing.T, namespace string, reason metav1.StatusReason) {
	t.Helper()
	client := shared.kubernetes.AdmissionregistrationV1()
	_, err := client.ValidatingAdmissionPolicies().Create(t.Context(), &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
					Rule:       admissionregistrationv1.Rule{APIGroups: []string{storagev1.GroupName}, APIVersions: []string{"*"}, Resources: []string{"*"}},
				},
			}}},
			Validations: []admissionregistrationv1.Validation{{Expression: "object.metadata.namespace != '" + namespace + "'", Message: "none of these", Reason: &reason}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = client.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: namespace, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		must(t, client.ValidatingAdmissionPolicyBindings().Delete(ctx, namespace, metav1.DeleteOptions{}))
		must(t, client.ValidatingAdmissionPolicies().Delete(ctx, namespace, metav1.DeleteOptions{}))
	})
}
