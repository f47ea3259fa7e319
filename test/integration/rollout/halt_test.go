// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// haltAll makes the switch of a server.
func haltAll(t *testing.T, namespace, reason string) {
	t.Helper()
	_, err := shared.kubernetes.CoreV1().ConfigMaps(namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: halt.Name}, Data: map[string]string{"reason": reason}}, metav1.CreateOptions{})
	must(t, err)
}

// liftHalt takes it away.
func liftHalt(t *testing.T, namespace string) {
	t.Helper()
	must(t, shared.kubernetes.CoreV1().ConfigMaps(namespace).Delete(t.Context(), halt.Name, metav1.DeleteOptions{}))
}

func TestHaltStopsTheControllerForAllObjectsDeletionsIncluded(t *testing.T) {
	t.Parallel()
	server, namespace := ownServerIn(t, "halt")
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("zone-b", small("v1"))))
	r.untilReady("demo")
	r.apply(manifest("going", inline("zone-c", small("v1"))))
	r.untilReady("going")
	r.settle("demo")
	versions := r.versions()

	haltAll(t, namespace, `an "incident"`)
	for _, name := range []string{"demo", "going"} {
		object := r.untilCondition(name, "Paused", metav1.ConditionTrue, "Halted")
		expectContains(t, "what is said of the halt", meta.FindStatusCondition(object.Status.Conditions, "Paused").Message,
			"ConfigMap "+namespace+"/vmdistributed-halt", `"an \"incident\""`)
		expect(t, "updateStatus", object.Status.UpdateStatus, "paused")
	}
	r.apply(manifest("demo", inline("zone-a", small("v2")), inline("zone-b", small("v2"))))
	r.apply(manifest("new", inline("zone-d", small("v1"))))
	r.delete("going")
	r.untilZone("demo", "zone-a", "Pending", "Halted", "vmdistributed-halt to be deleted")
	r.untilZone("new", "zone-d", "Pending", "Halted")
	r.untilZone("going", "zone-c", "Leaving", "Halted", "vmdistributed-halt to be deleted")
	object := r.settle("demo")
	r.expectCondition(object, "Stalled", metav1.ConditionFalse, "")
	r.settle("new")
	r.expectVersions(versions)

	liftHalt(t, namespace)
	r.untilReady("demo")
	r.untilReady("new")
	r.untilGone("going")
	r.untilClusterGone("zone-c")
	r.expectUpdates("zone-a@2", "zone-b@2")
	r.expectCreated("zone-a", "zone-b", "zone-c", "zone-d")
}

// TestHaltIsHeededThoughItsWatchIsBehind: it is read before each step, past the
// cache.
func TestHaltIsHeededThoughItsWatchIsBehind(t *testing.T) {
	t.Parallel()
	flag, watches := proxied(t)
	server, namespace := ownServerIn(t, "haltbehind", flag)
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	watches.hold("configmaps")
	defer watches.release()
	haltAll(t, namespace, "unseen")
	watches.untilKept(t, "configmaps")

	r.apply(threeZones("v2"))
	object := r.untilCondition("demo", "Paused", metav1.ConditionTrue, "Halted")
	expectContains(t, "what is said of the halt", meta.FindStatusCondition(object.Status.Conditions, "Paused").Message, `"unseen"`)
	r.settle("demo")
	r.expectUpdates()

	watches.release()
	liftHalt(t, namespace)
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// TestHaltThatCanNotBeReadStopsAllToo takes the server's right to read it away.
func TestHaltThatCanNotBeReadStopsAllToo(t *testing.T) {
	t.Parallel()
	server, namespace := ownServerIn(t, "haltunread")
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.settle("demo")

	allow(t, namespace, "lease", rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}})
	must(t, shared.kubernetes.RbacV1().RoleBindings(namespace).Delete(t.Context(), controlplane.ServerBinding, metav1.DeleteOptions{}))
	poll(t, "the right to be gone", func(ctx context.Context) string {
		review, err := shared.kubernetes.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: controlplane.ServerUser, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: "get", Resource: "configmaps", Name: halt.Name,
			}},
		}, metav1.CreateOptions{})
		if err != nil || review.Status.Allowed {
			return fmt.Sprintf("allowed: %t, error %v", review.Status.Allowed, err)
		}
		return ""
	})
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Pending", "HaltUnknown", "forbidden")
	r.settle("demo")
	r.expectUpdates()

	allow(t, namespace, "halt", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{halt.Name}, Verbs: []string{"get", "list", "watch"}})
	r.untilReady("demo") // though nothing tells when it can be read again
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// allow gives the server a right in a namespace of its own.
func allow(t *testing.T, namespace, name string, rule rbacv1.PolicyRule) {
	t.Helper()
	roles := shared.kubernetes.RbacV1()
	_, err := roles.Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{rule}}, metav1.CreateOptions{})
	must(t, err)
	_, err = roles.RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: controlplane.ServerUser}},
	}, metav1.CreateOptions{})
	must(t, err)
}
