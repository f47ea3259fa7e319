// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package likeness

import (
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// essence is what of an object must be the same: no times, no identifiers, no
// wording, and of pods only their metadata.
func essence(obj *unstructured.Unstructured) map[string]any {
	result := map[string]any{
		"labels":          obj.GetLabels(),
		"annotations":     plain(obj.GetAnnotations()),
		"finalizers":      obj.GetFinalizers(),
		"generation":      obj.GetGeneration(),
		"ownerReferences": owners(obj),
		"status":          status(obj),
	}
	if obj.GetKind() != "StatefulSet" && obj.GetKind() != "Deployment" {
		return result
	}
	for _, field := range []string{"replicas", "selector", "serviceName", "podManagementPolicy", "updateStrategy", "strategy"} {
		value, found, _ := unstructured.NestedFieldCopy(obj.Object, "spec", field)
		if found {
			result[field] = value
		}
	}
	labels, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "template", "metadata", "labels")
	result["pod labels"] = labels
	return result
}

// plain leaves out the notes that the stand-in and the controllers make for
// themselves.
func plain(annotations map[string]string) map[string]string {
	result := maps.Clone(annotations)
	maps.DeleteFunc(result, func(name, _ string) bool {
		return strings.HasPrefix(name, "standin.vmdistributed.test/") || name == "deployment.kubernetes.io/revision"
	})
	if len(result) == 0 {
		return nil
	}
	return result
}

func owners(obj *unstructured.Unstructured) any {
	references := obj.GetOwnerReferences()
	for i := range references {
		references[i].UID = ""
	}
	return references
}

func status(obj *unstructured.Unstructured) map[string]any {
	result, _, _ := unstructured.NestedMap(obj.Object, "status")
	for _, field := range []string{
		"reason", // The wording differs.
		// The operator fills in its defaults.
		"lastAppliedSpec",
		// Zero, and of no use here.
		"collisionCount", "terminatingReplicas",
	} {
		delete(result, field)
	}
	if obj.GetKind() == "StatefulSet" {
		result["at one revision"] = result["currentRevision"] == result["updateRevision"]
		delete(result, "currentRevision")
		delete(result, "updateRevision")
	}
	conditions, _ := result["conditions"].([]any)
	for _, raw := range conditions {
		if condition, ok := raw.(map[string]any); ok {
			maps.DeleteFunc(condition, func(name string, _ any) bool {
				return name == "lastTransitionTime" || name == "lastUpdateTime" || name == "message"
			})
		}
	}
	return result
}
