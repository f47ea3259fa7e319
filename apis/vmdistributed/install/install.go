// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install puts every group and version that the server serves, and the
// hub, into a scheme.
package install

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	operatorv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// GroupVersions are all in which the kind is served. Objects are stored in the
// first, whatever request they come by.
func GroupVersions() []schema.GroupVersion {
	return []schema.GroupVersion{operatorv1alpha1.SchemeGroupVersion, distributedv1alpha1.SchemeGroupVersion}
}

// Install registers the types, their defaults and conversions.
func Install(scheme *runtime.Scheme) {
	for _, version := range GroupVersions() {
		vmdistributed.AddToScheme(scheme, version.Group)
	}
	utilruntime.Must(operatorv1alpha1.AddToScheme(scheme))
	utilruntime.Must(distributedv1alpha1.AddToScheme(scheme))
	for _, version := range GroupVersions() {
		utilruntime.Must(scheme.SetVersionPriority(version))
	}
}
