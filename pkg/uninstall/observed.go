// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import "k8s.io/apimachinery/pkg/types"

// Observed is what there is of the server in a cluster.
type Observed struct {
	// Namespace is that of the server.
	Namespace string `json:"namespace"`
	// Objects are those that have names of ours, in the order in which they would go.
	Objects []Object `json:"objects,omitempty"`
	// Records are the namespaces and names of the objects that are kept as records.
	Records []string `json:"records,omitempty"`
	// Revisions are the namespaces and names of the ControllerRevisions that say what there
	// is to go back to.
	Revisions []string `json:"revisions,omitempty"`
	// Drains are what rollouts have taken out of VMUsers.
	Drains []Drain `json:"drains,omitempty"`
	// InWork are the objects that the server is doing something for, and what.
	InWork []Work `json:"inWork,omitempty"`
	// Halt is what keeps the server from going on with any of that; nil where nothing does.
	Halt *Halt `json:"halt,omitempty"`
	// Silent says why nobody can tell whether there are such; "" where the server has told.
	Silent string `json:"silent,omitempty"`
	// OperatorKinds are those of the operator that our APIService hides.
	OperatorKinds []string `json:"operatorKinds,omitempty"`
	// Marked is how many objects of the operator's kinds carry a mark of ours.
	Marked int `json:"marked"`
	// Inhabitants is what else there is in the namespace: by it, that has to stay.
	Inhabitants []string `json:"inhabitants,omitempty"`
}

// Object is one that has a name of ours.
type Object struct {
	Ref
	// Stage says when it goes.
	Stage Stage `json:"-"`
	// UID is that of the object that was looked at: only this one goes.
	UID types.UID `json:"uid"`
	// NotOurs says why it is somebody else's, "" where it is ours.
	NotOurs string `json:"notOurs,omitempty"`
}

// Drain is one that a VMUser carries the record of.
type Drain struct {
	// User is the namespace and name of the VMUser, Owner those of the
	// VMDistributedCluster, Zone the zone that the VMUser lacks.
	User  string `json:"user"`
	Owner string `json:"owner,omitempty"`
	Zone  string `json:"zone,omitempty"`
	// Unreadable says why nobody knows the latter two.
	Unreadable string `json:"unreadable,omitempty"`
}

// Work is what the server does for an object.
type Work struct {
	// Object is the namespace and name.
	Object string `json:"object"`
	// Doing says what.
	Doing string `json:"doing"`
	// Between tells whether no zone is drained or being changed: a rollout that is held now leaves none so.
	Between bool `json:"between,omitempty"`
	// Paused tells whether it goes no further since somebody wants so.
	Paused bool `json:"paused,omitempty"`
}

// Halt is the switch that stops the server for all objects.
type Halt struct {
	// Switch is what is there, in words, and Reason what its maker says.
	Switch string `json:"switch"`
	Reason string `json:"reason,omitempty"`
	// Unknown says why it can't be told whether it is there; "" where it can.
	Unknown string `json:"unknown,omitempty"`
}
