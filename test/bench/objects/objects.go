// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objects makes VMDistributedClusters as users have them, of any number of
// zones.
package objects

import (
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

type fields = map[string]any

// Object is a VMDistributedCluster of a group, as JSON has it, with so many replicas of
// vmselect in its first zone. Its zones are called after it, so that no two objects list
// the same.
func Object(group, namespace, name string, zones, selects int) map[string]any {
	list := make([]any, zones)
	for i := range list {
		list[i] = fields{"name": fmt.Sprintf("%s-%d", name, i), "spec": zoneSpec(2)}
	}
	list[0].(fields)["spec"] = zoneSpec(selects)
	return fields{
		"apiVersion": group + "/" + v1alpha1.SchemeGroupVersion.Version,
		"kind":       vmdistributed.Kind,
		"metadata": fields{
			"name": name, "namespace": namespace,
			"labels": fields{"app.kubernetes.io/part-of": "metrics", "team": "observability"},
		},
		"spec": fields{
			"strategy": fields{"updatePause": "0s"},
			"zones":    fields{"vmclusters": list},
		},
	}
}

// zoneSpec is that of a VMCluster in production.
func zoneSpec(selects int) fields {
	return fields{
		"retentionPeriod":    "3",
		"replicationFactor":  2,
		"clusterVersion":     "v1.149.0-cluster",
		"serviceAccountName": "victoria-metrics",
		"requestsLoadBalancer": fields{
			"enabled": true, "spec": fields{"replicaCount": 2},
		},
		"vmstorage": component("vmstorage", 3, "4", "16Gi", fields{
			"storageDataPath": "/vm-data",
			"storage": fields{"volumeClaimTemplate": fields{"spec": fields{
				"storageClassName": "fast", "accessModes": []any{"ReadWriteOnce"},
				"resources": fields{"requests": fields{"storage": "500Gi"}},
			}}},
		}),
		"vmselect": component("vmselect", selects, "2", "8Gi", fields{
			"cacheMountPath": "/select-cache",
			"storage": fields{"volumeClaimTemplate": fields{"spec": fields{
				"resources": fields{"requests": fields{"storage": "20Gi"}},
			}}},
		}),
		"vminsert": component("vminsert", 2, "2", "2Gi", fields{}),
	}
}

func component(name string, replicas int, cpu, memory string, more fields) fields {
	spec := fields{
		"replicaCount": replicas,
		"logLevel":     "INFO",
		"logFormat":    "json",
		"extraArgs":    fields{"http.shutdownDelay": "30s", "search.maxQueryDuration": "60s", "loggerTimezone": "UTC"},
		"resources": fields{
			"requests": fields{"cpu": cpu, "memory": memory},
			"limits":   fields{"cpu": cpu, "memory": memory},
		},
		"podMetadata": fields{"labels": fields{"component": name}, "annotations": fields{"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}},
		"topologySpreadConstraints": []any{fields{
			"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
			"labelSelector": fields{"matchLabels": fields{"app.kubernetes.io/name": name}},
		}},
		"nodeSelector": fields{"node.kubernetes.io/pool": "metrics"},
		"tolerations":  []any{fields{"key": "dedicated", "operator": "Equal", "value": "metrics", "effect": "NoSchedule"}},
	}
	for key, value := range more {
		spec[key] = value
	}
	return spec
}
