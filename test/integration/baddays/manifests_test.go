// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// fields is a JSON object, list a JSON list.
type (
	fields = map[string]any
	list   = []any
)

// small is a cluster of one pod per component.
func small(version string) fields {
	one := fields{"replicaCount": int64(1)}
	return fields{"clusterVersion": version, "vmstorage": one, "vmselect": one, "vminsert": one}
}

// zones are those of all tests, in their order.
func zones() []string { return []string{"zone-a", "zone-b", "zone-c"} }

// demo is a VMDistributedCluster of three inline zones at one version, from which the
// VMUser reader reads, and which the VMAgent agent scrapes.
func demo(version string) fields {
	var entries list
	for _, zone := range zones() {
		entries = append(entries, fields{"name": zone, "spec": small(version)})
	}
	return fields{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster",
		"metadata": fields{"name": "demo"},
		"spec": fields{
			"strategy": fields{"updatePause": "0s", "drain": fields{"gracePeriod": "0s"}},
			"vmusers":  list{fields{"name": "reader"}},
			"vmagent":  fields{"name": "agent"},
			"zones":    fields{"vmclusters": entries},
		},
	}
}

// reader is the spec of a VMUser that reads from all zones.
func reader(namespace string) fields {
	var targets list
	for _, zone := range zones() {
		targets = append(targets, fields{
			"crd":   fields{"kind": "VMCluster/vmselect", "name": zone, "namespace": namespace},
			"paths": list{"/select/.*"},
		})
	}
	return fields{"username": "reader", "targetRefs": targets}
}

// agent is the spec of a VMAgent that writes to another zone: no update waits for its
// queues.
func agent() fields {
	return fields{"remoteWrite": list{fields{"url": "http://vminsert-elsewhere:8480/insert/0/prometheus/api/v1/write"}}}
}
