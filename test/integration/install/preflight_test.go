// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/preflight"
)

// foldersOf are what a build is put together of, as preflight is told.
func foldersOf(b build) []string {
	const components = "artifacts/components/"
	switch b.name {
	case "base", "example-1", "digest":
		return []string{"artifacts/base"}
	case "example-2":
		return []string{"artifacts/base", components + "beside-the-operator", components + "external-etcd", components + "cert-manager"}
	}
	if names := strings.Split(b.name, "+"); len(names) > 1 {
		folders := []string{"artifacts/base"}
		for _, name := range names {
			folders = append(folders, components+name)
		}
		return folders
	}
	return []string{"artifacts/overlays/" + b.name}
}

// TestPreflightAsksForWhatTheManifestsTake: no right less, and none more.
func TestPreflightAsksForWhatTheManifestsTake(t *testing.T) {
	ofKubernetes := rolesOfKubernetes(t)
	forAll(t, func(t *testing.T, b build, _ workload) {
		manifests, err := preflight.Combine(foldersOf(b))
		must(t, err)
		asked := manifests.Rights("vmdistributed-system")
		server, given := grants(t, b, ofKubernetes)
		for what, lists := range map[string][2][]string{
			"given to the server":  {server, asked.Server},
			"given to anybody":     {given, asked.Give},
			"needed to apply them": {toApply(b), asked.Apply},
		} {
			if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
				t.Errorf("rights %s (-manifests +asked about):\n%s", what, diff)
			}
		}
	})
}

// rolesOfKubernetes are those that the manifests bind and do not bring.
func rolesOfKubernetes(t *testing.T) map[string][]rbacv1.PolicyRule {
	t.Helper()
	client, err := kubernetes.NewForConfig(shared.control.Config())
	must(t, err)
	delegator, err := client.RbacV1().ClusterRoles().Get(t.Context(), "system:auth-delegator", metav1.GetOptions{})
	must(t, err)
	reader, err := client.RbacV1().Roles("kube-system").Get(t.Context(), "extension-apiserver-authentication-reader", metav1.GetOptions{})
	must(t, err)
	return map[string][]rbacv1.PolicyRule{
		"ClusterRole/" + delegator.Name: delegator.Rules, "Role/kube-system/" + reader.Name: reader.Rules,
	}
}

// grants are what a build gives to the server, and to anybody.
func grants(t *testing.T, b build, roles map[string][]rbacv1.PolicyRule) (server, anybody []string) {
	t.Helper()
	roles = maps.Clone(roles)
	for _, role := range all[rbacv1.ClusterRole](t, b, "ClusterRole") {
		roles["ClusterRole/"+role.Name] = role.Rules
		anybody = append(anybody, inWords("", role.Rules)...)
	}
	for _, role := range all[rbacv1.Role](t, b, "Role") {
		roles["Role/"+role.Namespace+"/"+role.Name] = role.Rules
		anybody = append(anybody, inWords(role.Namespace, role.Rules)...)
	}
	for _, binding := range all[rbacv1.ClusterRoleBinding](t, b, "ClusterRoleBinding") {
		server = append(server, inWords("", roles["ClusterRole/"+binding.RoleRef.Name])...)
	}
	for _, binding := range all[rbacv1.RoleBinding](t, b, "RoleBinding") {
		server = append(server, inWords(binding.Namespace, roles["Role/"+binding.Namespace+"/"+binding.RoleRef.Name])...)
	}
	return sorted(server), sorted(append(anybody, server...))
}

// toApply are the rights to apply each object of a build.
func toApply(b build) []string {
	var rights []string
	for _, object := range b.objects {
		resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
		rights = append(rights, inWords(object.GetNamespace(), []rbacv1.PolicyRule{{
			APIGroups: []string{resource.Group}, Resources: []string{resource.Resource}, Verbs: []string{"get", "create", "patch"},
		}})...)
	}
	return sorted(rights)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// inWords lists what rules allow, one by one, as preflight tells it.
func inWords(namespace string, rules []rbacv1.PolicyRule) (all []string) {
	join := func(separator string, parts ...string) string {
		return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), separator)
	}
	if namespace != "" {
		namespace = "in " + namespace
	}
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range rule.Verbs {
			for _, url := range rule.NonResourceURLs {
				all = append(all, verb+" "+url)
			}
			for _, resource := range rule.Resources {
				for _, name := range names {
					all = append(all, join(" ", verb, join(".", resource, rule.APIGroups[0]), name, namespace))
				}
			}
		}
	}
	return all
}
