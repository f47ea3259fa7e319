// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// TestZonesAreToldThoughSomebodyWritesAtTheSameTime has a VMCluster written between
// the look at it and its dry run: while the zone before it is tried out.
func TestZonesAreToldThoughSomebodyWritesAtTheSameTime(t *testing.T) {
	r := readyZones(t)
	meddle := r.meddler("zone-b", "zone-c")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator", "expanding")
	for range 20 { // now and then the controller is the one to lose
		meddle.times.Store(1)
		if _, err := r.own.GetZones(t.Context(), "demo", metav1.GetOptions{}); err != nil {
			t.Fatalf("after one write in between: %v", err)
		}
	}
	if meddle.writes.Load() == 0 {
		t.Error("nobody wrote in between")
	}
	meddle.times.Store(1 << 30)
	_, err := r.own.GetZones(t.Context(), "demo", metav1.GetOptions{})
	if !apierrors.IsServiceUnavailable(err) {
		t.Errorf("with a write before every dry run: %v, want 503", err)
	} else {
		expectContains(t, "the answer", err.Error(), "VMDistributedCluster "+r.namespace+"/demo", "zone-c", "try again")
	}
	meddle.times.Store(0)
	r.behave("zone-a")
	r.untilReady("demo")
}

// meddler writes a VMCluster before a dry run of a change of another is answered.
type meddler struct {
	// times is how many more dry runs it does so for.
	times, writes atomic.Int64
}

// meddler is called by kube-apiserver from now on, and does nothing yet.
func (r *room) meddler(tried, written string) *meddler {
	r.t.Helper()
	m := &meddler{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(req.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if m.times.Add(-1) >= 0 {
			body := fmt.Sprintf(`{"metadata":{"annotations":{"meddled":"%d"}}}`, m.writes.Add(1))
			if _, err := shared.objects.Resource(clusterResource).Namespace(r.namespace).
				Patch(req.Context(), written, types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: somebody}); err != nil {
				r.t.Errorf("writing %s before the dry run of %s is answered: %v", written, tried, err)
			}
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		_ = json.NewEncoder(w).Encode(review)
	}))
	r.t.Cleanup(server.Close)
	webhooks := shared.kubernetes.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := webhooks.Create(r.t.Context(), &registrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "meddler-" + r.namespace},
		Webhooks: []registrationv1.ValidatingWebhook{{
			Name: "meddler.vmdistributed.test",
			ClientConfig: registrationv1.WebhookClientConfig{
				URL:      ptr.To(server.URL),
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": r.namespace}},
			Rules: []registrationv1.RuleWithOperations{{
				Operations: []registrationv1.OperationType{registrationv1.Update},
				Rule:       registrationv1.Rule{APIGroups: []string{clusterResource.Group}, APIVersions: []string{"*"}, Resources: []string{"vmclusters"}},
			}},
			MatchConditions: []registrationv1.MatchCondition{{Name: "tried", Expression: fmt.Sprintf("request.dryRun && object.metadata.name == %q", tried)}},
			// Gone with the server: nobody else's trouble.
			FailurePolicy:           ptr.To(registrationv1.Ignore),
			SideEffects:             ptr.To(registrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}, metav1.CreateOptions{})
	must(r.t, err)
	r.t.Cleanup(func() {
		if err := webhooks.Delete(context.WithoutCancel(r.t.Context()), "meddler-"+r.namespace, metav1.DeleteOptions{}); err != nil {
			r.t.Errorf("taking the webhook away: %v", err)
		}
	})
	return m
}
