// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import "github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"

// Facts are what there is in a cluster of all that matters to an installation. What
// could not be found out is in Unknown, and left at its zero value.
type Facts struct {
	// Namespace is where the server is to run.
	Namespace string `json:"namespace"`
	// Version is that of the cluster, such as v1.37.1.
	Version string `json:"version"`
	// Served are the resources that discovery lists, as group/version/resource, where
	// the core group is v1/resource.
	Served map[string]bool `json:"-"`
	// Incomplete are the groups whose discovery failed, with the reason.
	Incomplete map[string]string `json:"incomplete,omitempty"`
	// Kinds are those of the operator's group that the server would hide.
	Kinds []Kind `json:"kinds,omitempty"`
	// First and Second are the APIServices of the two groups.
	First  APIService `json:"first"`
	Second APIService `json:"second"`
	// OtherAPIServices are those of other aggregated servers.
	OtherAPIServices []OtherAPIService `json:"otherAPIServices,omitempty"`
	// Operators are the Deployments that look like the operator's.
	Operators []Operator `json:"operators,omitempty"`
	// RequestHeaderCA tells whether the cluster says by which authority it proves to be
	// the aggregator.
	RequestHeaderCA bool `json:"requestHeaderCA"`
	// NamespacePhase is that of Namespace; "" where it doesn't exist.
	NamespacePhase string `json:"namespacePhase,omitempty"`
	// Records are what a server with --storage=host has stored.
	Records Records `json:"records"`
	// Store is the one that the cluster knows from an earlier installation.
	Store identity.Known `json:"store"`
	// Marks are what VMDistributedClusters have left in the cluster, one for each of them,
	// in words. They are looked for where there are no records.
	Marks []string `json:"marks,omitempty"`
	// MayNot are the rights that whoever asks lacks to apply the manifests.
	MayNot []string `json:"mayNot,omitempty"`
	// ServerMayNot are those that the server's account lacks, where it exists.
	ServerMayNot []string `json:"serverMayNot,omitempty"`
	// ServerAccount tells whether that account exists.
	ServerAccount bool `json:"serverAccount"`
	// Unknown is what could not be found out.
	Unknown []Unknown `json:"unknown,omitempty"`
}

// Kind is one that the operator's CustomResourceDefinitions put into the version that
// the server serves.
type Kind struct {
	// Resource is its plural.
	Resource string `json:"resource"`
	// Objects is how many there are, at least; -1 where that can't be told.
	Objects int `json:"objects"`
}

// Standing is what an APIService is.
type Standing string

// The standings there are.
const (
	// Absent: nobody serves the group and version.
	Absent Standing = "absent"
	// Automanaged: kube-apiserver serves it, by CustomResourceDefinitions, and puts the
	// APIService back to that whenever it is changed.
	Automanaged Standing = "automanaged"
	// Local: kube-apiserver serves it, and leaves the APIService alone.
	Local Standing = "local"
	// Ours: it names the Service of this server.
	Ours Standing = "ours"
	// Foreign: it names another Service.
	Foreign Standing = "foreign"
)

// APIService is how the aggregator has a group and version served.
type APIService struct {
	Name     string   `json:"name"`
	Standing Standing `json:"standing,omitempty"`
	// Service is the namespace and name of what serves it.
	Service string `json:"service,omitempty"`
	// Kept tells whether the label is there that keeps kube-apiserver from turning it
	// back.
	Kept bool `json:"kept,omitempty"`
}

// OtherAPIService is one of another aggregated server.
type OtherAPIService struct {
	Name      string `json:"name"`
	Available bool   `json:"available"`
	// Message is that of its condition, where it is not available.
	Message string `json:"message,omitempty"`
}

// Operator is a Deployment of the VictoriaMetrics operator.
type Operator struct {
	// Name has the namespace too.
	Name string `json:"name"`
	// LeavesAlone are the kinds that it is told not to reconcile.
	LeavesAlone []string `json:"leavesAlone,omitempty"`
}

// Records are what is stored in the cluster itself.
type Records struct {
	// Defined tells whether their CustomResourceDefinition is there.
	Defined bool `json:"defined"`
	// Count is how many there are, at least; -1 where that can't be told.
	Count int `json:"count"`
	// ID is the identity of the store that they are in: the uid of the definition.
	ID string `json:"id,omitempty"`
	// Leaving tells whether the definition is being deleted, with all of them.
	Leaving bool `json:"leaving,omitempty"`
}

// Unknown is something that could not be found out.
type Unknown struct {
	What string `json:"what"`
	Why  string `json:"why"`
	// Right is what whoever asks lacks to find it out, if that is why.
	Right string `json:"right,omitempty"`
}
