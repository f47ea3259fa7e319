// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The verbs are subresources that take a POST. Of the metadata in a body, name and
// namespace may be left out; a resourceVersion that is given has to be the one that the
// VMDistributedCluster has now. The answer is the body, completed.

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterPromotion is the user's word to go on with zones though
// something can't be proven: that a queue is empty, that no sample was dropped, that a
// VMCluster which was made anew may be read from, or that VMUsers are left alone; or to
// begin with zones that wait for it by spec.strategy.approval. It is the body of the
// subresource promote.
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
	Zones []ZoneRevision `json:"zones,omitempty"`
	// reason is kept with the word; up to 1024 bytes.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// ZoneRevision is the desired state of a zone.
type ZoneRevision struct {
	// name of the zone.
	Name string `json:"name"`
	// revision is the hash of its desired state. If given, it has to be the present one.
	// +optional
	Revision string `json:"revision,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +k8s:validation-gen=false

// VMDistributedClusterAbort calls a change off: no other zone is begun, and one that is
// drained and not written gets its reads back. It is the body of the subresource abort.
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

// VMDistributedClusterRetry lets a change go on that was called off, and has zones be
// tried again that have failed, were given up as contended, or were skipped. It is the body of the
// subresource retry.
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
	Zones []ZoneRevision `json:"zones,omitempty"`
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

// WordVerb is what a word is.
// +enum
type WordVerb string

const (
	// WordPromote goes on with a zone.
	WordPromote WordVerb = "Promote"
	// WordApprove lets a zone be changed, where that waits for the user by the strategy.
	WordApprove WordVerb = "Approve"
	// WordAbort calls a change off.
	WordAbort WordVerb = "Abort"
	// WordRetry tries it again.
	WordRetry WordVerb = "Retry"
	// WordUndo goes back to another revision.
	WordUndo WordVerb = "Undo"
	// WordSkip leaves a zone out.
	WordSkip WordVerb = "Skip"
	// WordRestart has every zone be rolled out once more.
	WordRestart WordVerb = "Restart"
)

// Word is what somebody has said by one of the verbs.
type Word struct {
	// verb is Promote, Approve, Abort, Retry, Undo, Skip or Restart.
	Verb WordVerb `json:"verb"`
	// zone that it is for; empty for all.
	// +optional
	Zone string `json:"zone,omitempty"`
	// revision that it is for: of the zone, or of all zones.
	Revision string `json:"revision"`
	// to is the revision that one was undone to; left out of any other verb.
	// +optional
	To string `json:"to,omitempty"`
	// by is the name of the user who said it.
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
