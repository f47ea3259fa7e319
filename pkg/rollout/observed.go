// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// Observed is everything that Decide looks at.
type Observed struct {
	// Now is the time of the observation.
	Now time.Time
	// Begun is when the rollout of what is wanted began. A zone that has finished an
	// update since then counts as changed by it.
	Begun time.Time
	// Paused is spec.paused.
	Paused bool
	// Observing is true under spec.managementPolicy Observe.
	Observing bool
	// Halt is what stops the controller for all objects; nil where nothing does.
	Halt *Halt
	// Deletion is set while the object is being deleted.
	Deletion *Deletion
	// Strategy is spec.strategy.
	Strategy Strategy
	// Zones are the entries of the list, in its order.
	Zones []Zone
	// Strays are what the list no longer names and still bears our marks.
	Strays []Stray
	// Aborted is the word of a user by which this change is called off; nil where it is
	// not.
	Aborted *Abort
	// Undone is set where Zones are those of another revision than spec asks for, or
	// should be.
	Undone *Undo
	// ScrapePending is true where the VMAgent has to be written.
	ScrapePending bool
}

// Halt stops the controller for all objects, deletions included.
type Halt struct {
	// Switch is what has to be deleted to lift it, in words.
	Switch string
	// Reason is what its maker gave as such.
	Reason string
	// Unknown says why it can't be told whether there is one, which counts as if there
	// were; empty where it can.
	Unknown string
}

// Deletion is how an object goes.
type Deletion struct {
	// NamespaceTerminating is true where the namespace goes as well.
	NamespaceTerminating bool
	// Retain is true where inline clusters stay.
	Retain bool
}

// Stray is a cluster that carries our mark, or a drain record of ours, or both,
// and that no entry names any more. Of its Zone, Revision is what it was last
// brought to, or was on its way to, or UnknownRevision; nothing is wanted of it.
type Stray struct {
	Zone
	// Marked is true where the cluster carries our mark.
	Marked bool
}

// Drained is true where a VMUser carries our drain record, or may.
func (s *Stray) Drained() bool { return len(s.Reads.Drained) > 0 || s.Reads.Unreadable != "" }

// Strategy is how a change travels.
type Strategy struct {
	// MaxUnavailable is how many zones may be out at a time, those that are not
	// healthy by themselves included.
	MaxUnavailable int
	// MinAvailableZones is how many other zones must be healthy before a healthy
	// one is touched.
	MinAvailableZones int
	// MaxFailures is how many zones may have failed before no other is begun.
	MaxFailures int
	// ReadyTimeout is how long an update may take.
	ReadyTimeout time.Duration
	// UpdatePause is how long an updated zone holds back the next one.
	UpdatePause time.Duration
	// ProgressDeadline is how long nothing may move.
	ProgressDeadline time.Duration
	// DrainTimeout is how long the proof may take that reads were taken from a
	// zone, or given back.
	DrainTimeout time.Duration
	// GracePeriod is how long reads in flight may keep a drained zone.
	GracePeriod time.Duration
	// FlushTimeout is how long the queues of a zone may take to empty.
	FlushTimeout time.Duration
	// StableFor is how long they must have been empty; longer where what is known
	// of the VMAgent demands it.
	StableFor time.Duration
	// MaxPendingBytes is what counts as empty, in each replica of the VMAgent, where it is
	// no more than what comes in within two seconds.
	MaxPendingBytes int64
	// Approval says between which zones the user is waited for.
	Approval Approval
}

// Approval says between which zones the user is waited for; empty for none.
type Approval string

// The kinds of it.
const (
	// AfterFirstZone waits once, after the first zone.
	AfterFirstZone Approval = "AfterFirstZone"
	// EveryZone waits before each zone but the first.
	EveryZone Approval = "EveryZone"
)

// Zone is one entry of the list with the cluster that it names.
type Zone struct {
	// Name is the name of the cluster.
	Name string
	// Inline is true where the entry defines the cluster, false where it refers
	// to one.
	Inline bool
	// Revision is the hash of the state that is wanted.
	Revision string
	// Problem says why the wanted state can't be told, or is refused by the API
	// server, if it is.
	Problem string
	// Untried says why the API server has not told what a write would do, where it
	// was asked and may yet tell.
	Untried string
	// Cluster is nil where there is none. One that exists and can't be read is
	// given as not healthy, beside Problem.
	Cluster *Cluster
	// Reads is the read path to it.
	Reads Reads
	// Queues is the write path to it.
	Queues Queues
	// Approved is true where the user has given their word for this zone and this
	// revision: to go on though something can't be proven.
	Approved bool
	// GoAhead is true where the user has let this zone be changed to this revision, for
	// which it waits by Strategy.Approval. It says nothing of what can't be proven.
	GoAhead bool
	// Skipped is the word of a user by which the zone is left out of the rollout of this
	// revision; nil where it is not.
	Skipped *Skip
	// Record is what status remembers.
	Record Record
}

// Ownership says whom a cluster belongs to.
type Ownership int

const (
	// Unmarked belongs to no VMDistributedCluster.
	Unmarked Ownership = iota
	// Ours carries the mark of this object.
	Ours
	// Foreign carries the mark of another one.
	Foreign
)

// Difference says what a write would change.
type Difference int

const (
	// Same needs no write.
	Same Difference = iota
	// Metadata needs a write that leaves spec as it is.
	Metadata
	// Spec needs a write that changes spec.
	Spec
)

