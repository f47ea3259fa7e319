// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// certManagerKinds stand for the definitions of cert-manager, with those of their fields that
// the manifests use.
const certManagerKinds = "testdata/cert-manager.yaml"

// prepare makes for real what others need to be asked about at all.
func prepare(t *testing.T) {
	t.Helper()
	kubectl(t, shared.control, nil, "apply", "-f", certManagerKinds)
	first := named(t, "base").only(t, "Namespace", "CustomResourceDefinition", "PriorityClass")
	kubectl(t, shared.control, first, "apply", "-f", "-")
	kubectl(t, shared.control, nil, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
}

// only are the objects of some kinds, for kubectl.
func (b build) only(t *testing.T, kinds ...string) []byte {
	t.Helper()
	list := unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, object := range b.objects {
		if slices.Contains(kinds, object.GetKind()) {
			list.Items = append(list.Items, object)
		}
	}
	raw, err := list.MarshalJSON()
	must(t, err)
	return raw
}

// TestAPIServerAcceptsEveryObject as it is, with no field that it does not know, and nothing
// to warn of.
func TestAPIServerAcceptsEveryObject(t *testing.T) {
	prepare(t)
	for _, b := range shared.builds {
		t.Run(b.name, func(t *testing.T) {
			said := kubectl(t, shared.control, b.raw, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
			if got := strings.Count(said, "(server dry run)"); got != len(b.objects) || got == 0 {
				t.Errorf("%d of %d objects were accepted:\n%s", got, len(b.objects), said)
			}
		})
	}
}

// TestPodsPassTheRestrictedStandard, which the namespace enforces.
func TestPodsPassTheRestrictedStandard(t *testing.T) {
	prepare(t)
	for _, b := range shared.builds {
		t.Run(b.name, func(t *testing.T) {
			w := workloadOf(t, b)
			for _, claim := range w.claims {
				w.template.Spec.Volumes = append(w.template.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
				}})
			}
			pod := corev1.Pod{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
				ObjectMeta: metav1.ObjectMeta{Name: "server", Namespace: "vmdistributed-system", Labels: w.template.Labels},
				Spec:       w.template.Spec,
			}
			raw, err := json.Marshal(pod)
			must(t, err)
			kubectl(t, shared.control, raw, "create", "--dry-run=server", "-f", "-")

			pod.Spec.SecurityContext.SeccompProfile = nil
			raw, err = json.Marshal(pod)
			must(t, err)
			refused := tryKubectl(t, shared.control, raw, "create", "--dry-run=server", "-f", "-")
			if !strings.Contains(refused.stderr, `violates PodSecurity "restricted`) {
				t.Errorf("without a seccomp profile: %v: %s", refused.err, refused.stderr)
			}
		})
	}
}
