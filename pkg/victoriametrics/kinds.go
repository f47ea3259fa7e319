// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import "k8s.io/apimachinery/pkg/runtime/schema"

// FieldManager is the name under which this project writes to the operator's
// objects.
const FieldManager = "vmdistributed-apiserver"

// GroupVersion of the operator's kinds (types/groupversion_info.go).
var GroupVersion = schema.GroupVersion{Group: "operator.victoriametrics.com", Version: "v1beta1"}

// The operator's kinds that we read or write.
var (
	VMClusterKind = GroupVersion.WithKind("VMCluster")
	VMAgentKind   = GroupVersion.WithKind("VMAgent")
	VMUserKind    = GroupVersion.WithKind("VMUser")
	VMAuthKind    = GroupVersion.WithKind("VMAuth")
)

// The resources of these kinds.
var (
	VMClusterResource = GroupVersion.WithResource("vmclusters")
	VMAgentResource   = GroupVersion.WithResource("vmagents")
	VMUserResource    = GroupVersion.WithResource("vmusers")
	VMAuthResource    = GroupVersion.WithResource("vmauths")
)
