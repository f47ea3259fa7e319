// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import "testing"

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
