// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the group of records.
const GroupName = "storage.distributed.victoriametrics.com"

// SchemeGroupVersion is the group and version of this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1"}

// GuardFinalizer is on every record, so that the record outlives what deletes it
// beside the API: a namespace that is emptied, a CustomResourceDefinition that goes,
// a person with kubectl. It comes off when the object is deleted through its API.
const GuardFinalizer = GroupName + "/guard"

// ObjectAnnotation on a record says whose it is, as NAMESPACE/NAME UID: so the uid of an
// object is known even where its payload can't be read. One that was copied to another
// name says nothing.
const ObjectAnnotation = GroupName + "/object"

// UnreadableAnnotation is on what is shown in the place of an object whose record can't
// be read, and says why. No object has it.
const UnreadableAnnotation = GroupName + "/unreadable"

// VMDistributedClusterRecord is the kind of the records of VMDistributedClusters.
const VMDistributedClusterRecord = "VMDistributedClusterRecord"

// VMDistributedClusterRecords is the resource under which they are served.
const VMDistributedClusterRecords = "vmdistributedclusterrecords"

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Record holds one object. It has the namespace, the name and the labels of that,
// and a resourceVersion that is also the object's. Its uid is its own.
type Record struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Payload is the object in JSON, compressed by gzip unless that makes it larger, in
	// base64 (RFC 4648): it also lets the largest object that the API takes fit into a
	// record, since etcd takes 1.5 MiB for a request, and base64 adds a third. It is a
	// string here, so that one that somebody has broken can be told from all others.
	Payload string `json:"payload"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// RecordList is a list of records.
type RecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Record `json:"items"`
}
