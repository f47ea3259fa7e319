// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// introduced is what Kubernetes' own types know of their history.
type introduced interface {
	APILifecycleIntroduced() (major, minor int)
}

// TestNeedsSayWhenTheyCame as the types do.
func TestNeedsSayWhenTheyCame(t *testing.T) {
	types := map[string]introduced{
		"apiregistration.k8s.io/v1/apiservices":                             &apiregistrationv1.APIService{},
		"authentication.k8s.io/v1/tokenreviews":                             &authenticationv1.TokenReview{},
		"authorization.k8s.io/v1/subjectaccessreviews":                      &authorizationv1.SubjectAccessReview{},
		"apiextensions.k8s.io/v1/customresourcedefinitions":                 &apiextensionsv1.CustomResourceDefinition{},
		"coordination.k8s.io/v1/leases":                                     &coordinationv1.Lease{},
		"discovery.k8s.io/v1/endpointslices":                                &discoveryv1.EndpointSlice{},
		"admissionregistration.k8s.io/v1/mutatingwebhookconfigurations":     &admissionregistrationv1.MutatingWebhookConfiguration{},
		"admissionregistration.k8s.io/v1/validatingwebhookconfigurations":   &admissionregistrationv1.ValidatingWebhookConfiguration{},
		"admissionregistration.k8s.io/v1/validatingadmissionpolicies":       &admissionregistrationv1.ValidatingAdmissionPolicy{},
		"admissionregistration.k8s.io/v1/validatingadmissionpolicybindings": &admissionregistrationv1.ValidatingAdmissionPolicyBinding{},
		"admissionregistration.k8s.io/v1/mutatingadmissionpolicies":         &admissionregistrationv1.MutatingAdmissionPolicy{},
		"admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings":   &admissionregistrationv1.MutatingAdmissionPolicyBinding{},
		"flowcontrol.apiserver.k8s.io/v1/flowschemas":                       &flowcontrolv1.FlowSchema{},
		"flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations":       &flowcontrolv1.PriorityLevelConfiguration{},
		"apps/v1/deployments":                                               &appsv1.Deployment{},
		"apps/v1/statefulsets":                                              &appsv1.StatefulSet{},
		"apps/v1/daemonsets":                                                &appsv1.DaemonSet{},
		"v1/namespaces":                                                     &corev1.Namespace{},
		"v1/configmaps":                                                     &corev1.ConfigMap{},
		"v1/secrets":                                                        &corev1.Secret{},
		"v1/events":                                                         &corev1.Event{},
		"rbac.authorization.k8s.io/v1/clusterroles":                         &rbacv1.ClusterRole{},
		"rbac.authorization.k8s.io/v1/roles":                                &rbacv1.Role{},
	}
	for _, need := range hostNeeds() {
		latest := 0
		for _, resource := range need.resources {
			known, is := types[resource]
			if !is {
				t.Errorf("nobody knows since when %s is there", resource)
				continue
			}
			_, minor := known.APILifecycleIntroduced()
			latest = max(latest, minor)
		}
		if want := fmt.Sprintf("Kubernetes 1.%d", latest); need.since != want {
			t.Errorf("%v are there since %s, not %s", need.resources, want, need.since)
		}
	}
}

// ofVersion is a cluster of a version, which serves what had come by then, as its discovery
// tells.
func ofVersion(t *testing.T, minor int) Facts {
	t.Helper()
	facts := fine()
	facts.Version = fmt.Sprintf("v1.%d.0", minor)
	for _, need := range hostNeeds() {
		var since int
		if _, err := fmt.Sscanf(need.since, "Kubernetes 1.%d", &since); err != nil {
			t.Fatal(err)
		}
		if since > minor {
			for _, resource := range need.resources {
				delete(facts.Served, resource)
			}
		}
	}
	return facts
}

// TestOldestVersionsThatWork are what docs/install.md says: 1.36 as it is, 1.30 with a
// component, 1.29 without policies at all, and none before.
func TestOldestVersionsThatWork(t *testing.T) {
	component, err := Combine([]string{"artifacts/base", "artifacts/components/without-mutating-policies"})
	must(t, err)
	withoutPolicies := []string{"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"}
	for name, tc := range map[string]struct {
		plan   Plan
		oldest int
	}{
		"as it is":                            {Plan{}, 36},
		"with the component":                  {Plan{Manifests: component}, 30},
		"with the component, and another one": {Plan{Manifests: component, WithoutPlugins: withoutPolicies[:1]}, 29},
		"without policies":                    {Plan{WithoutPlugins: withoutPolicies}, 29},
	} {
		for minor := 24; minor <= 37; minor++ {
			facts := ofVersion(t, minor)
			if verdict := Judge(facts, tc.plan); verdict.Ready != (minor >= tc.oldest) {
				t.Errorf("%s: ready for 1.%d is %v:\n%s", name, minor, verdict.Ready, verdict.Text(facts))
			}
		}
	}
}

// TestOlderVersionsAreToldWhatToDo in as many words.
func TestOlderVersionsAreToldWhatToDo(t *testing.T) {
	for minor, says := range map[int][]string{
		35: {"v1.35.0", "since Kubernetes 1.36", "artifacts/components/without-mutating-policies"},
		29: {"since Kubernetes 1.30", "--disable-admission-plugins=ValidatingAdmissionPolicy"},
		28: {"since Kubernetes 1.29", "upgrade the cluster"},
	} {
		facts := ofVersion(t, minor)
		text := Judge(facts, Plan{}).Text(facts)
		if missing := slices.DeleteFunc(says, func(part string) bool { return strings.Contains(text, part) }); len(missing) > 0 {
			t.Errorf("1.%d is not told %q:\n%s", minor, missing, text)
		}
	}
}
