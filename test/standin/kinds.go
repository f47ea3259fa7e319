// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	apiGroup   = "operator.victoriametrics.com"
	apiVersion = apiGroup + "/v1beta1"

	clusterResource = "vmclusters"
	agentResource   = "vmagents"
	authResource    = "vmauths"
	userResource    = "vmusers"

	statefulSetResource = "statefulsets"
	deploymentResource  = "deployments"
	namespaceResource   = "namespaces"
)

// operatorResources returns the kinds that the stand-in plays the operator for.
func operatorResources() []string {
	return []string{clusterResource, agentResource, authResource, userResource}
}

// workloadResources returns the kinds whose controllers it plays.
func workloadResources() []string {
	return []string{statefulSetResource, deploymentResource}
}

// gvr completes the name of a resource that the stand-in reads or writes.
func gvr(resource string) schema.GroupVersionResource {
	switch resource {
	case statefulSetResource, deploymentResource:
		return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
	case namespaceResource:
		return schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	return schema.GroupVersionResource{Group: apiGroup, Version: "v1beta1", Resource: resource}
}

// resourceOfKind returns the resource of a kind that can own workloads, or "".
func resourceOfKind(kind string) string {
	switch kind {
	case "VMCluster":
		return clusterResource
	case "VMAgent":
		return agentResource
	case "VMAuth":
		return authResource
	}
	return ""
}

// key names one object of the operator's kinds.
type key struct {
	resource, namespace, name string
}

func (k key) String() string {
	return fmt.Sprintf("%s %s/%s", k.resource, k.namespace, k.name)
}

func keyOf(resource string, obj *unstructured.Unstructured) key {
	return key{resource: resource, namespace: obj.GetNamespace(), name: obj.GetName()}
}
