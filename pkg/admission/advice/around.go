// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"cmp"
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
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

const (
	// maxLookedAgain bounds the reads of one request, and lookAgainFor their time.
	maxLookedAgain = 10
	lookAgainFor   = 2 * time.Second
)

// lookAgain reads what the write names and the inventory does not know: it may
// have been made a moment ago, by the command that now makes the object.
func (p *plugin) lookAgain(ctx context.Context, object, old *vmdistributed.VMDistributedCluster, around *surroundings) {
	ctx, cancel := context.WithTimeout(ctx, lookAgainFor)
	defer cancel()
	left := maxLookedAgain
	read := func(named reference, into *[]*unstructured.Unstructured) {
		if left == 0 || find(*into, object.Namespace, named.name) != nil {
			return
		}
		left--
		live, err := p.host.Resource(named.resource).Namespace(object.Namespace).Get(ctx, named.name, metav1.GetOptions{})
		switch {
		case err == nil:
			*into = append(*into, live)
		case !apierrors.IsNotFound(err):
			around.unsure = append(around.unsure, named)
		}
	}
	into := map[schema.GroupVersionResource]*[]*unstructured.Unstructured{
		victoriametrics.VMClusterResource: &around.clusters,
		victoriametrics.VMAgentResource:   &around.agents,
		victoriametrics.VMUserResource:    &around.users,
	}
	known := namedBy(old)
	for _, named := range namedBy(object) {
		if !slices.Contains(known, named) {
			read(named, into[named.resource])
		}
	}
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
