// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

func TestWhoManagesWhichFieldIsLeftOutAsByKubectl(t *testing.T) {
	t.Parallel()
	for _, format := range []string{asJSON, asYAML} {
		managed := func() *v1alpha1.VMDistributedCluster {
			object := &v1alpha1.VMDistributedCluster{}
			object.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("VMDistributedCluster"))
			object.Name, object.ManagedFields = "metrics", []metav1.ManagedFieldsEntry{{Manager: "ann"}}
			return object
		}
		list := &corev1.List{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}, Items: []runtime.RawExtension{{Object: managed()}}}
		for _, object := range []runtime.Object{managed(), list} {
			var out strings.Builder
			if err := (&output{format: format}).printObject(&out, nil, "metrics", object); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "metrics") || strings.Contains(out.String(), "managedFields") {
				t.Errorf("%s of %T is:\n%s", format, object, out.String())
			}
		}
	}
}
