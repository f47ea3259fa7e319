// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// expectOwner wants a VMCluster to carry the mark of demo, or none.
func (r *room) expectOwner(cluster string, owned bool) {
	r.t.Helper()
	owner := r.cluster(cluster).GetAnnotations()[victoriametrics.OwnerAnnotation]
	if wanted := map[bool]string{true: r.namespace + "/demo"}[owned]; owner != wanted {
		r.t.Errorf("VMCluster %s is marked as %q's, want %q", cluster, owner, wanted)
	}
}

// In a namespace with many VMClusters of others, an object's own are asked for by name. All
// has to come as it does where it has the namespace to itself.
func TestRolloutAmongManyVMClustersOfOthersMindsItsOwn(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for i := range 25 {
		r.existing(fmt.Sprintf("other-%02d", i), small("v1"))
	}
	r.existing("existing", small("v1"))
	apply := func(version, second string) {
		object := manifest("demo", inline("zone-a", small(version)), ref(second, fields{"clusterVersion": "v2"}))
		r.apply(with(with(object, "spec.strategy.updatePause", "0s"), "spec.deletionPolicy", "Retain"))
	}
	apply("v1", "existing")
	first := r.untilReady("demo")
	r.expectUpdates("existing@2")

	// One that the list no longer names is released, and one that it names anew adopted.
	apply("v2", "other-07")
	r.untilReady("demo")
	r.expectUpdates("existing@2", "zone-a@2", "other-07@2")
	r.expectOwner("existing", false)
	r.expectOwner("other-07", true)

	// What an undo brings back is in no list of now.
	r.undo(first.Status.UpdateRevision)
	r.untilWentBack(first.Status.UpdateRevision)
	r.expectOwner("existing", true)
	r.expectOwner("other-07", false)

	r.delete("demo")
	r.untilGone("demo")
	r.expectOwner("existing", false)
	r.expectOwner("zone-a", false)
}
