// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

// The kinds of workloads.
const (
	statefulSetKind = "StatefulSet"
	deploymentKind  = "Deployment"
	daemonSetKind   = "DaemonSet"
)

// component is a part of a VMCluster with a workload of its own.
type component struct {
	// field is its key in the spec.
	field string
	// name is its part of the names of its objects.
	name string
	// label is the value of app.kubernetes.io/name on its objects.
	label string
	// workload is the kind of its workload.
	workload string
}

// The components, in the order in which the operator updates them, the load
// balancer apart, which it does first (CreateOrUpdate,
// factory/vmcluster/vmcluster.go). Names and labels are from ClusterPrefixedName
// and ClusterSelectorLabels in types/vmextra_types.go.
var (
	vmstorage = component{field: "vmstorage", name: "vmstorage", label: "vmstorage", workload: statefulSetKind}
	vmselect  = component{field: "vmselect", name: "vmselect", label: "vmselect", workload: statefulSetKind}
	vminsert  = component{field: "vminsert", name: "vminsert", label: "vminsert", workload: deploymentKind}
	balancer  = component{field: "requestsLoadBalancer", name: "vmclusterlb", label: "vmclusterlb-vmauth-balancer", workload: deploymentKind}
)

// componentsOf returns the components that a spec asks for. vmstorage, vmselect
// and vminsert are there when their section is, the load balancer when it is
// enabled.
func componentsOf(spec map[string]any) []component {
	var there []component
	for _, c := range []component{vmstorage, vmselect, vminsert} {
		if spec[c.field] != nil {
			there = append(there, c)
		}
	}
	if flag(spec, balancer.field, "enabled") {
		there = append(there, balancer)
	}
	return there
}

// objectName is the name of a component's workload, Service and scrape:
// vmstorage-main, or main-vmstorage under spec.useLegacyNaming (PrefixedName,
// types/vmcluster_types.go; since v0.73.0).
func (c component) objectName(cluster string, spec map[string]any) string {
	if flag(spec, "useLegacyNaming") {
		return cluster + "-" + c.name
	}
	return c.name + "-" + cluster
}

// settings is the map with the component's own settings, nil without one.
func (c component) settings(spec map[string]any) map[string]any {
	if c == balancer {
		return object(spec, c.field, "spec")
	}
	return object(spec, c.field)
}
