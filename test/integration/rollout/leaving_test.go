// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// unmarked tells whether a VMCluster carries nothing of ours.
func unmarked(cluster *unstructured.Unstructured) string {
	for _, mark := range []string{ownerMark, ownerMark + "-uid", revisionMark, overrideMark} {
		if _, there := cluster.GetAnnotations()[mark]; there {
			return "it carries " + mark
		}
	}
	return ""
}

func TestZoneTakenOutOfTheListIsReleasedAsItIs(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("existing", small("v1"))
	overridden := ref("existing", fields{"clusterVersion": "v2"})
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("zone-b", small("v1")), overridden))
	r.untilReady("demo")
	inlineBefore, existingBefore := r.cluster("zone-b"), r.cluster("existing")
	r.apply(manifest("demo", inline("zone-a", small("v1"))))
	for _, before := range []*unstructured.Unstructured{inlineBefore, existingBefore} {
		after := r.untilCluster(before.GetName(), "released", unmarked)
		expect(t, "uid", after.GetUID(), before.GetUID())
		expect(t, "generation", after.GetGeneration(), before.GetGeneration())
		expectSameSpec(t, after, before)
	}
	r.untilReady("demo")

	// The released one is nobody's, and taken again only by reference.
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("zone-b", small("v1"))))
	r.untilZone("demo", "zone-b", "Refused", "NotOurs")
	r.apply(manifest("demo", inline("zone-a", small("v1")), ref("zone-b", nil)))
	r.untilReady("demo")
	r.expectUpdates("existing@2")
}

func TestDeletionDeletesInlineClustersAndReleasesReferencedOnes(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("existing", small("v1"))
	r.apply(manifest("demo", inline("zone-a", small("v1")), ref("existing", fields{"clusterVersion": "v2"})))
	r.untilReady("demo")
	before := r.cluster("existing")
	r.delete("demo")
	r.untilGone("demo")
	r.untilClusterGone("zone-a")
	after := r.untilCluster("existing", "released", unmarked)
	expectSameSpec(t, after, before)
}

func TestDeletionRetainsWhereThePolicySaysSo(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(with(manifest("demo", inline("zone-a", small("v1")), inline("zone-b", small("v1"))), "spec.deletionPolicy", "Retain"))
	r.untilReady("demo")
	before := r.cluster("zone-a")
	r.delete("demo")
	r.untilGone("demo")
	for _, name := range []string{"zone-a", "zone-b"} {
		r.untilCluster(name, "released", unmarked)
	}
	after := r.cluster("zone-a")
	expect(t, "uid", after.GetUID(), before.GetUID())
	expectSameSpec(t, after, before)
}

func TestDeletionIsNotHeldUpByPaused(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(manifest("demo", inline("zone-a", small("v1"))))
	r.untilReady("demo")
	r.patch("demo", fields{"spec": fields{"paused": true}})
	r.delete("demo")
	r.untilGone("demo")
	r.untilClusterGone("zone-a")
}

func TestDeletionWaitsUntilNothingRefersToAZone(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	target := func(zone string) fields {
		return fields{"crd": fields{"kind": "VMCluster/vmselect", "name": zone, "namespace": r.namespace}, "paths": list{"/select/.*"}}
	}
	r.apply(manifest("demo", inline("zone-a", small("v1")), inline("zone-b", small("v1")), inline("zone-c", small("v1"))))
	r.untilReady("demo")
	r.create(userResource, "VMUser", "reader", fields{"username": "reader", "targetRefs": list{target("zone-a"), target("zone-b")}})
	r.create(authResource, "VMAuth", "auth", fields{"unauthorizedUserAccessSpec": fields{"targetRefs": list{target("zone-b")}}})
	before := r.cluster("zone-a")
	r.delete("demo")
	r.untilClusterGone("zone-c")
	// The status of an object under deletion is about the same generation.
	r.untilZone("demo", "zone-a", "Leaving", "StillReferenced", "VMUser "+r.namespace+"/reader", "spec.targetRefs[0].crd")
	r.untilZone("demo", "zone-b", "Leaving", "StillReferenced", "VMUser "+r.namespace+"/reader", "VMAuth "+r.namespace+"/auth")
	expect(t, "resourceVersion of a zone that is waited for", r.cluster("zone-a").GetResourceVersion(), before.GetResourceVersion())

	r.editObject(userResource, "reader", fields{"spec": fields{"targetRefs": list{target("zone-b")}}})
	r.untilClusterGone("zone-a")
	must(t, shared.objects.Resource(userResource).Namespace(r.namespace).Delete(t.Context(), "reader", metav1.DeleteOptions{}))
	r.untilZone("demo", "zone-b", "Leaving", "StillReferenced", "VMAuth "+r.namespace+"/auth")
	r.editObject(authResource, "auth", fields{"spec": fields{"unauthorizedUserAccessSpec": nil}})
	r.untilGone("demo")
	r.untilClusterGone("zone-b")
}

// TestTerminatingNamespaceGoesAway has a zone that a VMUser refers to, which
// would hold the deletion of the object alone up.
func TestTerminatingNamespaceGoesAway(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("existing", small("v1"))
	r.apply(manifest("demo", inline("zone-a", small("v1")), ref("existing", fields{"clusterVersion": "v2"})))
	r.untilReady("demo")
	r.create(userResource, "VMUser", "reader", fields{"username": "reader", "targetRefs": list{fields{
		"crd": fields{"kind": "VMCluster/vmselect", "name": "zone-a", "namespace": r.namespace}, "paths": list{"/select/.*"},
	}}})
	must(t, shared.kubernetes.CoreV1().Namespaces().Delete(t.Context(), r.namespace, metav1.DeleteOptions{}))
	poll(t, "the namespace to be gone", func(ctx context.Context) string {
		namespace, err := shared.kubernetes.CoreV1().Namespaces().Get(ctx, r.namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		if err != nil {
			return err.Error()
		}
		for _, condition := range namespace.Status.Conditions {
			if condition.Status == "True" {
				return condition.Message
			}
		}
		return "it is " + string(namespace.Status.Phase)
	})
	r.expectUpdates("existing@2")
}
