// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// onDeletion tells what goes with an object, and what holds that up.
func onDeletion(object *vmdistributed.VMDistributedCluster, around surroundings) []string {
	going := deleted(object, around.clusters)
	if len(going) == 0 {
		return nil
	}
	found := []string{wording.Say("spec.deletionPolicy: is %s, so that %d %s deleted too: %s", object.Spec.DeletionPolicy, len(going),
		wording.Plural(going, "VMCluster is", "VMClusters are"), wording.Quoted(going))}
	users := referring(object.Namespace, going, around.users)
	auths := referring(object.Namespace, going, around.auths)
	var words []string
	if len(users) > 0 {
		words = append(words, wording.Counted("VMUser", users))
	}
	if len(auths) > 0 {
		words = append(words, wording.Counted("VMAuth", auths))
	}
	if len(words) > 0 {
		all := slices.Concat(users, auths)
		found = append(found, wording.Say("spec.zones.vmclusters: %s %s to VMClusters that are to be deleted, which waits until %s no more",
			wording.Listed(words), wording.Plural(all, "refers", "refer"), wording.Plural(all, "it does", "they do")))
	}
	return found
}

// deleted are the VMClusters that go with the object: its own, unless they are only
// released.
func deleted(object *vmdistributed.VMDistributedCluster, clusters []*unstructured.Unstructured) []string {
	if !object.Spec.DeletesVMClusters() {
		return nil
	}
	var going []string
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		live := find(clusters, object.Namespace, zone.ClusterName())
		if zone.Ref == nil && live != nil && victoriametrics.IsOwnedBy(live, types.NamespacedName{Namespace: object.Namespace, Name: object.Name}) {
			going = append(going, zone.ClusterName())
		}
	}
	return going
}

// referring names the VMUsers or VMAuths that refer to one of the VMClusters.
func referring(namespace string, clusters []string, routers []*unstructured.Unstructured) []string {
	var names []string
	for _, router := range routers {
		references, err := victoriametrics.ClusterReferences(router)
		if err != nil || !slices.ContainsFunc(references, func(r victoriametrics.ClusterReference) bool {
			return r.Namespace == namespace && slices.Contains(clusters, r.Name)
		}) {
			continue
		}
		name := router.GetName()
		if router.GetNamespace() != namespace {
			name = router.GetNamespace() + "/" + name
		}
		names = append(names, name)
	}
	return names
}
