// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedCluster holds together several VictoriaMetrics clusters, called
// zones, that store the same data, and rolls a change out over them one zone
// at a time. Each zone is a VMCluster of the VictoriaMetrics operator, either
// one that exists already and is referred to, or one that is defined here.
type VMDistributedCluster struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Spec   VMDistributedClusterSpec
	Status VMDistributedClusterStatus

	// Stored is the JSON that the object was read from, if that is not what this server
	// would write: a later version has stored fields that it does not know, for one. An
	// update keeps these. See pkg/storage/unknown.
	// +k8s:conversion-gen=false
	Stored string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterList is a list of VMDistributedClusters.
type VMDistributedClusterList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []VMDistributedCluster
}

// VMDistributedClusterSpec is the desired state of a VMDistributedCluster.
type VMDistributedClusterSpec struct {
	Paused           bool
	ManagementPolicy ManagementPolicy
	VMAgent          *ObjectReference
	VMUsers          []ObjectReference
	DeletionPolicy   DeletionPolicy
	Strategy         RolloutStrategy

	RevisionHistoryLimit *int32
	Zones                Zones
}

// ManagementPolicy says whether the rollout acts.
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
	Name      string
	Namespace string
}

// DeletionPolicy says what becomes of the VMClusters that are defined inline
// when the VMDistributedCluster is deleted.
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
	MaxUnavailable    *int32
	MinAvailableZones *int32
	ReadyTimeout      string
	UpdatePause       string
	Drain             DrainStrategy
	Flush             FlushStrategy
	ProgressDeadline  string
	MaxFailures       *int32
	Approval          Approval
}

// Approval says between which zones a change waits for the user.
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
	Timeout     string
	GracePeriod string
	LastTarget  LastTarget
}

// LastTarget says what becomes of a target that leads to a drained zone alone.
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
	Timeout         string
	StableFor       string
	MaxPendingBytes *int64
}

// Zones holds the zones of a VMDistributedCluster.
type Zones struct {
	VMClusters []Zone
}

// Zone is one VMCluster: either ref, with or without overrideSpec, or name and
// spec.
type Zone struct {
	Ref          *ObjectReference
	OverrideSpec *rawjson.Object
	Name         string
	Spec         *rawjson.Object
}

// VMDistributedClusterStatus is the observed state of a VMDistributedCluster.
type VMDistributedClusterStatus struct {
	ObservedGeneration int64
	Conditions         []metav1.Condition
	UpdateStatus       string
	Reason             string
	CurrentRevision    string
	UpdateRevision     string
	Rollout            *RolloutRecord
	UpdatedZones       int32
	ReadyZones         int32
	Zones              []ZoneStatus
	Undo               *UndoRecord
	ZonesChanged       *ChangeRecord
	Words              []Word
	Controller         *ControllerRecord
}

// UndoRecord says that the zones of another revision are rolled out than of that which
// spec asks for.
type UndoRecord struct {
	Revision   string
	ToRevision string
	By         string
	At         metav1.Time
	Reason     string
}

// ChangeRecord tells of the request that has changed the zones last.
type ChangeRecord struct {
	Generation int64
	By         string
	At         metav1.Time
}

// RolloutRecord tells when a revision was rolled out.
type RolloutRecord struct {
	Revision string
	// RestartedAt is when all zones were last to be rolled out once more; nil for never.
	RestartedAt *metav1.Time
	Started     metav1.Time
	Finished    *metav1.Time
}

// ControllerRecord names the process that wrote this status, and the term in which
// it led.
type ControllerRecord struct {
	HolderIdentity   string
	LeaseTransitions int32
}

// ZonePhase is where a zone stands.
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
	Name           string
	Phase          ZonePhase
	Since          metav1.Time
	Revision       string
	UpdateRevision string
	UpdateStarted  *metav1.Time
	UpdateFinished *metav1.Time
	Generation     int64
	Reapplied      int32
	Reason         string
	WaitingFor     string
	Deadline       *metav1.Time
	QueueBytes     *int64

	ClusterUID        string
	Emptied           bool
	LastUpdateSeconds int64
	Work              *ZoneWork
	ContendedRevision string
}

// ZoneWork is what is remembered of a zone in work.
type ZoneWork struct {
	Begun        *metav1.MicroTime
	Clock        *metav1.MicroTime
	Drained      *metav1.MicroTime
	DrainWritten bool
	Redrained    int32
	Loaded       *metav1.MicroTime
	Restored     *metav1.MicroTime
	Healthy      *metav1.MicroTime
	Quiet        *metav1.MicroTime
	Queues       []QueueMark
}

// QueueMark is what the counters of one replica of the VMAgent were at, for the
// remote write to the zone.
type QueueMark struct {
	Replica  string
	Started  int64
	Dropped  int64
	Failures int64
	Troubled bool
	Marked   bool
	Sent     int64
	Inflow   int64
	Lost     bool
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterZones is the answer of the subresource zones: the state
// of every zone at the moment of the request.
type VMDistributedClusterZones struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Zones []ZoneReport
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterHistory is the answer of the subresource history: the revisions
// that are on record.
type VMDistributedClusterHistory struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Revisions []RevisionReport
}

// RevisionReport is one revision that is on record.
type RevisionReport struct {
	Revision string
	Number   int64
	Author   string
	Cause    string
	Started  *metav1.Time
	Finished *metav1.Time
	Outcome  RevisionOutcome
	Current  bool
	Wanted   bool
	ByUndo   bool
	Zones    []ZoneRevision
}

// RevisionOutcome is how the rollout of a revision ended.
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
	Name            string
	Cluster         ZoneCluster
	Source          ZoneSource
	Phase           ZonePhase
	Since           metav1.Time
	Reason          string
	WaitingFor      string
	Deadline        *metav1.Time
	QueueBytes      *int64
	RevisionWanted  string
	RevisionApplied string
	Ready           bool
	WouldDo         ZoneAction
	Turn            int32
	RefusedBy       []string
	Changes         []ZoneChange
	MoreChanges     int32
	ValuesHidden    bool
}

// ZoneAction is what is still to be done about a zone.
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
	Path string
	From string
	To   string
}

// ZoneCluster is the object that makes up a zone, as the VictoriaMetrics
// operator reports it.
type ZoneCluster struct {
	Kind               string
	Name               string
	Exists             bool
	Generation         int64
	ObservedGeneration int64
	UpdateStatus       string
	Reason             string
}
