// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// surroundings is what the host cluster holds around an object.
type surroundings struct {
	// unknown is true where nobody can tell: there may be anything then.
	unknown bool
	// clusters are the VMClusters of the object's zones that exist, each with whether
	// it is there to stay.
	clusters map[string]bool
	// leftovers are objects that carry marks of the object, be it of one before it
	// that had its name, and are not among its zones. What the controller finds like
	// that, it releases, restores and withdraws.
	leftovers []touch
}

// mayExist is false for a VMCluster that is known to be missing.
func (s surroundings) mayExist(cluster string) bool {
	_, exists := s.clusters[cluster]
	return s.unknown || exists
}

// mayBeMissing is false for a VMCluster that is known to be there to stay.
func (s surroundings) mayBeMissing(cluster string) bool { return s.unknown || !s.clusters[cluster] }

// The reasons of touching leftovers.
const (
	releasing   = "releasing what carries this object's mark"
	restoring   = "giving back what was drained in this object's name"
	withdrawing = "withdrawing what is scraped in this object's name"
)

// lookAround looks at what there is. What has not been read may be anything.
func lookAround(ctx context.Context, known *inventory.Inventory, object *vmdistributed.VMDistributedCluster) (surroundings, error) {
	if !known.HasSynced() {
		return surroundings{unknown: true, leftovers: []touch{
			{victoriametrics.VMClusterResource, "", changing, releasing},
			{victoriametrics.VMUserResource, "", changing, restoring},
			{victoriametrics.VMAgentResource, "", changing, withdrawing},
		}}, nil
	}
	seen := surroundings{clusters: map[string]bool{}}
	for i := range object.Spec.Zones.VMClusters {
		name := object.Spec.Zones.VMClusters[i].ClusterName()
		cluster, err := known.Cluster(ctx, object.Namespace, name)
		if err != nil {
			return surroundings{}, err
		}
		if cluster != nil {
			seen.clusters[name] = cluster.GetDeletionTimestamp() == nil
		}
	}
	var err error
	seen.leftovers, err = leftovers(ctx, known, object)
	return seen, err
}

// leftovers finds by the marks what the controller would find by them.
func leftovers(ctx context.Context, known *inventory.Inventory, object *vmdistributed.VMDistributedCluster) ([]touch, error) {
	owner := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	clusters, err := known.Marked(ctx, owner)
	if err != nil {
		return nil, err
	}
	users, err := known.Users(ctx, owner.Namespace)
	if err != nil {
		return nil, err
	}
	agents, err := known.Agents(ctx, owner.Namespace)
	if err != nil {
		return nil, err
	}
	var found []touch
	for _, cluster := range clusters {
		if !lists(object, cluster.GetName()) {
			found = append(found, touch{victoriametrics.VMClusterResource, cluster.GetName(), changing, releasing})
		}
	}
	for _, user := range users {
		if mayBeDrainedBy(user, owner) {
			found = append(found, touch{victoriametrics.VMUserResource, user.GetName(), changing, restoring})
		}
	}
	for _, agent := range agents {
		if withdrawal, _ := victoriametrics.PlanScrape(agent, owner.Name, nil, nil); withdrawal != nil {
			found = append(found, touch{victoriametrics.VMAgentResource, agent.GetName(), changing, withdrawing})
		}
	}
	return found, nil
}

func lists(object *vmdistributed.VMDistributedCluster, cluster string) bool {
	return slices.ContainsFunc(object.Spec.Zones.VMClusters, func(z vmdistributed.Zone) bool { return z.ClusterName() == cluster })
}

// mayBeDrainedBy is true for a VMUser that carries a record of the owner's, or one in
// its place that can't be read.
func mayBeDrainedBy(user *unstructured.Unstructured, owner types.NamespacedName) bool {
	if _, recorded := user.GetAnnotations()[victoriametrics.DrainAnnotation(owner)]; !recorded {
		return false
	}
	records, err := victoriametrics.DrainRecords(user)
	return err != nil || slices.ContainsFunc(records, func(r victoriametrics.DrainRecord) bool { return r.Owner == owner })
}
