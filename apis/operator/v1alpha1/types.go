// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
)

// +genclient
// +genclient:method=GetZones,verb=get,subresource=zones,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterZones
// +genclient:method=GetPlan,verb=get,subresource=plan,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterPlan
// +genclient:method=Plan,verb=create,subresource=plan,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedCluster,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterPlan
// +genclient:method=GetHistory,verb=get,subresource=history,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterHistory
// +genclient:method=Promote,verb=create,subresource=promote,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterPromotion,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterPromotion
// +genclient:method=Abort,verb=create,subresource=abort,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterAbort,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterAbort
// +genclient:method=Retry,verb=create,subresource=retry,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterRetry,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterRetry
// +genclient:method=Undo,verb=create,subresource=undo,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterUndo,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterUndo
// +genclient:method=Skip,verb=create,subresource=skip,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterSkip,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterSkip
// +genclient:method=Restart,verb=create,subresource=restart,input=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterRestart,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterRestart
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
	Spec VMDistributedClusterSpec `json:"spec"`
	// status is the observed state, written by the controller alone.
	// +optional
	Status VMDistributedClusterStatus `json:"status,omitempty"`
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

// VMDistributedClusterSpec is the desired state of a VMDistributedCluster.
type VMDistributedClusterSpec struct {
	// paused stops every write to the VMClusters, the VMAgent and the VMUsers.
	// Status is still reported. Deleting the VMDistributedCluster is not stopped.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// managementPolicy says whether the rollout acts: Manage (the default) acts,
	// Observe only reports, in status and in the subresource zones, what it would do
	// and what stands against it now. Under Observe no VMCluster, VMAgent or VMUser is
	// written, and deleting the VMDistributedCluster deletes none: it takes back what
	// an earlier Manage has written of marks and drains.
	// +optional
	// +default="Manage"
	// +k8s:optional
	ManagementPolicy ManagementPolicy `json:"managementPolicy,omitempty"`

	// vmagent names the VMAgent that writes to all zones. It is made to scrape
	// the components of every zone, unless its own serviceScrapeSelector says
	// otherwise.
	// +optional
	// +k8s:optional
	// +k8s:subfield(name)=+k8s:required
	// +k8s:subfield(name)=+k8s:format=k8s-long-name
	VMAgent *ObjectReference `json:"vmagent,omitempty"`

	// vmusers names the VMUsers through which clients read from the zones.
	// +optional
	// +listType=atomic
	// +k8s:optional
	// +k8s:eachVal=+k8s:subfield(name)=+k8s:required
	// +k8s:eachVal=+k8s:subfield(name)=+k8s:format=k8s-long-name
	VMUsers []ObjectReference `json:"vmusers,omitempty"`

	// deletionPolicy says what becomes of the VMClusters that are defined here
	// when the whole VMDistributedCluster is deleted: Delete (the default)
	// deletes them, Retain leaves them running. Referenced VMClusters, and
	// those taken out of the list of zones, are never deleted.
	// +optional
	// +default="Delete"
	// +k8s:optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// strategy is how a change travels over the zones.
	// +optional
	Strategy RolloutStrategy `json:"strategy,omitempty"`

	// revisionHistoryLimit is how many revisions stay on record beside the one that is
	// rolled out, the one that all zones ran last and what an undo leads to; 0 to 100.
	// Defaults to 10. They are what the subresource undo can go back to.
	// +optional
	// +k8s:optional
	// +k8s:minimum=0
	// +k8s:maximum=100
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`

	// zones are the VictoriaMetrics clusters, in the order in which a change
	// reaches them. A list in place of the object is accepted on every write,
	// and read back as the object.
	Zones Zones `json:"zones"`
}

// ManagementPolicy says whether the rollout acts.
// +enum
// +k8s:enum
type ManagementPolicy string

const (
	// ManagementPolicyManage lets it act.
	ManagementPolicyManage ManagementPolicy = "Manage"
	// ManagementPolicyObserve lets it report only.
	ManagementPolicyObserve ManagementPolicy = "Observe"
)

// ObjectReference names an object in the namespace of the
// VMDistributedCluster.
type ObjectReference struct {
	// name of the object.
	Name string `json:"name"`
	// namespace of the object. It may be left out, or be the namespace of the
	// VMDistributedCluster; any other is refused.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// What a name has to be is said where a reference is used. +k8s:required on the
	// name itself would let a list of references pass unchecked where one of them
	// has none: the generated code leaves the list there without an error.
}

// DeletionPolicy says what becomes of the VMClusters that are defined inline
// when the VMDistributedCluster is deleted.
// +enum
// +k8s:enum
type DeletionPolicy string

const (
	// DeletionPolicyDelete deletes them, once no VMUser and no VMAuth refers to
	// them any more.
	DeletionPolicyDelete DeletionPolicy = "Delete"
	// DeletionPolicyRetain leaves them running, without an owner.
	DeletionPolicyRetain DeletionPolicy = "Retain"
)

// RolloutStrategy is how a change travels over the zones. Durations are Go
// durations such as 90s, 5m or 1h30m.
type RolloutStrategy struct {
	// maxUnavailable is how many zones may be out of service at the same time,
	// those that are not healthy by themselves included; 1 to 100. Defaults to 1.
	// A zone that is not healthy may always be changed: that is how it gets
	// repaired.
	// +optional
	// +k8s:optional
	// +k8s:minimum=1
	// +k8s:maximum=100
	MaxUnavailable *int32 `json:"maxUnavailable,omitempty"`

	// minAvailableZones is how many other zones must be healthy before an
	// existing zone may be touched. Defaults to 1; 0 allows changes that leave
	// no zone to read from, which an object with one zone needs.
	// +optional
	// +k8s:optional
	// +k8s:minimum=0
	// +k8s:maximum=99
	MinAvailableZones *int32 `json:"minAvailableZones,omitempty"`

	// readyTimeout is how long a zone may take, from the write of a change to
	// the moment when the operator reports that generation operational and the
	// workloads have converged. A zone over it is reported as failed, and no
	// other zone is touched until it has recovered. Defaults to 5m.
	// +optional
	ReadyTimeout string `json:"readyTimeout,omitempty"`

	// updatePause is how long a zone must have been updated before the next one
	// is touched. Defaults to 1m; 0s goes on at once.
	// +optional
	UpdatePause string `json:"updatePause,omitempty"`

	// drain is how reads are taken from a zone before it is changed, and given
	// back afterwards.
	// +optional
	Drain DrainStrategy `json:"drain,omitempty"`

	// flush is how a zone that was changed gets the samples that have been
	// written meanwhile, before it is read from again.
	// +optional
	Flush FlushStrategy `json:"flush,omitempty"`

	// progressDeadline is for how long nothing may move before the rollout is
	// reported as stalled, pauses and bakes apart. It is not given up: what it
	// waits for may still come. Defaults to 1h.
	// +optional
	ProgressDeadline string `json:"progressDeadline,omitempty"`

	// maxFailures is how many zones may have failed before the rollout halts; it
	// goes on when they have recovered. It counts where maxUnavailable lets the
	// rollout go on beside a zone that is not healthy. Defaults to 0.
	// +optional
	// +k8s:optional
	// +k8s:minimum=0
	// +k8s:maximum=100
	MaxFailures *int32 `json:"maxFailures,omitempty"`

	// approval says between which zones a change waits for the user, who lets it go on
	// by the subresource promote: Never (the default), AfterFirstZone, or EveryZone,
	// which is before each but the first. A zone that does not exist yet is created, and
	// one that is not healthy is changed, without.
	// +optional
	// +default="Never"
	// +k8s:optional
	Approval Approval `json:"approval,omitempty"`
}

// Approval says between which zones a change waits for the user.
// +enum
// +k8s:enum
type Approval string

const (
	// ApprovalNever waits for nobody.
	ApprovalNever Approval = "Never"
	// ApprovalAfterFirstZone waits once, after the first zone.
	ApprovalAfterFirstZone Approval = "AfterFirstZone"
	// ApprovalEveryZone waits before each zone but the first.
	ApprovalEveryZone Approval = "EveryZone"
)

// DrainStrategy is how reads are taken from a zone and given back.
type DrainStrategy struct {
	// timeout is how long the proof may take that every replica of every VMAuth
	// has taken the zone out, or in again. Over it, the rollout is reported as
	// stalled, and goes on when the proof comes. Defaults to 3m, which is more
	// than the operator's resynchronisation of 60s.
	// +optional
	Timeout string `json:"timeout,omitempty"`

	// gracePeriod is how long reads that are in flight in a drained zone may take
	// to end. Defaults to 30s.
	// +optional
	GracePeriod string `json:"gracePeriod,omitempty"`

	// lastTarget says what becomes of a target of a VMUser that leads to the
	// drained zone alone, and that no other target can stand in for: FailOver
	// (the default) lets it lead to the other zones meanwhile, which store the
	// same data; Refuse refuses the rollout.
	// +optional
	// +default="FailOver"
	// +k8s:optional
	LastTarget LastTarget `json:"lastTarget,omitempty"`
}

// LastTarget says what becomes of a target that leads to a drained zone alone.
// +enum
// +k8s:enum
type LastTarget string

const (
	// LastTargetFailOver lets the target lead to the other zones.
	LastTargetFailOver LastTarget = "FailOver"
	// LastTargetRefuse refuses the rollout.
	LastTargetRefuse LastTarget = "Refuse"
)

// FlushStrategy is how a zone gets the samples that were written while it was
// changed. They lie in the queues of the VMAgent.
type FlushStrategy struct {
	// timeout is how long the queues may take to empty. Over it, the rollout is
	// reported as stalled, and goes on when they are empty. Defaults to 30m.
	// +optional
	Timeout string `json:"timeout,omitempty"`

	// stableFor is how long the queues must have been empty, without an attempt
	// to send that failed; 3s if unset, which is how long storage takes at most to
	// show what it was sent. Where one has failed since the drain, it
	// is at least as long as a replica of the VMAgent may be at sending a block,
	// which is counted nowhere meanwhile (remoteWrite.sendTimeout, 1m by default).
	// +optional
	StableFor string `json:"stableFor,omitempty"`

	// maxPendingBytes is up to which size the queue of a replica counts as empty:
	// under load it rarely is quite. What has come in within two seconds counts so,
	// and nothing older, however small. Defaults to 1048576.
	// +optional
	// +k8s:optional
	// +k8s:minimum=0
	MaxPendingBytes *int64 `json:"maxPendingBytes,omitempty"`
}

// Zones holds the zones of a VMDistributedCluster.
type Zones struct {
	// vmclusters are the zones in rollout order, one VMCluster each; 1 to 100.
	// +listType=atomic
	// +k8s:required
	// +k8s:maxItems=100
	VMClusters []Zone `json:"vmclusters"`
}

// Zone is one VMCluster: either ref, with or without overrideSpec, or name and
// spec.
type Zone struct {
	// ref names a VMCluster that exists, or will, and that somebody else
	// defines. It excludes spec.
	// +optional
	// +k8s:optional
	// +k8s:unionMember
	// +k8s:subfield(name)=+k8s:required
	// +k8s:subfield(name)=+k8s:format=k8s-short-name
	Ref *ObjectReference `json:"ref,omitempty"`

	// overrideSpec is a JSON merge patch (RFC 7396) on the spec of the
	// referenced VMCluster: objects merge, lists are replaced, null removes.
	// Taking it away brings the original back.
	// +optional
	// +k8s:optional
	// +k8s:opaqueType
	OverrideSpec *rawjson.Object `json:"overrideSpec,omitempty"`

	// name of the VMCluster that spec defines; a DNS label.
	// +optional
	Name string `json:"name,omitempty"`

	// spec of the VMCluster, as the installed VictoriaMetrics operator knows it.
	// +optional
	// +k8s:optional
	// +k8s:opaqueType
	// +k8s:unionMember
	// +k8s:dependentForbidden("overrideSpec")
	Spec *rawjson.Object `json:"spec,omitempty"`
}
