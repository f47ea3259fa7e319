// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// Observed is everything that Decide looks at.
type Observed struct {
	// Now is the time of the observation.
	Now time.Time
	// Paused is spec.paused.
	Paused bool
	// Deletion is set while the object is being deleted.
	Deletion *Deletion
	// Strategy is spec.strategy.
	Strategy Strategy
	// Zones are the entries of the list, in its order.
	Zones []Zone
	// Strays are the names of clusters that carry our mark and that no entry
	// names.
	Strays []string
	// ScrapePending is true where the VMAgent has to be written.
	ScrapePending bool
}

// Deletion is how an object goes.
type Deletion struct {
	// NamespaceTerminating is true where the namespace goes as well.
	NamespaceTerminating bool
	// Retain is true where inline clusters stay.
	Retain bool
}

// Strategy is how a change travels.
type Strategy struct {
	// MinAvailableZones is how many other zones must be healthy before a healthy
	// one is touched.
	MinAvailableZones int
	// ReadyTimeout is how long an update may take.
	ReadyTimeout time.Duration
	// UpdatePause is how long an updated zone holds back the next one.
	UpdatePause time.Duration
}

// Zone is one entry of the list with the cluster that it names.
type Zone struct {
	// Name is the name of the cluster.
	Name string
	// Inline is true where the entry defines the cluster, false where it refers
	// to one.
	Inline bool
	// Revision is the hash of the state that is wanted.
	Revision string
	// Problem says why the wanted state can't be told, if it can't.
	Problem string
	// Cluster is nil where there is none. One that exists and can't be read is
	// given as not healthy, beside Problem.
	Cluster *Cluster
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

// Phase is where a zone stands.
type Phase string

// The phases; the API describes each.
const (
	Pending   Phase = "Pending"
	Missing   Phase = "Missing"
	Creating  Phase = "Creating"
	Updating  Phase = "Updating"
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
	// Generation is what our last write produced; 0 until that has been seen to
	// land.
	Generation int64
	// Reapplied counts how often somebody else's change was overwritten.
	Reapplied int
}

func (r Record) inFlight() bool { return r.Updating != "" }

// target is the revision that was decided on last.
func (r Record) target() string {
	if r.inFlight() {
		return r.Updating
	}
	return r.Revision
}
