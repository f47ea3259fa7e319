// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"cmp"
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	frontdoor "github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// around is what the inventory knows, in an order that does not change.
func (p *plugin) around(ctx context.Context, namespace string) (surroundings, error) {
	var found surroundings
	clusters, err := p.inventory.Clusters(ctx)
	if err != nil {
		return found, err
	}
	agents, err := p.inventory.Agents(ctx, namespace)
	if err != nil {
		return found, err
	}
	routers, err := p.inventory.Routers(ctx)
	if err != nil {
		return found, err
	}
	itself, err := p.inventory.Namespace(ctx, namespace)
	if err != nil {
		return found, err
	}
	if itself != nil {
		found.labels = itself.Labels
	}
	found.clusters, found.agents = sorted(clusters), sorted(agents)
	for _, router := range sorted(routers) {
		if router.GetKind() == victoriametrics.VMUserKind.Kind {
			found.users = append(found.users, router)
		} else {
			found.auths = append(found.auths, router)
		}
	}
	return found, nil
}

func sorted(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	return slices.SortedFunc(slices.Values(objects), func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}

// lookAgain reads what the write newly names and the inventory does not know. Who
// does not answer once is not asked for the next kind.
func (p *plugin) lookAgain(ctx context.Context, object, old *vmdistributed.VMDistributedCluster, around *surroundings) error {
	var failed error
	before := namedBy(old)
	now := namedBy(object)
	for _, kind := range []struct {
		resource schema.GroupVersionResource
		known    *[]*unstructured.Unstructured
	}{
		{victoriametrics.VMClusterResource, &around.clusters},
		{victoriametrics.VMAgentResource, &around.agents},
		{victoriametrics.VMUserResource, &around.users},
	} {
		var unknown []string
		for _, named := range now {
			if named.resource == kind.resource && !slices.Contains(before, named) && find(*kind.known, object.Namespace, named.name) == nil {
				unknown = append(unknown, named.name)
			}
		}
		var found []*unstructured.Unstructured
		if failed == nil {
			found, failed = frontdoor.LookAgain(ctx, p.host, kind.resource, object.Namespace, unknown)
		}
		*kind.known = append(*kind.known, found...)
		if failed != nil {
			for _, name := range unknown {
				around.unsure = append(around.unsure, reference{kind.resource, name})
			}
		}
	}
	return failed
}

// reference is one object that a VMDistributedCluster refers to.
type reference struct {
	resource schema.GroupVersionResource
	name     string
}

func namedBy(object *vmdistributed.VMDistributedCluster) []reference {
	if object == nil {
		return nil
	}
	var names []reference
	if agent := agentOf(object); agent != "" {
		names = append(names, reference{victoriametrics.VMAgentResource, agent})
	}
	for _, user := range object.Spec.VMUsers {
		names = append(names, reference{victoriametrics.VMUserResource, user.Name})
	}
	for i := range object.Spec.Zones.VMClusters {
		if ref := object.Spec.Zones.VMClusters[i].Ref; ref != nil {
			names = append(names, reference{victoriametrics.VMClusterResource, ref.Name})
		}
	}
	return names
}
