// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	// VMDistributedCluster was then. Added to it is by whom, when and why the revision was
	// restarted, aborted or undone, and a zone skipped.
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
