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
	// to send that failed; 1s if unset. Where one has failed since the drain, it
	// is at least as long as a replica of the VMAgent may be at sending a block,
	// which is counted nowhere meanwhile (remoteWrite.sendTimeout, 1m by default).
	// +optional
	StableFor string `json:"stableFor,omitempty"`

	// maxPendingBytes is up to which size the queue of a replica counts as empty:
	// under load it rarely is quite. Defaults to 1048576.
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

// VMDistributedClusterStatus is the observed state of a VMDistributedCluster.
type VMDistributedClusterStatus struct {
	// observedGeneration is the metadata.generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Progressing, Reconciling, Stalled, Paused, Observing,
	// Degraded, ReadsGated (whether reads are taken from a zone before it is changed),
	// WritesGated (whether the queues of the VMAgent are waited for) and, where a
	// VMAgent is named, Scraped.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +k8s:eachVal=+k8s:opaqueType
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// updateStatus is the state in the words of the VictoriaMetrics operator:
	// expanding, operational, failed or paused.
	// +optional
	UpdateStatus string `json:"updateStatus,omitempty"`

	// reason explains updateStatus where it is neither operational nor paused.
	// +optional
	Reason string `json:"reason,omitempty"`

	// currentRevision is the revision that all zones ran last.
	// +optional
	CurrentRevision string `json:"currentRevision,omitempty"`

	// updateRevision is the revision that is rolled out: a hash of the desired state of
	// all zones. It is the one that spec asks for, unless that was undone.
	// +optional
	UpdateRevision string `json:"updateRevision,omitempty"`

	// rollout is the one under way or, once that has finished, the last one.
	// +optional
	Rollout *RolloutRecord `json:"rollout,omitempty"`

	// updatedZones is the number of zones that run updateRevision.
	// +optional
	UpdatedZones int32 `json:"updatedZones,omitempty"`

	// readyZones is the number of zones in good health that keep their reads, whatever
	// revision they run. A zone in work is drained, and not among them.
	// +optional
	ReadyZones int32 `json:"readyZones,omitempty"`

	// zones is the state of each zone, in rollout order, and after them of those that
	// the list no longer names while their reads are still to be given back.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []ZoneStatus `json:"zones,omitempty"`

	// undo is there while the zones of another revision are rolled out than of that which
	// spec asks for.
	// +optional
	Undo *UndoRecord `json:"undo,omitempty"`

	// zonesChanged tells of the request that has changed spec.zones last. The server
	// writes it, and nobody else can.
	// +optional
	ZonesChanged *ChangeRecord `json:"zonesChanged,omitempty"`

	// words are what users have said by the verbs promote, abort, retry and undo, as
	// long as it counts, the latest last. Nobody else can write them.
	// +optional
	// +listType=atomic
	// +k8s:optional
	// +k8s:maxItems=200
	Words []Word `json:"words,omitempty"`

	// controller is the process that wrote this status, as the Lease by which the
	// replicas of the server elect their leader had it then. A process that led before
	// it writes no more. An object with which nothing is to be done keeps what it has
	// when another process takes over.
	// +optional
	// +k8s:optional
	Controller *ControllerRecord `json:"controller,omitempty"`
}

// RolloutRecord tells when a revision was rolled out.
type RolloutRecord struct {
	// revision that was rolled out; see updateRevision.
	Revision string `json:"revision"`

	// restartedAt is when somebody had all zones be rolled out once more, the last time
	// before it began; that is in the pods' annotation
	// distributed.victoriametrics.com/restartedAt.
	// +optional
	// +k8s:opaqueType
	RestartedAt *metav1.Time `json:"restartedAt,omitempty"`

	// started is when the controller began with it. It counts from there also while the
	// object is paused, and starts once an object is not only observed any more.
	// +k8s:opaqueType
	Started metav1.Time `json:"started"`

	// finished is when all zones first ran it, in good health, and nothing was left to
	// do. What happens to a zone later by itself does not begin the rollout anew.
	// +optional
	// +k8s:opaqueType
	Finished *metav1.Time `json:"finished,omitempty"`
}

