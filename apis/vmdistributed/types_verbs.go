// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterPromotion is the user's word to go on with zones though
// something can't be proven.
type VMDistributedClusterPromotion struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	// Zones are those that the word is for; none for each that waits for it.
	Zones  []ZoneRevision
	Reason string
}

// ZoneRevision is the desired state of a zone.
type ZoneRevision struct {
	Name     string
	Revision string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterAbort calls a change off.
type VMDistributedClusterAbort struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Revision string
	Reason   string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterRetry lets a change go on that was called off, or has failed.
type VMDistributedClusterRetry struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Revision string
	// Zones are those that are tried again alone; none for all but the skipped.
	Zones  []ZoneRevision
	Reason string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterSkip leaves a zone out of the rollout of its present revision.
type VMDistributedClusterSkip struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Zone     string
	Revision string
	Reason   string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterRestart has every zone be rolled out once more, as it is.
type VMDistributedClusterRestart struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Revision string
	Reason   string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// VMDistributedClusterUndo has another revision rolled out than that which spec asks
// for.
type VMDistributedClusterUndo struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Revision   string
	ToRevision string
	Reason     string
}

// WordVerb is what a word is.
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
	Verb WordVerb
	// Zone that it is for; empty for all.
	Zone string
	// Revision that it is for: of the zone, or of all zones.
	Revision string
	// To is the revision that one was undone to; empty for any other verb.
	To     string
	By     string
	At     metav1.Time
	Reason string
}
