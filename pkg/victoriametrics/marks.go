// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// MarkedKind is a kind on whose objects VMDistributedClusters leave marks.
type MarkedKind struct {
	Kind     string
	Resource schema.GroupVersionResource
}

// MarkedKinds are all of them.
func MarkedKinds() []MarkedKind {
	return []MarkedKind{
		{VMClusterKind.Kind, VMClusterResource}, {VMUserKind.Kind, VMUserResource}, {VMAgentKind.Kind, VMAgentResource},
	}
}

// CarriesMark tells whether a VMDistributedCluster has left something on an object that
// it needs again: whose it is, what a drain has taken out of it, whom it scrapes for.
func CarriesMark(object metav1.Object) bool {
	for key := range object.GetAnnotations() {
		if strings.HasPrefix(key, AnnotationPrefix) {
			return true
		}
	}
	return false
}