// UndoRecord says that the zones of another revision are rolled out than of that which
// spec asks for.
type UndoRecord struct {
	// revision that spec asks for, and that was undone.
	Revision string `json:"revision"`
	// toRevision is what is rolled out in its place.
	ToRevision string `json:"toRevision"`
	// by is the name of the user who said so.
	// +optional
	By string `json:"by,omitempty"`
	// at is when.
	// +optional
	// +k8s:opaqueType
	At metav1.Time `json:"at,omitempty"`
	// reason is what they gave as such.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// ChangeRecord tells of a request.
type ChangeRecord struct {
	// generation that came of it.
	Generation int64 `json:"generation"`
	// by is the name of the user who made it.
	// +optional
	By string `json:"by,omitempty"`
	// at is when.
	// +optional
	// +k8s:opaqueType
	At metav1.Time `json:"at,omitempty"`
}

// ControllerRecord names a process that led, and the term in which it did.
type ControllerRecord struct {
	// holderIdentity is that of the process.
	// +optional
	HolderIdentity string `json:"holderIdentity,omitempty"`

	// leaseTransitions of the Lease at that time. It goes up with every process that
	// takes the Lease over, and never down in a status.
	// +optional
	// +k8s:optional
	// +k8s:minimum=0
	LeaseTransitions int32 `json:"leaseTransitions,omitempty"`
}

// ZonePhase is where a zone stands.
// +enum
type ZonePhase string

const (
	// ZonePending is a zone that differs from what is wanted and waits for its
	// turn.
	ZonePending ZonePhase = "Pending"
	// ZoneMissing is a referenced VMCluster that does not exist.
	ZoneMissing ZonePhase = "Missing"
	// ZoneCreating is a VMCluster that has been created and has never been
	// healthy yet.
	ZoneCreating ZonePhase = "Creating"
	// ZoneDraining is a zone from which reads are taken: VMAuth has to load that,
	// and reads in flight have to end.
	ZoneDraining ZonePhase = "Draining"
	// ZoneUpdating is a zone that is being changed: the change has been or is
	// about to be written, and the operator has not finished with it.
	ZoneUpdating ZonePhase = "Updating"
	// ZoneFlushing is an updated zone in good health that gets the samples that
	// were written meanwhile.
	ZoneFlushing ZonePhase = "Flushing"
	// ZoneRestoring is a zone to which reads are given back: VMAuth has to load
	// that.
	ZoneRestoring ZonePhase = "Restoring"
	// ZoneBaking is a zone that has been updated so recently that the next one
	// has to wait.
	ZoneBaking ZonePhase = "Baking"
	// ZoneReady is a healthy zone that runs what is wanted.
	ZoneReady ZonePhase = "Ready"
	// ZoneUnhealthy is a zone that runs what is wanted and is not healthy.
	ZoneUnhealthy ZonePhase = "Unhealthy"
	// ZoneFailed is a zone whose update failed, or went over its deadline.
	ZoneFailed ZonePhase = "Failed"
	// ZoneRefused is a zone that is not touched: reason says why.
	ZoneRefused ZonePhase = "Refused"
	// ZoneLeaving is a VMCluster that is being deleted or released together
	// with the VMDistributedCluster.
	ZoneLeaving ZonePhase = "Leaving"
)

// ZoneStatus is the recorded state of one zone.
type ZoneStatus struct {
	// name of the zone, which is the name of its VMCluster.
	Name string `json:"name"`

	// phase is where the zone stands.
	Phase ZonePhase `json:"phase"`

	// since is when the zone entered its phase.
	// +optional
	// +k8s:opaqueType
	Since metav1.Time `json:"since,omitempty"`

	// revision is the hash of the desired state that the zone was last seen to
	// run in good health.
	// +optional
	Revision string `json:"revision,omitempty"`

	// updateRevision is the hash of the desired state on its way to the zone;
	// recorded before the first write of it.
	// +optional
	UpdateRevision string `json:"updateRevision,omitempty"`

	// updateStarted is when updateRevision was first written; the deadline
	// readyTimeout counts from here.
	// +optional
	// +k8s:opaqueType
	UpdateStarted *metav1.Time `json:"updateStarted,omitempty"`

	// updateFinished is when the zone was last seen to have finished an update;
	// updatePause counts from here.
	// +optional
	// +k8s:opaqueType
	UpdateFinished *metav1.Time `json:"updateFinished,omitempty"`

	// generation is the metadata.generation of the VMCluster that our last
	// write produced.
	// +optional
	Generation int64 `json:"generation,omitempty"`

	// reapplied is how many times a change by somebody else was overwritten
	// since the desired state last changed, or since the zone was last left
	// alone for a day. After three the zone is Refused, reason Contended.
	// +optional
	Reapplied int32 `json:"reapplied,omitempty"`

	// reason is the phase's reason in one CamelCase word.
	// +optional
	Reason string `json:"reason,omitempty"`

	// waitingFor says what the zone waits for, with the evidence.
	// +optional
	WaitingFor string `json:"waitingFor,omitempty"`

	// deadline is when that is over at the latest: a bake or a grace period ends then,
	// anything else counts as too long from then on. Left out where it may last as long
	// as it takes, and while the object is paused, only observed, or halted.
	// +optional
	// +k8s:opaqueType
	Deadline *metav1.Time `json:"deadline,omitempty"`

	// queueBytes is what the replicas of the VMAgent have queued for the zone, together;
	// there while the zone waits for that and every replica tells.
	// +optional
	QueueBytes *int64 `json:"queueBytes,omitempty"`

	// clusterUID is the uid of the VMCluster that the zone was last seen to have.
	// +optional
	ClusterUID string `json:"clusterUID,omitempty"`

	// emptied is true for a VMCluster that was made anew after reads went to the
	// old one: it lacks what that stored, and gets its reads back by the user's
	// word only.
	// +optional
	Emptied bool `json:"emptied,omitempty"`

	// lastUpdateSeconds is how long the last update of the zone took, from the
	// drain to the last proof. The room in the queues of the VMAgent is held
	// against it before the next drain.
	// +optional
	LastUpdateSeconds int64 `json:"lastUpdateSeconds,omitempty"`

	// work is what is remembered of a zone that is out of service, or about to
	// be; there while it is.
	// +optional
	Work *ZoneWork `json:"work,omitempty"`

	// contendedRevision is the revision for which reads were given back by
	// somebody else whenever they had been taken away.
	// +optional
	ContendedRevision string `json:"contendedRevision,omitempty"`
}

// ZoneWork is what is remembered of a zone in work. Deadlines and proofs are
// counted from the times in here, so that a restart forgets nothing.
type ZoneWork struct {
	// begun is when the zone was taken into work.
	// +optional
	// +k8s:opaqueType
	Begun *metav1.MicroTime `json:"begun,omitempty"`
	// clock is when the deadline of the present wait began to run.
	// +optional
	// +k8s:opaqueType
	Clock *metav1.MicroTime `json:"clock,omitempty"`
	// drained is when reads were last taken away, or about to be.
	// +optional
	// +k8s:opaqueType
	Drained *metav1.MicroTime `json:"drained,omitempty"`
	// drainWritten is true once every VMUser has been written for that.
	// +optional
	DrainWritten bool `json:"drainWritten,omitempty"`
	// redrained is how many times reads were taken away again that somebody else
	// had given back.
	// +optional
	Redrained int32 `json:"redrained,omitempty"`
	// loaded is when every VMAuth was first seen to have taken the zone out.
	// +optional
	// +k8s:opaqueType
	Loaded *metav1.MicroTime `json:"loaded,omitempty"`
	// restored is when reads were given back, or about to be.
	// +optional
	// +k8s:opaqueType
	Restored *metav1.MicroTime `json:"restored,omitempty"`
	// healthy is when the updated zone was first seen in good health.
	// +optional
	// +k8s:opaqueType
	Healthy *metav1.MicroTime `json:"healthy,omitempty"`
	// quiet is since when the queues have been empty without a failure.
	// +optional
	// +k8s:opaqueType
	Quiet *metav1.MicroTime `json:"quiet,omitempty"`
	// queues are the counters that the queues are compared with, one entry for
	// each replica of the VMAgent.
	// +optional
	// +listType=map
	// +listMapKey=replica
	Queues []QueueMark `json:"queues,omitempty"`
}

// QueueMark is what the counters of one replica of the VMAgent were at, for the
// remote write to the zone.
type QueueMark struct {
	// replica is the name of the pod.
	Replica string `json:"replica"`
	// started tells one run of the process from the next: seconds since 1970.
	// +optional
	Started int64 `json:"started,omitempty"`
	// dropped is what had been lost before the drain, in bytes, blocks and
	// samples together.
	// +optional
	Dropped int64 `json:"dropped,omitempty"`
	// failures is how many attempts to send had failed when last looked at.
	// +optional
	Failures int64 `json:"failures,omitempty"`
	// troubled is true once one has failed since the drain.
	// +optional
	Troubled bool `json:"troubled,omitempty"`
	// marked is true once sent and inflow have been noted, when the updated zone
	// was in good health.
	// +optional
	Marked bool `json:"marked,omitempty"`
	// sent is how many requests the zone had taken by then.
	// +optional
	Sent int64 `json:"sent,omitempty"`
	// inflow is how many rows had come in by then, for any zone.
	// +optional
	Inflow int64 `json:"inflow,omitempty"`
	// lost is true once the replica has dropped samples of the zone since the
	// drain, or has gone with what it had queued.
	// +optional
	Lost bool `json:"lost,omitempty"`
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
	Zones []ZoneReport `json:"zones"`
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
	Revisions []RevisionReport `json:"revisions"`
}

// RevisionReport is one revision that is on record: a desired state of all zones.
type RevisionReport struct {
	// revision is the hash of it.
	Revision string `json:"revision"`
	// number counts how often a rollout has begun, of this revision or another: that of
	// the last one of this revision.
	Number int64 `json:"number"`
	// author is the user who asked for it, as far as that is known.
	// +optional
	Author string `json:"author,omitempty"`
	// cause is what the annotation kubernetes.io/change-cause of the
	// VMDistributedCluster was then.
	// +optional
	Cause string `json:"cause,omitempty"`
	// started is when its last rollout began.
	// +optional
	Started *metav1.Time `json:"started,omitempty"`
	// finished is when that came to its end in all zones that were not skipped.
	// +optional
	Finished *metav1.Time `json:"finished,omitempty"`
	// outcome of the rollout: Completed, Partial where zones were skipped, Superseded by
	// another before that, Aborted or Undone; left out while it is under way.
	// +optional
	Outcome RevisionOutcome `json:"outcome,omitempty"`
	// current is true for the one that all zones ran last.
	// +optional
	Current bool `json:"current,omitempty"`
	// wanted is true for the one that spec asks for.
	// +optional
	Wanted bool `json:"wanted,omitempty"`
	// byUndo is true for the one that is rolled out in the place of that.
	// +optional
	ByUndo bool `json:"byUndo,omitempty"`
	// zones are those of the revision, each with the hash of its desired state.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []ZoneRevision `json:"zones,omitempty"`
}

// RevisionOutcome is how the rollout of a revision ended.
// +enum
type RevisionOutcome string

const (
	// RevisionCompleted came to all zones.
	RevisionCompleted RevisionOutcome = "Completed"
	// RevisionPartial came to all zones but those that were skipped.
	RevisionPartial RevisionOutcome = "Partial"
	// RevisionSuperseded was followed by another one before.
	RevisionSuperseded RevisionOutcome = "Superseded"
	// RevisionAborted was called off.
	RevisionAborted RevisionOutcome = "Aborted"
	// RevisionUndone was taken back.
	RevisionUndone RevisionOutcome = "Undone"
)

// ZoneSource says who defines the VMCluster of a zone.
// +enum
type ZoneSource string

const (
	// ZoneInline is a VMCluster defined by the VMDistributedCluster.
	ZoneInline ZoneSource = "Inline"
	// ZoneReferenced is a VMCluster that somebody else defines.
	ZoneReferenced ZoneSource = "Referenced"
	// ZoneUnlisted is a VMCluster that the list no longer names, and whose reads are
	// still to be given back.
	ZoneUnlisted ZoneSource = "Unlisted"
)

// ZoneReport is the state of one zone, computed when it was asked for.
type ZoneReport struct {
	// name of the zone.
	Name string `json:"name"`
	// cluster is the object that makes up the zone.
	Cluster ZoneCluster `json:"cluster"`
	// source says whether the cluster is Inline, Referenced or Unlisted.
	Source ZoneSource `json:"source"`
	// phase is where the zone stands.
	Phase ZonePhase `json:"phase"`
	// since is when the zone entered its phase, as far as the controller has
	// recorded it.
	// +optional
	Since metav1.Time `json:"since,omitempty"`
	// reason is the phase's reason in one CamelCase word.
	// +optional
	Reason string `json:"reason,omitempty"`
	// waitingFor says what the zone waits for, with the evidence.
	// +optional
	WaitingFor string `json:"waitingFor,omitempty"`
	// deadline is when that is over at the latest: a bake or a grace period ends then,
	// anything else counts as too long from then on. Left out where it may last as long
	// as it takes.
	// +optional
	Deadline *metav1.Time `json:"deadline,omitempty"`
	// queueBytes is what the replicas of the VMAgent have queued for the zone, together,
	// as the controller saw it last; there while the zone waits for that.
	// +optional
	QueueBytes *int64 `json:"queueBytes,omitempty"`
	// revisionWanted is the hash of the zone's desired state.
	// +optional
	RevisionWanted string `json:"revisionWanted,omitempty"`
	// revisionApplied is the hash of the desired state that was last written to
	// the cluster, empty if none was.
	// +optional
	RevisionApplied string `json:"revisionApplied,omitempty"`
	// ready is true where the cluster belongs to this object and is in good health,
	// whatever revision it runs.
	Ready bool `json:"ready"`
	// wouldDo is what is still to be done about the zone: Nothing, Create its
	// VMCluster, Mark it as ours and change nothing else, Change its spec, or Finish
	// what was begun. While the object is being deleted it is left out.
	// +optional
	WouldDo ZoneAction `json:"wouldDo,omitempty"`
	// turn orders the zones whose turn is still to come, 1 first. Left out of those
	// that are in work, and of those whose turn can't come as things stand.
	// +optional
	Turn int32 `json:"turn,omitempty"`
	// refusedBy are the guards that would refuse now if it were the turn of the zone,
	// each with what has to come about.
	// +optional
	// +listType=atomic
	RefusedBy []string `json:"refusedBy,omitempty"`
	// changes is what the spec of the VMCluster would differ in, up to 50 places, as
	// the API server tells by a dry run where one is made.
	// +optional
	// +listType=atomic
	Changes []ZoneChange `json:"changes,omitempty"`
	// moreChanges is how many places are left out of changes.
	// +optional
	MoreChanges int32 `json:"moreChanges,omitempty"`
	// valuesHidden is true where from and to are left out of changes since the caller
	// may not get the VMCluster.
	// +optional
	ValuesHidden bool `json:"valuesHidden,omitempty"`
}

// ZoneAction is what is still to be done about a zone.
// +enum
type ZoneAction string

const (
	// ZoneWouldDoNothing is for a zone that is as it should be, or not ours to touch.
	ZoneWouldDoNothing ZoneAction = "Nothing"
	// ZoneWouldCreate makes its VMCluster.
	ZoneWouldCreate ZoneAction = "Create"
	// ZoneWouldMark writes our annotations to its VMCluster, and nothing else.
	ZoneWouldMark ZoneAction = "Mark"
	// ZoneWouldChange writes the spec of its VMCluster.
	ZoneWouldChange ZoneAction = "Change"
	// ZoneWouldFinish brings a zone that was taken into work to the end of it.
	ZoneWouldFinish ZoneAction = "Finish"
)

// ZoneChange is one place in the spec of a VMCluster that would be changed.
type ZoneChange struct {
	// path of the place below spec, such as vmselect.replicaCount. A list counts as
	// one place.
	Path string `json:"path"`
	// from is what is there, as JSON, cut off after 256 bytes; left out where nothing
	// is.
	// +optional
	From string `json:"from,omitempty"`
	// to is what would be there, likewise; left out where nothing would be.
	// +optional
	To string `json:"to,omitempty"`
}

// ZoneCluster is the object that makes up a zone, as the VictoriaMetrics
// operator reports it.
type ZoneCluster struct {
	// kind of the object: VMCluster.
	Kind string `json:"kind"`
	// name of the object.
	Name string `json:"name"`
	// exists is false where there is no such object.
	Exists bool `json:"exists"`
	// generation is its metadata.generation.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// observedGeneration is the generation that the operator reports on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// updateStatus is the operator's word: expanding, operational, failed,
	// paused or ignored.
	// +optional
	UpdateStatus string `json:"updateStatus,omitempty"`
	// reason is the operator's explanation.
	// +optional
	Reason string `json:"reason,omitempty"`
}
