// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import "strings"

// The labels of everything that the operator makes for a VMCluster
// (ClusterSelectorLabels and AddClusterLabels in types/vmextra_types.go,
// FinalLabels in types/vmcluster_types.go). spec.managedMetadata adds labels and
// cannot change these.
const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "managed-by"

	componentValue = "monitoring"
	partOfValue    = "vmcluster"
	managedByValue = "vm-operator"

	// The labels that load balancing adds to Services and their scrapes.
	labelProxyName    = "operator.victoriametrics.com/vmauthlb-proxy-name"
	labelProxyJobName = "operator.victoriametrics.com/vmauthlb-proxy-job-name"
)

// WorkloadSelector selects the StatefulSets and Deployments of all VMClusters.
const WorkloadSelector = labelPartOf + "=" + partOfValue + "," + labelManagedBy + "=" + managedByValue

// WorkloadSelectorFor selects those of some VMClusters, and of all without any.
func WorkloadSelectorFor(clusters ...string) string {
	switch len(clusters) {
	case 0:
		return WorkloadSelector
	case 1:
		return WorkloadSelector + "," + labelInstance + "=" + clusters[0]
	}
	return WorkloadSelector + "," + labelInstance + " in (" + strings.Join(clusters, ",") + ")"
}
