// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Workload names a StatefulSet or Deployment in the VMCluster's namespace.
type Workload struct {
	Kind string
	Name string
}

func (w Workload) String() string { return w.Kind + " " + w.Name }

// Workloads returns what the operator makes for the spec: StatefulSets for
// vmstorage and vmselect, Deployments for vminsert and the requests load
// balancer (factory/vmcluster/vmcluster.go). A component that is absent from the
// spec has none: the operator removes it (deleteOrphaned, same file).
func (c Cluster) Workloads() []Workload {
	var expected []Workload
	for _, part := range componentsOf(c.Spec) {
		expected = append(expected, Workload{Kind: part.workload, Name: part.objectName(c.Name, c.Spec)})
	}
	return expected
}

// WorkloadCluster returns the VMCluster that a workload belongs to, for mapping
// events. The controlling owner counts; without one, as after an orphaning
// delete, the operator's labels do. It is false for all other workloads.
func WorkloadCluster(workload metav1.Object) (namespace, name string, ok bool) {
	if owner := metav1.GetControllerOfNoCopy(workload); owner != nil {
		gv, err := schema.ParseGroupVersion(owner.APIVersion)
		if err != nil || gv.Group != GroupVersion.Group || owner.Kind != VMClusterKind.Kind {
			return "", "", false
		}
		return workload.GetNamespace(), owner.Name, true
	}
	labels := workload.GetLabels()
	if labels[labelPartOf] != partOfValue || labels[labelManagedBy] != managedByValue || labels[labelInstance] == "" {
		return "", "", false
	}
	return workload.GetNamespace(), labels[labelInstance], true
}
