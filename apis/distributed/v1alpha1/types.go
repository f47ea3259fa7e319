// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	operatorv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// +genclient
// +genclient:method=GetZones,verb=get,subresource=zones,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterZones
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:supportsSubresource="/status"

// VMDistributedCluster holds together several VictoriaMetrics clusters, called
// zones, that store the same data, and rolls a change out over them one zone
// at a time. Each zone is a VMCluster of the VictoriaMetrics operator, either
// one that exists already and is referred to, or one that is defined here.
type VMDistributedCluster struct {
	// +k8s:opaqueType
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	// +k8s:opaqueType
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state: the zones, and how a change travels over them.
	Spec operatorv1alpha1.VMDistributedClusterSpec `json:"spec"`
	// status is the observed state, written by the controller alone.
	// +optional
	Status operatorv1alpha1.VMDistributedClusterStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterList is a list of VMDistributedClusters.
type VMDistributedClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the objects.
	Items []VMDistributedCluster `json:"items"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterZones is the answer of the subresource zones: the state
// of every zone at the moment of the request.
type VMDistributedClusterZones struct {
	metav1.TypeMeta `json:",inline"`
	// metadata has name, namespace, uid and resourceVersion of the
	// VMDistributedCluster.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// zones has one entry per zone, in rollout order, and after them those that the
	// list no longer names while their reads are still to be given back.
	// +listType=map
	// +listMapKey=name
	Zones []operatorv1alpha1.ZoneReport `json:"zones"`
}
