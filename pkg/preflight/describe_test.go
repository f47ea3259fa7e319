// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

func TestDescribe(t *testing.T) {
	ours := &apiregistrationv1.ServiceReference{Namespace: "vmdistributed-system", Name: serverName}
	for name, tc := range map[string]struct {
		label   string
		service *apiregistrationv1.ServiceReference
		want    APIService
	}{
		"of CustomResourceDefinitions": {"true", nil, APIService{Standing: Automanaged}},
		"built in":                     {"onstart", nil, APIService{Standing: Automanaged}},
		"made by hand":                 {"", nil, APIService{Standing: Local, Kept: true}},
		"ours":                         {"false", ours, APIService{Standing: Ours, Service: "vmdistributed-system/vmdistributed-apiserver", Kept: true}},
		"ours, about to be turned back": {"true", ours, APIService{
			Standing: Ours, Service: "vmdistributed-system/vmdistributed-apiserver",
		}},
		"of the same name elsewhere": {"", &apiregistrationv1.ServiceReference{Namespace: "other", Name: serverName}, APIService{
			Standing: Foreign, Service: "other/vmdistributed-apiserver", Kept: true,
		}},
	} {
		found := &apiregistrationv1.APIService{Spec: apiregistrationv1.APIServiceSpec{Service: tc.service}}
		found.Labels = map[string]string{takeoverLabel: tc.label}
		if diff := cmp.Diff(tc.want, describe(found, "vmdistributed-system")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAsOperator(t *testing.T) {
	for name, tc := range map[string]struct {
		labels    map[string]string
		container corev1.Container
		want      []string
		is        bool
	}{
		"by its image":            {nil, corev1.Container{Image: "docker.io/victoriametrics/operator:v0.74.1"}, nil, true},
		"by its label":            {map[string]string{"app.kubernetes.io/name": "victoria-metrics-operator"}, corev1.Container{Image: "mirror/vmo"}, nil, true},
		"by its flag":             {nil, corev1.Container{Args: []string{"-controller.disableReconcileFor=VMDistributed"}}, []string{"VMDistributed"}, true},
		"the flag in two words":   {nil, corev1.Container{Args: []string{"--controller.disableReconcileFor", "VMDistributed,VLDistributed"}}, []string{"VMDistributed", "VLDistributed"}, true},
		"the flag in a command":   {nil, corev1.Container{Command: []string{"/manager", "--controller.disableReconcileFor=A"}}, []string{"A"}, true},
		"a flag of another name":  {nil, corev1.Container{Args: []string{"--controller.disableReconcileForever=A"}}, nil, false},
		"what it has made":        {map[string]string{"managed-by": "vm-operator"}, corev1.Container{Image: "victoriametrics/operator:config-reloader-v0.74.1"}, nil, false},
		"its reloader by another": {nil, corev1.Container{Image: "quay.io/victoriametrics/operator:config-reloader-v0.74.1"}, nil, false},
		"something else":          {nil, corev1.Container{Image: "nginx"}, nil, false},
	} {
		found := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "b", Labels: tc.labels}}
		found.Spec.Template.Spec.Containers = []corev1.Container{tc.container}
		operator, is := asOperator(found)
		if is != tc.is {
			t.Errorf("%s: is the operator: %v", name, is)
		}
		if diff := cmp.Diff(tc.want, operator.LeavesAlone); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
