// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// clusterSpec is the part of a VMCluster's spec that its workloads are made
// from, apart from the components themselves.
type clusterSpec struct {
	ClusterVersion  string     `json:"clusterVersion"`
	UseLegacyNaming bool       `json:"useLegacyNaming"`
	ManagedMetadata metadata   `json:"managedMetadata"`
	VMStorage       *component `json:"vmstorage"`
	VMSelect        *component `json:"vmselect"`
	VMInsert        *component `json:"vminsert"`
	LoadBalancer    struct {
		Enabled bool      `json:"enabled"`
		Spec    component `json:"spec"`
	} `json:"requestsLoadBalancer"`
}

// clusterComponent is one component of a VMCluster.
type clusterComponent struct {
	// prefix begins the name of the workload; program is what runs in it.
	prefix, program, label string
	// path leads to the component in the spec.
	path      []string
	component *component
	stateful  bool
}

func (s clusterSpec) components() []clusterComponent {
	all := []clusterComponent{
		{prefix: "vmstorage", path: []string{"vmstorage"}, component: s.VMStorage, stateful: true},
		{prefix: "vmselect", path: []string{"vmselect"}, component: s.VMSelect, stateful: true},
		{prefix: "vminsert", path: []string{"vminsert"}, component: s.VMInsert},
	}
	for i := range all {
		all[i].program, all[i].label = all[i].prefix, all[i].prefix
	}
	if s.LoadBalancer.Enabled {
		all = append(all, clusterComponent{
			prefix: "vmclusterlb", program: "vmauth", label: "vmclusterlb-vmauth-balancer",
			path: []string{"requestsLoadBalancer", "spec"}, component: &s.LoadBalancer.Spec,
		})
	}
	return all
}

// clusterWorkloads returns what a VMCluster consists of.
func clusterWorkloads(cluster *unstructured.Unstructured) ([]workload, error) {
	var spec clusterSpec
	if err := decode(cluster, "spec", &spec); err != nil {
		return nil, err
	}
	var result []workload
	for _, c := range spec.components() {
		if c.component == nil {
			continue
		}
		w, err := spec.design(cluster, c).workload()
		if err != nil {
			return nil, err
		}
		result = append(result, w)
	}
	return result, nil
}

func (s clusterSpec) design(cluster *unstructured.Unstructured, c clusterComponent) design {
	name := c.prefix + "-" + cluster.GetName()
	if s.UseLegacyNaming {
		name = cluster.GetName() + "-" + c.prefix
	}
	d := design{
		owner: cluster, name: name, service: name, program: c.program, programLabel: c.label,
		labels: map[string]string{partOfLabel: "vmcluster"}, managed: s.ManagedMetadata,
		component: *c.component, settings: s.settings(cluster, c), stateful: c.stateful,
	}
	if c.prefix != "vmclusterlb" {
		d.version = s.ClusterVersion
	}
	return d
}

// settings are what restarts the pods of a component when it changes: its own
// part of the spec, what all components share, and the numbers of those pods
// that it addresses one by one.
func (s clusterSpec) settings(cluster *unstructured.Unstructured, c clusterComponent) any {
	spec := nested(cluster.Object, "spec")
	result := map[string]any{
		"shared": without(spec, "paused", "vmstorage", "vmselect", "vminsert", "requestsLoadBalancer", "managedMetadata"),
		"own":    without(nested(spec, c.path...), "replicaCount", "hpa"),
	}
	if s.VMStorage != nil && (c.prefix == "vmselect" || c.prefix == "vminsert") {
		result["storageNodes"] = s.VMStorage.replicas()
	}
	if c.prefix == "vmselect" && c.component.HPA == nil {
		result["selectNodes"] = c.component.replicas()
	}
	return result
}