// Cluster is an existing cluster as seen by the rollout.
type Cluster struct {
	// UID tells a cluster from one that was made anew under the same name.
	UID       string
	Ownership Ownership
	// Owner names the other object where Ownership is Foreign.
	Owner string
	// Deleting is true once somebody has deleted it.
	Deleting bool
	// Generation is its metadata.generation.
	Generation int64
	// Unhealthy is empty where the operator has observed the present generation
	// and calls it operational, and all workloads have converged; otherwise it
	// says what is missing.
	Unhealthy string
	// Failed is true where the operator reports that the present generation
	// failed.
	Failed bool
	// Difference is between what it is and what is wanted.
	Difference Difference
	// Drift says what is known of a change by somebody else. That there was one,
	// the record tells.
	Drift *Drift
	// Shrinks lists the storage that a write would take away without permission.
	Shrinks []string
	// ReferredBy lists VMUsers and VMAuths that refer to it.
	ReferredBy []string
}

// notOurs is true for a cluster that is not this object's to write.
func (z *Zone) notOurs() bool {
	return z.Cluster.Ownership == Foreign || z.Inline && z.Cluster.Ownership == Unmarked
}

// Healthy is true where nothing is missing.
func (c *Cluster) Healthy() bool { return c.Unhealthy == "" && !c.Deleting }

// Drift is a change by somebody else to what we have written.
type Drift struct {
	// Paths are the fields, such as vmselect.replicaCount.
	Paths []string
	// Managers are the field managers that own them.
	Managers []string
}

// Abort is what calls a change off.
type Abort struct {
	// By is who said so, At when, and Reason what they gave as such; each may be unknown.
	By     string
	At     time.Time
	Reason string
}

// Undo has another revision rolled out than the one that spec asks for.
type Undo struct {
	// Revision is what spec asks for, and To what is rolled out in its place.
	Revision, To string
	// By is who said so, At when, and Reason what they gave as such; each may be unknown.
	By     string
	At     time.Time
	Reason string
	// Lost says why nobody can tell what To was; empty where it is known. Zones are
	// those of spec then.
	Lost string
}

// Phase is where a zone stands.
type Phase string

// The phases; the API describes each.
const (
	Pending   Phase = "Pending"
	Missing   Phase = "Missing"
	Creating  Phase = "Creating"
	Draining  Phase = "Draining"
	Updating  Phase = "Updating"
	Flushing  Phase = "Flushing"
	Restoring Phase = "Restoring"
	Baking    Phase = "Baking"
	Ready     Phase = "Ready"
	Unhealthy Phase = "Unhealthy"
	Failed    Phase = "Failed"
	Refused   Phase = "Refused"
	Leaving   Phase = "Leaving"
)

// Record is what is remembered of a zone between two observations. All times are
// in here; nothing is remembered in memory.
type Record struct {
	Phase Phase
	// Since is when the phase began.
	Since time.Time
	// Revision was last seen in good health.
	Revision string
	// Updating is the revision on its way; empty while none is.
	Updating string
	// Started is when that revision was first written, or its deadline began to
	// run anew; zero while it stands still.
	Started time.Time
	// Finished is when an existing cluster last finished an update.
	Finished time.Time
	// Took is how long that update took, from the drain to the last proof.
	Took time.Duration
	// Generation is what our last write produced; 0 until that has been seen to
	// land.
	Generation int64
	// Reapplied counts how often somebody else's change was overwritten.
	Reapplied int

	// UID is that of the cluster that the zone was last seen to have.
	UID string
	// Emptied is true for a cluster that was made anew, until the user's word: it
	// lacks what the old one stored.
	Emptied bool

	// Begun is when the zone was last taken into work; zero while it is not.
	Begun time.Time
	// Clock is when the deadline of the present wait began to run; zero while it
	// stands still.
	Clock time.Time
	// Drained is when reads were last taken from the zone, as intended; zero
	// while they go there.
	Drained time.Time
	// DrainDone is true once that has been seen to be written.
	DrainDone bool
	// Contended is the revision for which that has been given up: reads were given
	// back by somebody else too often.
	Contended string
	// Redrained counts how often reads were taken away again, that somebody else
	// had given back.
	Redrained int
	// Loaded is when every VMAuth was first seen to have loaded that.
	Loaded time.Time
	// Restored is when reads were given back, as intended; zero once every VMAuth
	// has loaded that.
	Restored time.Time
	// Healthy is when the update was first seen in good health; the wait for the
	// queues counts from here.
	Healthy time.Time
	// Quiet is since when the queues have been empty and nothing has failed.
	Quiet time.Time
	// Baseline are the counters of the queues to compare with.
	Baseline Baseline
}

// inFlight is true from the decision to write until the end of the update.
func (r Record) inFlight() bool { return r.Updating != "" }

// creating is true from the decision to create a cluster until it is healthy, be it late,
// refused meanwhile, or to become something else. No zone was taken into work for that:
// whoever is has a time at which it was begun.
func (r Record) creating() bool {
	return r.inFlight() && (r.Phase == Creating || r.Revision == "" && r.Begun.IsZero())
}

// drained is true while reads are kept away.
func (r Record) drained() bool { return !r.Drained.IsZero() }

// restoring is true while reads are on their way back.
func (r Record) restoring() bool { return !r.Restored.IsZero() }

// inWork is true for an existing zone that we have taken out of service, or are
// about to.
func (r Record) inWork() bool {
	return r.drained() || r.restoring() || r.inFlight() && !r.creating()
}

// target is the revision that was decided on last.
func (r Record) target() string {
	if r.inFlight() {
		return r.Updating
	}
	return r.Revision
}
