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
}
