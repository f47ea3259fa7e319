// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"bytes"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/json"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// keepUnchangedText puts the stored text of an inner spec in the place of a new
// one that says the same in other words (order of keys, white space, 1e3 for
// 1000), so that only a change of meaning is a change of the object.
func keepUnchangedText(cluster, before *vmdistributed.VMDistributedCluster) {
	zones := before.ZonesByCluster()
	for i := range cluster.Spec.Zones.VMClusters {
		zone := &cluster.Spec.Zones.VMClusters[i]
		if stored := zones[zone.ClusterName()]; stored != nil {
			keepIfSame(zone.Spec, stored.Spec)
			keepIfSame(zone.OverrideSpec, stored.OverrideSpec)
		}
	}
}

func keepIfSame(object, stored *rawjson.Object) {
	if object == nil || stored == nil || bytes.Equal(object.Raw, stored.Raw) {
		return
	}
	var a, b map[string]any
	if json.Unmarshal(object.Raw, &a) != nil || json.Unmarshal(stored.Raw, &b) != nil {
		return
	}
	if sameMeaning(a, b) {
		object.Raw = stored.Raw
	}
}

// sameMeaning compares numbers by value. Unlike override.Equal it tells null from
// absent: in an override the one removes, the other leaves alone.
func sameMeaning(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, sameMeaning)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameMeaning)
	}
	return override.Equal(a, b)
}
