// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is a group of our own, which no operator has kinds in.
const GroupName = "distributed.victoriametrics.com"

// SchemeGroupVersion is the group and version of this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

var (
	// SchemeBuilder collects what registers this version in a scheme.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes, addDefaultingFuncs)
	// AddToScheme registers the types, defaults and conversions of this version.
	AddToScheme = SchemeBuilder.AddToScheme

	// The generated conversions add themselves to this pointer.
	localSchemeBuilder = &SchemeBuilder
)

// Resource qualifies a resource name with the group.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
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
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}

func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}
