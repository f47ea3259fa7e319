// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

	// updatedZones is the number of zones that run updateRevision and in which nothing is left
	// to do for it: their reads are back.
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
