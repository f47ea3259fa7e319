// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// TestNoRoleHasAWildcard, neither of the server nor of people.
func TestNoRoleHasAWildcard(t *testing.T) {
	forAll(t, func(t *testing.T, b build, _ workload) {
		roles := all[rbacv1.Role](t, b, "Role")
		for _, role := range all[rbacv1.ClusterRole](t, b, "ClusterRole") {
			roles = append(roles, rbacv1.Role{ObjectMeta: role.ObjectMeta, Rules: role.Rules})
		}
		expect(t, "there are several", len(roles) >= 4, true)
		for _, role := range roles {
			for _, rule := range role.Rules {
				for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs) {
					if strings.Contains(word, "*") {
						t.Errorf("%s has %q", role.Name, word)
					}
				}
			}
		}
	})
}

// TestRolesForPeopleAreAggregated into the three that clusters have for them.
func TestRolesForPeopleAreAggregated(t *testing.T) {
	want := map[string][]string{"-view": {"view", "edit", "admin"}, "-edit": {"edit", "admin"}}
	forAll(t, func(t *testing.T, b build, _ workload) {
		found := 0
		for _, role := range all[rbacv1.ClusterRole](t, b, "ClusterRole") {
			for suffix, into := range want {
				if !strings.HasSuffix(role.Name, suffix) || strings.Contains(role.Name, "zones") {
					continue
				}
				found++
				aggregated := 0
				for label := range role.Labels {
					if strings.HasPrefix(label, "rbac.authorization.k8s.io/aggregate-to-") {
						aggregated++
					}
				}
				expect(t, "roles that "+role.Name+" becomes part of", aggregated, len(into))
				for _, one := range into {
					expect(t, role.Name+" becomes part of "+one, role.Labels["rbac.authorization.k8s.io/aggregate-to-"+one], "true")
				}
			}
		}
		expect(t, "at least one of each", found >= len(want), true)
	})
}

// rightsOf are what the bindings of a build give to the server, one verb each.
func rightsOf(t *testing.T, b build) sets.Set[string] {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, role := range all[rbacv1.ClusterRole](t, b, "ClusterRole") {
		rules["ClusterRole/"+role.Name] = role.Rules
	}
	for _, role := range all[rbacv1.Role](t, b, "Role") {
		rules["Role/"+role.Namespace+"/"+role.Name] = role.Rules
	}
	// Kubernetes' own.
	rules["ClusterRole/system:auth-delegator"] = nil
	rules["Role/kube-system/extension-apiserver-authentication-reader"] = nil

	rights := sets.New[string]()
	add := func(namespace, role string, subjects []rbacv1.Subject) {
		expect(t, "subjects of "+role, len(subjects), 1)
		expect(t, "subject of "+role, subjects[0].Namespace+"/"+subjects[0].Name, "vmdistributed-system/"+name)
		given, is := rules[role]
		expect(t, role+" is there", is, true)
		for _, rule := range given {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights.Insert(strings.TrimSpace(strings.Join([]string{namespace, verb, resource, strings.Join(rule.ResourceNames, ",")}, " ")))
				}
			}
		}
		if given == nil {
			rights.Insert(role)
		}
	}
	for _, binding := range all[rbacv1.ClusterRoleBinding](t, b, "ClusterRoleBinding") {
		add("", "ClusterRole/"+binding.RoleRef.Name, binding.Subjects)
	}
	for _, binding := range all[rbacv1.RoleBinding](t, b, "RoleBinding") {
		add(binding.Namespace, "Role/"+binding.Namespace+"/"+binding.RoleRef.Name, binding.Subjects)
	}
	return rights
}

// TestOverlaysLeaveNoRightThatTheyDoNotUse, and add none that is not theirs.
func TestOverlaysLeaveNoRightThatTheyDoNotUse(t *testing.T) {
	records := []string{
		"create vmdistributedclusterrecords", "delete vmdistributedclusterrecords", "get vmdistributedclusterrecords",
		"list vmdistributedclusterrecords", "update vmdistributedclusterrecords", "watch vmdistributedclusterrecords",
		"get customresourcedefinitions vmdistributedclusterrecords.storage.distributed.victoriametrics.com",
	}
	const services, secret = "v1alpha1.distributed.victoriametrics.com,v1alpha1.operator.victoriametrics.com", "vmdistributed-apiserver-certificate"
	base := rightsOf(t, named(t, "base"))
	for overlay, c := range map[string]struct{ without, with []string }{
		"beside-the-operator": {},
		"external-etcd":       {without: records},
		"embedded-etcd": {without: records, with: []string{
			"vmdistributed-system get leases vmdistributed-apiserver-embedded-store",
			"vmdistributed-system update leases vmdistributed-apiserver-embedded-store",
		}},
		"cert-manager": {without: []string{
			"get apiservices " + services, "list apiservices " + services, "patch apiservices " + services, "watch apiservices " + services,
			"vmdistributed-system create secrets", "vmdistributed-system get secrets " + secret, "vmdistributed-system list secrets " + secret,
			"vmdistributed-system update secrets " + secret, "vmdistributed-system watch secrets " + secret,
		}},
	} {
		rights := rightsOf(t, named(t, overlay))
		for what, lists := range map[string][2][]string{
			"taken from the base": {sets.List(base.Difference(rights)), c.without},
			"added to it":         {sets.List(rights.Difference(base)), c.with},
		} {
			got, want := lists[0], slices.Sorted(slices.Values(lists[1]))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s are %q, want %q", overlay, what, got, want)
			}
		}
	}
}
