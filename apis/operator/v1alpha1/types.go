// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
)

// +genclient
// +genclient:method=GetZones,verb=get,subresource=zones,result=github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1.VMDistributedClusterZones
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedCluster holds together several VictoriaMetrics clusters, called
// zones, that store the same data, and rolls a change out over them one zone
// at a time. Each zone is a VMCluster of the VictoriaMetrics operator, either
// one that exists already and is referred to, or one that is defined here.
type VMDistributedCluster struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
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

	// vmagent names the VMAgent that writes to all zones. It is made to scrape
	// the components of every zone, unless its own serviceScrapeSelector says
	// otherwise.
	// +optional
	VMAgent *ObjectReference `json:"vmagent,omitempty"`

	// vmusers names the VMUsers through which clients read from the zones.
	// +optional
	// +listType=atomic
	VMUsers []ObjectReference `json:"vmusers,omitempty"`

	// deletionPolicy says what becomes of the VMClusters that are defined here
	// when the whole VMDistributedCluster is deleted: Delete (the default)
	// deletes them, Retain leaves them running. Referenced VMClusters, and
	// those taken out of the list of zones, are never deleted.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// strategy is how a change travels over the zones.
	// +optional
	Strategy RolloutStrategy `json:"strategy,omitempty"`

	// zones are the VictoriaMetrics clusters, in the order in which a change
	// reaches them. A list in place of the object is accepted on every write,
	// and read back as the object.
	Zones Zones `json:"zones"`
}

// ObjectReference names an object in the namespace of the
// VMDistributedCluster.
type ObjectReference struct {
	// name of the object.
	Name string `json:"name"`
	// namespace of the object. It may be left out, or be the namespace of the
	// VMDistributedCluster; any other is refused.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// DeletionPolicy says what becomes of the VMClusters that are defined inline
// when the VMDistributedCluster is deleted.
// +enum
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
	// minAvailableZones is how many other zones must be healthy before an
	// existing zone may be touched. Defaults to 1; 0 allows changes that leave
	// no zone to read from, which an object with one zone needs.
	// +optional
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
}

// Zones holds the zones of a VMDistributedCluster.
type Zones struct {
	// vmclusters are the zones in rollout order, one VMCluster each; 1 to 100.
	// +listType=atomic
	VMClusters []Zone `json:"vmclusters"`
}

// Zone is one VMCluster: either ref, with or without overrideSpec, or name and
// spec.
type Zone struct {
	// ref names a VMCluster that exists, or will, and that somebody else
	// defines. It excludes spec.
	// +optional
	Ref *ObjectReference `json:"ref,omitempty"`

	// overrideSpec is a JSON merge patch (RFC 7396) on the spec of the
	// referenced VMCluster: objects merge, lists are replaced, null removes.
	// Taking it away brings the original back.
	// +optional
	OverrideSpec *rawjson.Object `json:"overrideSpec,omitempty"`

	// name of the VMCluster that spec defines; a DNS label.
	// +optional
	Name string `json:"name,omitempty"`

	// spec of the VMCluster, as the installed VictoriaMetrics operator knows it.
	// +optional
	Spec *rawjson.Object `json:"spec,omitempty"`
}

// VMDistributedClusterStatus is the observed state of a VMDistributedCluster.
type VMDistributedClusterStatus struct {
	// observedGeneration is the metadata.generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Progressing, Reconciling, Stalled, Paused, Degraded
	// and, where a VMAgent is named, Scraped.
	// +optional
	// +listType=map
	// +listMapKey=type
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

	// updateRevision is the revision that spec asks for: a hash of the desired
	// state of all zones.
	// +optional
	UpdateRevision string `json:"updateRevision,omitempty"`

	// updatedZones is the number of zones that run updateRevision.
	// +optional
	UpdatedZones int32 `json:"updatedZones,omitempty"`

	// readyZones is the number of zones in good health, whatever revision they run.
	// +optional
	ReadyZones int32 `json:"readyZones,omitempty"`

	// zones is the state of each zone, in rollout order.
	// +optional
	// +listType=map
	// +listMapKey=name
	Zones []ZoneStatus `json:"zones,omitempty"`
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
	// ZoneUpdating is a zone that is being changed: the change has been or is
	// about to be written, and the operator has not finished with it.
	ZoneUpdating ZonePhase = "Updating"
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
	UpdateStarted *metav1.Time `json:"updateStarted,omitempty"`

	// updateFinished is when the zone was last seen to have finished an update;
	// updatePause counts from here.
	// +optional
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
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterZones is the answer of the subresource zones: the state
// of every zone at the moment of the request.
type VMDistributedClusterZones struct {
	metav1.TypeMeta `json:",inline"`
	// metadata has name, namespace, uid and resourceVersion of the
	// VMDistributedCluster.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// zones has one entry per zone, in rollout order.
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
)

// ZoneReport is the state of one zone, computed when it was asked for.
type ZoneReport struct {
	// name of the zone.
	Name string `json:"name"`
	// cluster is the object that makes up the zone.
	Cluster ZoneCluster `json:"cluster"`
	// source says whether the cluster is Inline or Referenced.
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
