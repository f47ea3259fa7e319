// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	nameLabel      = "app.kubernetes.io/name"
	managedByLabel = "app.kubernetes.io/managed-by"
	issuedFor      = "cert-manager.io/certificate-name"
)

// sign looks at an object that has the name of one of ours, and says why it is not ours;
// "" where it is. The manifests carry no label that all of them have in common.
type sign func(*unstructured.Unstructured) string

// byName is for names that nobody else would think of.
func byName(*unstructured.Unstructured) string { return "" }

// labelled wants the label of our pods in a map of labels.
func labelled(path ...string) sign {
	return func(object *unstructured.Unstructured) string {
		found, _, _ := unstructured.NestedStringMap(object.Object, path...)
		if found[nameLabel] == serverName {
			return ""
		}
		return fmt.Sprintf("%s has no %s: %s", strings.Join(path, "."), nameLabel, serverName)
	}
}

// sendsTo wants an APIService that sends requests to our Service.
func sendsTo(namespace string) sign {
	return func(object *unstructured.Unstructured) string {
		service := withoutNumbers(object, "spec", "service")
		if service["namespace"] != namespace || service["name"] != serverName {
			return fmt.Sprintf("it sends requests to the Service %s/%s", service["namespace"], service["name"])
		}
		return ""
	}
}

// servedByTheClusterItself tells an APIService that kube-apiserver has made for kinds of
// the operator.
func servedByTheClusterItself(object *unstructured.Unstructured) bool {
	return len(withoutNumbers(object, "spec", "service")) == 0
}

// withoutNumbers are the members of an object that are strings.
func withoutNumbers(object *unstructured.Unstructured, path ...string) map[string]any {
	found, _, _ := unstructured.NestedMap(object.Object, path...)
	for key, value := range found {
		if _, is := value.(string); !is {
			delete(found, key)
		}
	}
	return found
}

// leadsToServer wants a Service of our pods, or another name of a server that runs
// elsewhere.
func leadsToServer(object *unstructured.Unstructured) string {
	if kind, _, _ := unstructured.NestedString(object.Object, "spec", "type"); kind == "ExternalName" {
		return ""
	}
	return labelled("spec", "selector")(object)
}

// queues wants a FlowSchema that is about the server's account alone.
func queues(namespace string) sign {
	return func(object *unstructured.Unstructured) string {
		rules, _, _ := unstructured.NestedSlice(object.Object, "spec", "rules")
		for _, rule := range rules {
			for _, subject := range list(rule, "subjects") {
				account, _ := member(subject, "serviceAccount").(map[string]any)
				if account["namespace"] != namespace || account["name"] != serverName {
					return "it is about others than the server's account"
				}
			}
		}
		return ""
	}
}

func describedAsOurs(object *unstructured.Unstructured) string {
	if said, _, _ := unstructured.NestedString(object.Object, "description"); !strings.Contains(said, "VMDistributedCluster") {
		return "its description says nothing of VMDistributedClusters"
	}
	return ""
}

func issuedByCertManager(object *unstructured.Unstructured) string {
	if object.GetAnnotations()[issuedFor] != object.GetName() {
		return "cert-manager has not made it"
	}
	return ""
}

func managed(object *unstructured.Unstructured) string {
	if object.GetLabels()[managedByLabel] != serverName {
		return "it is not labelled " + managedByLabel + ": " + serverName
	}
	return ""
}

// binds wants a binding to nobody but the server's account.
func binds(namespace string) sign {
	return func(object *unstructured.Unstructured) string {
		for _, subject := range list(object.Object, "subjects") {
			if member(subject, "kind") != "ServiceAccount" || member(subject, "namespace") != namespace || member(subject, "name") != serverName {
				return "it gives the role to others than the server's account"
			}
		}
		return ""
	}
}

// aboutZones wants a role for people that is about our kind and those of the operator
// that a rollout writes to, subresources included, and nothing else.
func aboutZones(object *unstructured.Unstructured) string {
	groups, resources := []string{operatorGroup, ownGroup}, []string{ownResource, "vmclusters", "vmusers", "vmagents"}
	for _, rule := range list(object.Object, "rules") {
		for where, known := range map[string][]string{"apiGroups": groups, "resources": resources} {
			for _, found := range list(rule, where) {
				if of, _, _ := strings.Cut(fmt.Sprint(found), "/"); !slices.Contains(known, of) {
					return fmt.Sprintf("it is about %v too", found)
				}
			}
		}
	}
	return ""
}

func member(of any, key string) any {
	object, _ := of.(map[string]any)
	return object[key]
}

func list(of any, key string) []any {
	found, _ := member(of, key).([]any)
	return found
}
