// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	operatorv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// +genclient
// +genclient:method=GetZones,verb=get,subresource=zones,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterZones
// +genclient:method=GetPlan,verb=get,subresource=plan,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterPlan
// +genclient:method=Plan,verb=create,subresource=plan,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedCluster,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterPlan
// +genclient:method=GetHistory,verb=get,subresource=history,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterHistory
// +genclient:method=Promote,verb=create,subresource=promote,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterPromotion,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterPromotion
// +genclient:method=Abort,verb=create,subresource=abort,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterAbort,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterAbort
// +genclient:method=Retry,verb=create,subresource=retry,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterRetry,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterRetry
// +genclient:method=Undo,verb=create,subresource=undo,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterUndo,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterUndo
// +genclient:method=Skip,verb=create,subresource=skip,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterSkip,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterSkip
// +genclient:method=Restart,verb=create,subresource=restart,input=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterRestart,result=github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1.VMDistributedClusterRestart
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

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterPlan tells what a rollout would do, as things stand. It is the
// answer of the subresource plan: to a GET, of what is pending; to a POST of a changed
// VMDistributedCluster, of what that change would bring. Nothing is written for it.
type VMDistributedClusterPlan struct {
	metav1.TypeMeta `json:",inline"`
	// metadata has name, namespace, uid and resourceVersion of the VMDistributedCluster.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revision is the hash of the desired state of all zones that is planned.
	// +optional
	Revision string `json:"revision,omitempty"`
	// heldBy is what would keep the server from doing any of it now, each with what has
	// to come about: a pause, a halt, an abort, or that the object is only observed.
	// +optional
	// +listType=atomic
	HeldBy []string `json:"heldBy,omitempty"`
	// steps are what would be done, in order.
	// +optional
	// +listType=atomic
	Steps []operatorv1alpha1.PlannedStep `json:"steps,omitempty"`
	// zones has one entry per zone, in rollout order: the difference, the turn, and the
	// guards that would refuse now. What is said in status of a wait is left out.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []operatorv1alpha1.PlannedZone `json:"zones,omitempty"`
	// estimateSeconds is how long all of it would take, by the times of the last updates
	// and the pauses between them; left out where that is not known of any zone.
	// +optional
	EstimateSeconds *int64 `json:"estimateSeconds,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterPromotion is the user's word to go on with zones though
// something can't be proven. It is the body of the subresource promote.
type VMDistributedClusterPromotion struct {
	metav1.TypeMeta `json:",inline"`
	// metadata may say which VMDistributedCluster is meant.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// zones are those that the word is for; if none is named, each that waits for it
	// now. A zone that does not wait for it is refused. In the answer, each with its
	// revision.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []operatorv1alpha1.ZoneRevision `json:"zones,omitempty"`
	// reason is kept with the word; up to 1024 bytes.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterAbort calls a change off. It is the body of the subresource
// abort.
type VMDistributedClusterAbort struct {
	metav1.TypeMeta `json:",inline"`
	// metadata may say which VMDistributedCluster is meant.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revision is the hash of the desired state of all zones that is called off, as
	// status.updateRevision has it. If given, it has to be the present one.
	// +optional
	Revision string `json:"revision,omitempty"`
	// reason is kept with the word; up to 1024 bytes.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterRetry lets a change go on that was called off, or has failed. It
// is the body of the subresource retry.
type VMDistributedClusterRetry struct {
	metav1.TypeMeta `json:",inline"`
	// metadata may say which VMDistributedCluster is meant.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revision is the hash of the desired state of all zones that is to go on, as
	// status.updateRevision has it. If given, it has to be the present one.
	// +optional
	Revision string `json:"revision,omitempty"`
	// zones are those that are tried again, and nothing else is; each of them, if it was
	// skipped, is not any more. If none is named, the change is let go on, and the zones
	// that have failed or are contended are tried again. In the answer, each with its
	// revision.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []operatorv1alpha1.ZoneRevision `json:"zones,omitempty"`
	// reason is kept with the word; up to 1024 bytes.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterSkip leaves a zone out of the rollout of the revision that it is to
// have now: it is not written any more, gets its reads back if it is in good health, and
// the others go on without it. The verb retry takes it back. It is the body of the
// subresource skip.
type VMDistributedClusterSkip struct {
	metav1.TypeMeta `json:",inline"`
	// metadata may say which VMDistributedCluster is meant.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// zone is the name of the zone.
	Zone string `json:"zone"`
	// revision is the hash of its desired state. If given, it has to be the present one.
	// +optional
	Revision string `json:"revision,omitempty"`
	// reason is kept with the word; up to 1024 bytes. There has to be one.
	Reason string `json:"reason"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterRestart has every zone be rolled out once more, one at a time, as it
// is: its pods are started anew. It is the body of the subresource restart.
type VMDistributedClusterRestart struct {
	metav1.TypeMeta `json:",inline"`
	// metadata may say which VMDistributedCluster is meant.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revision is the hash of the desired state of all zones that is rolled out once
	// more, as status.updateRevision has it. If given, it has to be the present one.
	// +optional
	Revision string `json:"revision,omitempty"`
	// reason is kept with the word; up to 1024 bytes.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterUndo has the zones of another revision rolled out than those that
// spec asks for, until spec asks for something else than now. It is the body of the
// subresource undo.
type VMDistributedClusterUndo struct {
	metav1.TypeMeta `json:",inline"`
	// metadata may say which VMDistributedCluster is meant.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revision is the hash of the desired state of all zones that is undone. If given,
	// it has to be the one that spec asks for now.
	// +optional
	Revision string `json:"revision,omitempty"`
	// toRevision is the one to go to, of those that the subresource history lists; if
	// left out, the last one before that all zones have run, and that was neither undone
	// nor called off. The one that spec asks for takes an undo back.
	// +optional
	ToRevision string `json:"toRevision,omitempty"`
	// reason is kept with the word; up to 1024 bytes.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterHistory is the answer of the subresource history: the revisions
// that are on record.
type VMDistributedClusterHistory struct {
	metav1.TypeMeta `json:",inline"`
	// metadata has name, namespace, uid and resourceVersion of the
	// VMDistributedCluster.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// revisions that are on record, the one that was rolled out last first.
	// +listType=map
	// +listMapKey=revision
	Revisions []operatorv1alpha1.RevisionReport `json:"revisions"`
}
