// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shippedRoles are those of artifacts/base that make up the rights of somebody who
// rolls changes out.
func shippedRoles(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	var rules []rbacv1.PolicyRule
	for _, name := range []string{"vmdistributed-view", "vmdistributed-edit", "vmdistributed-zones-edit"} {
		role, err := shared.kubernetes.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
		must(t, err)
		rules = append(rules, role.Rules...)
	}
	return rules
}

// workAs goes on as a user who has the rules in the room, and no other rights.
func (r *room) workAs(user string, rules []rbacv1.PolicyRule) {
	r.t.Helper()
	r.grant(user, rules...)
	config, err := shared.control.ConfigFor(user)
	must(r.t, err)
	must(r.t, r.connect(config))
	// kube-apiserver and the server learn of new rights a moment later.
	poll(r.t, "the rights to be known", func(ctx context.Context) string {
		if _, err := r.own.List(ctx, metav1.ListOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
}

// whole is an object that makes the server touch all that it ever touches.
func whole(version string) fields {
	object := scraping("demo", ref("zone-a", fields{"clusterVersion": version}), inline("zone-b", small(version)))
	return readBy(object)
}

// TestShippedRolesAreEnoughForTheWholeFlow: nobody in it is an administrator, the
// server included.
func TestShippedRolesAreEnoughForTheWholeFlow(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("zone-a", small("v1"))
	// It writes to another cluster: no pod shows its queues here.
	r.existing("other", small("v1"))
	r.create(agentResource, "VMAgent", "agent", fields{"remoteWrite": list{fields{"url": "http://vminsert-other:8480/insert/0/prometheus/api/v1/write"}}})
	r.reader("zone-a", "zone-b")
	r.workAs("sre-of-"+r.namespace, shippedRoles(t))
	r.apply(whole("v1"))
	r.untilReady("demo")
	r.apply(whole("v2"))
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2")
	zones, err := r.own.GetZones(t.Context(), "demo", metav1.GetOptions{})
	must(t, err)
	expect(t, "zones", len(zones.Zones), 2)
	must(t, shared.objects.Resource(userResource).Namespace(r.namespace).Delete(t.Context(), "reader", metav1.DeleteOptions{}))
	r.delete("demo")
	r.untilGone("demo")
}

// TestRefusalNamesTheRightThatIsMissing, one after the other, at the step of the
// flow that it is for.
func TestRefusalNamesTheRightThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, missing := range []struct{ verb, resource string }{
		{"create", "vmdistributedclusters"}, {"patch", "vmdistributedclusters"}, {"delete", "vmdistributedclusters"},
		{"create", "vmclusters"}, {"update", "vmclusters"}, {"patch", "vmclusters"}, {"delete", "vmclusters"},
		{"update", "vmusers"}, {"patch", "vmusers"}, {"update", "vmagents"}, {"patch", "vmagents"},
	} {
		t.Run(missing.verb+" "+missing.resource, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			user := fmt.Sprintf("no-%s-%s-%s", missing.verb, missing.resource, r.namespace)
			r.workAs(user, without(shippedRoles(t), missing.verb, missing.resource))
			err := r.tryFlow()
			if !apierrors.IsForbidden(err) {
				t.Fatalf("the flow ended with %v, want it forbidden", err)
			}
			expectContains(t, "the refusal", err.Error(), fmt.Sprintf("User %q cannot %s resource %q", user, missing.verb, missing.resource))
		})
	}
}

// without takes a verb on a resource out of the rules.
func without(rules []rbacv1.PolicyRule, verb, resource string) []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for _, rule := range rules {
		for _, each := range rule.Resources {
			part := rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{each}, Verbs: rule.Verbs}
			if each == resource {
				part.Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb })
			}
			left = append(left, part)
		}
	}
	return left
}

// tryFlow creates, changes and deletes an object, until something is refused.
func (r *room) tryFlow() error {
	ctx := r.t.Context()
	body, err := json.Marshal(whole("v1"))
	must(r.t, err)
	if _, err := r.tryApply("demo", body, metav1.FieldValidationStrict); err != nil {
		return err
	}
	body, err = json.Marshal(whole("v2"))
	must(r.t, err)
	if _, err := r.tryApply("demo", body, metav1.FieldValidationStrict); err != nil {
		return err
	}
	return r.own.Delete(ctx, "demo", metav1.DeleteOptions{})
}
