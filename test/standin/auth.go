// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// authSpec is the part of a VMAuth's spec that its workload is made from, and
// the one that says which VMUsers it serves.
type authSpec struct {
	component
	UseLegacyNaming bool     `json:"useLegacyNaming"`
	ManagedMetadata metadata `json:"managedMetadata"`

	SelectAllByDefault    bool                  `json:"selectAllByDefault"`
	UserSelector          *metav1.LabelSelector `json:"userSelector"`
	UserNamespaceSelector *metav1.LabelSelector `json:"userNamespaceSelector"`
	DefaultTargetRefs     []targetRef           `json:"defaultTargetRefs"`
	// With one of these, the configuration comes from elsewhere.
	SecretRef map[string]any `json:"secretRef"`
	LocalPath string         `json:"localPath"`
}

// authWorkloads returns what a VMAuth consists of.
func authWorkloads(auth *unstructured.Unstructured) ([]workload, error) {
	var spec authSpec
	if err := decode(auth, "spec", &spec); err != nil {
		return nil, err
	}
	name := "vmauth-" + auth.GetName()
	if spec.UseLegacyNaming {
		name = auth.GetName()
	}
	w, err := design{
		owner: auth, name: name, program: "vmauth", programLabel: "vmauth",
		managed: spec.ManagedMetadata, component: spec.component,
		settings: without(nested(auth.Object, "spec"), "paused", "replicaCount", "hpa", "managedMetadata"),
	}.workload()
	return []workload{w}, err
}
