// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/aborts"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/claim"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
)

const (
	// serverName is that of the Deployment and the Service, and begins that of most else.
	serverName = "vmdistributed-apiserver"
	// version is the one of both groups.
	version       = "v1alpha1"
	operatorGroup = "operator.victoriametrics.com"
	ownGroup      = "distributed.victoriametrics.com"
	// ownResource is what the server serves in them.
	ownResource = "vmdistributedclusters"

	recordsDefinition = storagev1.VMDistributedClusterRecords + "." + storagev1.GroupName
)

// Stage says when something goes.
type Stage int

// The stages, in their order.
const (
	// Registration is what has the aggregator ask the server. As long as it is there and
	// the server is not, no namespace of the cluster can be deleted.
	Registration Stage = iota
	// Workload is what runs the server.
	Workload
	// Surroundings are what pods and requests need.
	Surroundings
	// Store is where objects are, and what says so.
	Store
	// Rights are those of the server, which it needs until it has ended, and of people.
	Rights
	// Home is the namespace.
	Home
)

// Ref names an object of the cluster.
type Ref struct {
	Kind      string                      `json:"kind"`
	Resource  schema.GroupVersionResource `json:"-"`
	Namespace string                      `json:"namespace,omitempty"`
	Name      string                      `json:"name"`
}

func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return fmt.Sprintf("%s %s/%s", r.Kind, r.Namespace, r.Name)
}

// item is something that the manifests or the server make.
type item struct {
	Ref
	stage Stage
	ours  sign
}

// kind is one of those of which there are items.
type kind struct {
	name     string
	resource schema.GroupVersionResource
}

// kindOf is one whose version is v1, as that of all of them is but the operator's.
func kindOf(name, group, resource string) kind {
	return kind{name, schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}}
}

// inventory is all that may have to go, in the order in which it does. A server in
// another namespace than that of the manifests has everything there.
func inventory(namespace string) []item {
	return slices.Concat(registrations(namespace), workloads(namespace), surroundings(namespace), store(namespace), rights(namespace), leases(namespace), home(namespace))
}

// several are items of one kind; namespace is "" for those that are in none.
func several(of kind, stage Stage, namespace string, ours sign, names ...string) []item {
	var all []item
	for _, name := range names {
		all = append(all, item{Ref{of.name, of.resource, namespace, name}, stage, ours})
	}
	return all
}

func registrations(namespace string) []item {
	return several(kindOf("APIService", "apiregistration.k8s.io", "apiservices"), Registration, "", sendsTo(namespace),
		version+"."+operatorGroup, version+"."+ownGroup)
}

func workloads(namespace string) []item {
	selects := labelled("spec", "selector", "matchLabels")
	return slices.Concat(
		several(kindOf("Deployment", "apps", "deployments"), Workload, namespace, selects, serverName),
		several(kindOf("StatefulSet", "apps", "statefulsets"), Workload, namespace, selects, serverName),
	)
}

func surroundings(namespace string) []item {
	issued := kindOf("Secret", "", "secrets")
	certificate, issuer := kindOf("Certificate", "cert-manager.io", "certificates"), kindOf("Issuer", "cert-manager.io", "issuers")
	scrape := kind{"VMServiceScrape", schema.GroupVersionResource{Group: operatorGroup, Version: "v1beta1", Resource: "vmservicescrapes"}}
	return slices.Concat(
		several(scrape, Surroundings, namespace, labelled("spec", "selector", "matchLabels"), serverName),
		several(kindOf("PodDisruptionBudget", "policy", "poddisruptionbudgets"), Surroundings, namespace, labelled("spec", "selector", "matchLabels"), serverName),
		several(kindOf("NetworkPolicy", "networking.k8s.io", "networkpolicies"), Surroundings, namespace, labelled("spec", "podSelector", "matchLabels"), serverName),
		several(kindOf("Service", "", "services"), Surroundings, namespace, leadsToServer, serverName),
		several(kindOf("FlowSchema", "flowcontrol.apiserver.k8s.io", "flowschemas"), Surroundings, "", queues(namespace), serverName, serverName+"-leases"),
		several(kindOf("PriorityClass", "scheduling.k8s.io", "priorityclasses"), Surroundings, "", describedAsOurs, serverName),
		several(certificate, Surroundings, namespace, byName, serverName+"-serving", serverName+"-ca"),
		several(issuer, Surroundings, namespace, byName, serverName+"-ca", serverName+"-selfsigned"),
		// cert-manager leaves them when a Certificate goes.
		several(issued, Surroundings, namespace, issuedByCertManager, serverName+"-serving", serverName+"-ca"),
		several(issued, Surroundings, namespace, managed, serverName+"-certificate"),
	)
}

// store has neither the records, of which there is one for each object, nor an etcd of
// somebody's.
func store(namespace string) []item {
	return slices.Concat(
		several(kindOf("CustomResourceDefinition", "apiextensions.k8s.io", "customresourcedefinitions"), Store, "", byName, recordsDefinition),
		several(kindOf("PersistentVolumeClaim", "", "persistentvolumeclaims"), Store, namespace, labelled("metadata", "labels"), "store-"+serverName+"-0"),
		several(kindOf("ConfigMap", "", "configmaps"), Store, namespace, byName, identity.ConfigMap, aborts.ConfigMap),
	)
}

// rights begin with the bindings: a role that is bound and gone says nothing to whoever
// looks at the binding.
func rights(namespace string) []item {
	const group = "rbac.authorization.k8s.io"
	clusterRole, clusterBinding := kindOf("ClusterRole", group, "clusterroles"), kindOf("ClusterRoleBinding", group, "clusterrolebindings")
	role, binding := kindOf("Role", group, "roles"), kindOf("RoleBinding", group, "rolebindings")
	server, own := []string{serverName, serverName + "-records", serverName + "-certificate"}, []string{serverName, serverName + "-certificate", serverName + "-embedded-store"}
	return slices.Concat(
		several(clusterBinding, Rights, "", binds(namespace), append(server, serverName+":auth-delegator")...),
		several(binding, Rights, "kube-system", binds(namespace), serverName+":authentication-reader"),
		several(binding, Rights, namespace, binds(namespace), own...),
		several(clusterRole, Rights, "", byName, server...),
		several(role, Rights, namespace, byName, own...),
		several(clusterRole, Rights, "", aboutZones, "vmdistributed-view", "vmdistributed-edit", "vmdistributed-zones-edit", "vmdistributed-beside-view", "vmdistributed-beside-edit"),
		several(clusterRole, Rights, "", byName, "vmdistributed-metrics-reader"),
		several(kindOf("ServiceAccount", "", "serviceaccounts"), Rights, namespace, byName, serverName),
	)
}

func leases(namespace string) []item {
	return several(kindOf("Lease", "coordination.k8s.io", "leases"), Rights, namespace, byName, leader.LeaseName, claim.LeaseName)
}

func home(namespace string) []item {
	return several(kindOf("Namespace", "", "namespaces"), Home, "", byName, namespace)
}
