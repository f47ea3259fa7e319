// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// workloadsOf returns what an object consists of.
func workloadsOf(resource string, obj *unstructured.Unstructured) ([]workload, error) {
	switch resource {
	case clusterResource:
		return clusterWorkloads(obj)
	case agentResource:
		return agentWorkloads(obj)
	case authResource:
		return authWorkloads(obj)
	}
	return nil, fmt.Errorf("%s have no workloads", resource)
}

// extraStatus returns what a kind has in its status beside what all have.
func extraStatus(resource string, obj *unstructured.Unstructured) (map[string]any, error) {
	if resource == agentResource {
		return agentStatus(obj)
	}
	return nil, nil
}
