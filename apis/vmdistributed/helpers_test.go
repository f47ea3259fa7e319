// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
)

func TestZonesAreKnownByTheirVMClustersInWhateverWayTheyAreNamed(t *testing.T) {
	spec, override := &rawjson.Object{}, &rawjson.Object{}
	object := &VMDistributedCluster{Spec: VMDistributedClusterSpec{Zones: Zones{VMClusters: []Zone{
		{Name: "a", Spec: spec},
		{Ref: &ObjectReference{Name: "b"}, Name: "ignored", OverrideSpec: override},
		{Ref: &ObjectReference{Name: "c"}},
	}}}}
	found := object.ZonesByCluster()
	for i, want := range []struct {
		name string
		text *rawjson.Object
	}{{"a", spec}, {"b", override}, {"c", nil}} {
		zone := found[want.name]
		if zone != &object.Spec.Zones.VMClusters[i] {
			t.Errorf("%s leads to %+v", want.name, zone)
			continue
		}
		if zone.Text() != want.text {
			t.Errorf("%s says %v, want %v", want.name, zone.Text(), want.text)
		}
	}
	if len(found) != 3 {
		t.Errorf("found are %v", found)
	}
	var none *VMDistributedCluster
	if found := none.ZonesByCluster(); len(found) > 0 {
		t.Errorf("no object has the zones %v", found)
	}
}

func TestDeletionDeletesVMClustersOnlyWhereBothPoliciesSaySo(t *testing.T) {
	for _, test := range []struct {
		management ManagementPolicy
		deletion   DeletionPolicy
		want       bool
	}{
		{ManagementPolicyManage, DeletionPolicyDelete, true},
		{ManagementPolicyManage, DeletionPolicyRetain, false},
		{ManagementPolicyObserve, DeletionPolicyDelete, false},
		{ManagementPolicyObserve, DeletionPolicyRetain, false},
	} {
		spec := VMDistributedClusterSpec{ManagementPolicy: test.management, DeletionPolicy: test.deletion}
		if got := spec.DeletesVMClusters(); got != test.want {
			t.Errorf("under %s and %s, it does: %t", test.management, test.deletion, got)
		}
	}
}
