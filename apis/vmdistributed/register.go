// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The names of the kind, in every group that serves it.
const (
	Kind             = "VMDistributedCluster"
	Resource         = "vmdistributedclusters"
	SingularResource = "vmdistributedcluster"
)

// AddToScheme registers the hub types as the internal version of group. The
// hub belongs to no group: each group that serves the kind registers it.
func AddToScheme(scheme *runtime.Scheme, group string) {
	scheme.AddKnownTypes(schema.GroupVersion{Group: group, Version: runtime.APIVersionInternal},
		&VMDistributedCluster{},
		&VMDistributedClusterList{},
		&VMDistributedClusterZones{},
		&VMDistributedClusterPlan{},
		&VMDistributedClusterPromotion{},
		&VMDistributedClusterAbort{},
		&VMDistributedClusterRetry{},
		&VMDistributedClusterUndo{},
		&VMDistributedClusterSkip{},
		&VMDistributedClusterRestart{},
		&VMDistributedClusterHistory{},
	)
}
