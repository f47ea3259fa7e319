// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
