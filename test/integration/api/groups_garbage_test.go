// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// dependent makes a ConfigMap that depends on an object of ours, by one of its groups.
func dependent(t *testing.T, namespace, name, version, owner string, uid types.UID) {
	t.Helper()
	_, err := shared.admin.kubernetes.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: version, Kind: "VMDistributedCluster", Name: owner, UID: uid, BlockOwnerDeletion: ptr.To(true),
		}},
	}}, metav1.CreateOptions{})
	must(t, err)
}

// ownersOfMap returns the owners of a ConfigMap, and whether it is there.
func ownersOfMap(t *testing.T, namespace, name string) (owners []metav1.OwnerReference, there bool) {
	t.Helper()
	object, err := shared.admin.kubernetes.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, false
	}
	must(t, err)
	return object.OwnerReferences, object.DeletionTimestamp == nil
}

// TestDependentsLiveAndGoWithTheirOwnerInEitherGroup: the garbage collector meets the
// same uid under two kinds. What depends on it by either stays while it lives, and
// goes, or is let go, as its deletion by either says.
func TestDependentsLiveAndGoWithTheirOwnerInEitherGroup(t *testing.T) {
	t.Parallel()
	for _, deletion := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan} {
		for _, c := range crossings() {
			t.Run(string(deletion)+" in "+c.writes, func(t *testing.T) {
				t.Parallel()
				namespace := newNamespace(t)
				owner := shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated).object(t)
				settled(t, namespace, "x")
				dependents := map[string]string{"by-first": groupVersion, "by-second": otherGroupVersion}
				for name, version := range dependents {
					dependent(t, namespace, name, version, "x", owner.GetUID())
				}
				// Whose owner is not there goes: when these have, the others have been looked at.
				for name, version := range dependents {
					dependent(t, namespace, "no-"+name, version, "x", types.UID(namespace))
				}
				patiently(t, "the garbage collector has looked", func() bool {
					_, first := ownersOfMap(t, namespace, "no-by-first")
					_, second := ownersOfMap(t, namespace, "no-by-second")
					return !first && !second
				})
				for name := range dependents {
					if owners, there := ownersOfMap(t, namespace, name); !there || len(owners) != 1 {
						t.Fatalf("%s is there: %t, with the owners %v, while its owner lives", name, there, owners)
					}
				}

				body := `{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"` + string(deletion) + `"}`
				shared.admin.send(t, http.MethodDelete, inGroup(c.writes, namespace, "x"), jsonType, body).want(t, http.StatusOK)
				patiently(t, "the owner is gone", func() bool {
					return shared.admin.get(t, inGroup(c.reads, namespace, "x")).code == http.StatusNotFound
				})
				for name := range dependents {
					patiently(t, name+" follows", func() bool {
						owners, there := ownersOfMap(t, namespace, name)
						if deletion == metav1.DeletePropagationOrphan {
							return len(owners) == 0
						}
						return !there
					})
					if _, there := ownersOfMap(t, namespace, name); there != (deletion == metav1.DeletePropagationOrphan) {
						t.Errorf("%s is there: %t", name, there)
					}
				}
			})
		}
	}
}

// TestDeletingANamespaceEmptiesItOnceForBothGroups: its controller lists and deletes
// the same objects by each of them.
func TestDeletingANamespaceEmptiesItOnceForBothGroups(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for name, version := range map[string]string{"first": groupVersion, "second": otherGroupVersion} {
		shared.admin.send(t, http.MethodPost, inGroup(version, namespace), jsonType, ofGroup(version, paused(name, one(name)))).want(t, http.StatusCreated)
		active := strings.Replace(paused("active-"+name, one("active-"+name)), `"paused":true`, `"paused":false`, 1)
		shared.admin.send(t, http.MethodPost, inGroup(version, namespace), jsonType, ofGroup(version, active)).want(t, http.StatusCreated)
		settled(t, namespace, "active-"+name)
	}
	must(t, shared.admin.kubernetes.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}))
	eventually(t, "the namespace is gone", func() bool {
		return shared.admin.get(t, "/api/v1/namespaces/"+namespace).code == http.StatusNotFound
	})
	for _, version := range []string{groupVersion, otherGroupVersion} {
		list := shared.admin.get(t, inGroup(version, namespace)).want(t, http.StatusOK).object(t)
		if items, _, err := unstructured.NestedSlice(list.Object, "items"); err != nil || len(items) > 0 {
			t.Errorf("left behind in a namespace that is gone: %v %v", items, err)
		}
	}
}
