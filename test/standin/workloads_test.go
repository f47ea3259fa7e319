// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const zone = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata: {name: zone-a, namespace: ns, uid: u1}
spec:
  clusterVersion: v1.2.3-cluster
  managedMetadata: {labels: {team: a, managed-by: me}, annotations: {note: hello}}
  vmstorage: {replicaCount: 3}
  vmselect: {replicaCount: 2, rollingUpdateStrategy: RollingUpdate, image: {tag: v9}, podMetadata: {labels: {tier: read}}}
  vminsert: {hpa: {minReplicas: 4}, extraArgs: {b: "2", a: "1"}}
  requestsLoadBalancer: {enabled: true}
`

func TestAVMClusterHasTheWorkloadsOfTheOperator(t *testing.T) {
	all := workloads(t, clusterResource, object(t, zone))
	expect(t, names(all), []string{
		"statefulsets vmstorage-zone-a 3", "statefulsets vmselect-zone-a 2",
		"deployments vminsert-zone-a 4", "deployments vmclusterlb-zone-a 1",
	})
	storage, lb := all[0].object, all[3].object
	expect(t, storage.GetLabels(), map[string]string{
		"app.kubernetes.io/name": "vmstorage", "app.kubernetes.io/instance": "zone-a", "app.kubernetes.io/component": "monitoring",
		"app.kubernetes.io/part-of": "vmcluster", "managed-by": "vm-operator", "team": "a",
	})
	expect(t, lb.GetLabels()["app.kubernetes.io/name"], "vmclusterlb-vmauth-balancer")
	expect(t, storage.GetAnnotations()["note"], "hello")
	owner, ok := ownerOf(storage)
	expect(t, owner, key{resource: clusterResource, namespace: "ns", name: "zone-a"})
	expect(t, ok, true)
	expect(t, field(t, storage, "spec", "updateStrategy", "type"), "OnDelete")
	expect(t, field(t, all[1].object, "spec", "updateStrategy", "type"), "RollingUpdate")
	expect(t, field(t, all[2].object, "spec", "strategy", "type"), "RollingUpdate")
	expect(t, field(t, all[1].object, "spec", "template", "metadata", "labels", "tier"), "read")
	expect(t, container(t, storage)["image"], "victoriametrics/vmstorage:v1.2.3-cluster")
	expect(t, container(t, all[1].object)["image"], "victoriametrics/vmselect:v9")
	expect(t, container(t, all[2].object)["args"], []any{"-a=1", "-b=2"})
}

func TestAVMClusterWithoutAComponentHasNoWorkloadForIt(t *testing.T) {
	cluster := object(t, zone)
	unstructured.RemoveNestedField(cluster.Object, "spec", "vmselect")
	unstructured.RemoveNestedField(cluster.Object, "spec", "requestsLoadBalancer")
	set(t, cluster, true, "spec", "useLegacyNaming")
	expect(t, names(workloads(t, clusterResource, cluster)), []string{
		"statefulsets zone-a-vmstorage 3", "deployments zone-a-vminsert 4",
	})
}

func TestAChangeMovesTheRevisionsOfThoseThatItRestarts(t *testing.T) {
	const storage, reads, writes, lb = "vmstorage-zone-a", "vmselect-zone-a", "vminsert-zone-a", "vmclusterlb-zone-a"
	for name, c := range map[string]struct {
		value any
		path  []string
		moved []string
	}{
		"nothing":            {false, []string{"spec", "paused"}, nil},
		"one component":      {"INFO", []string{"spec", "vminsert", "logLevel"}, []string{writes}},
		"what all share":     {"v2-cluster", []string{"spec", "clusterVersion"}, []string{storage, reads, writes, lb}},
		"the balancer":       {"INFO", []string{"spec", "requestsLoadBalancer", "spec", "logLevel"}, []string{lb}},
		"the number of pods": {int64(5), []string{"spec", "requestsLoadBalancer", "spec", "replicaCount"}, nil},
		"how many read":      {int64(5), []string{"spec", "vmselect", "replicaCount"}, []string{reads}},
		"the storage nodes":  {int64(5), []string{"spec", "vmstorage", "replicaCount"}, []string{reads, writes}},
	} {
		t.Run(name, func(t *testing.T) {
			before := workloads(t, clusterResource, object(t, zone))
			changed := object(t, zone)
			set(t, changed, c.value, c.path...)
			var moved []string
			for i, w := range workloads(t, clusterResource, changed) {
				if w.revision != before[i].revision {
					moved = append(moved, w.object.GetName())
				}
			}
			expect(t, moved, c.moved)
		})
	}
}

func TestAClusterMadeAnewRedefinesWhatAnOldOneLeft(t *testing.T) {
	left := workloads(t, clusterResource, object(t, zone))[0].object
	cluster := object(t, zone)
	cluster.SetUID("u2")
	if wanted := workloads(t, clusterResource, cluster)[0].object; isDefinedAs(left, wanted) {
		t.Error("the workload of the deleted cluster is taken for the new one's")
	}
}

const agent = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAgent
metadata: {name: main, namespace: ns, uid: u1}
spec: {replicaCount: 2, remoteWrite: [{url: "http://x"}]}
`

func TestAVMAgentHasAWorkloadForEachShard(t *testing.T) {
	for name, c := range map[string]struct {
		spec map[string]any
		want []string
	}{
		"unsharded":     {nil, []string{"deployments vmagent-main 2"}},
		"stateful":      {map[string]any{"statefulMode": true}, []string{"statefulsets vmagent-main 2"}},
		"sharded":       {map[string]any{"shardCount": int64(2)}, []string{"deployments vmagent-main-0 2", "deployments vmagent-main-1 2"}},
		"legacy naming": {map[string]any{"useLegacyNaming": true}, []string{"deployments main 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			obj := object(t, agent)
			for field, value := range c.spec {
				set(t, obj, value, "spec", field)
			}
			expect(t, names(workloads(t, agentResource, obj)), c.want)
		})
	}
}

func TestADaemonSetIsRefused(t *testing.T) {
	obj := object(t, agent)
	set(t, obj, true, "spec", "daemonSetMode")
	if _, err := workloadsOf(agentResource, obj); err == nil {
		t.Error("no error")
	}
}

func TestAVMAuthHasADeployment(t *testing.T) {
	obj := object(t, "{apiVersion: operator.victoriametrics.com/v1beta1, kind: VMAuth, metadata: {name: main, namespace: ns}, spec: {}}")
	expect(t, names(workloads(t, authResource, obj)), []string{"deployments vmauth-main 1"})
}

func workloads(t *testing.T, resource string, obj *unstructured.Unstructured) []workload {
	t.Helper()
	result, err := workloadsOf(resource, obj)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// names describes workloads in short.
func names(all []workload) []string {
	var result []string
	for _, w := range all {
		result = append(result, fmt.Sprintf("%s %s %d", w.resource, w.object.GetName(), w.replicas))
	}
	return result
}

func field(t *testing.T, obj *unstructured.Unstructured, path ...string) any {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(obj.Object, path...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func set(t *testing.T, obj *unstructured.Unstructured, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
		t.Fatal(err)
	}
}

func container(t *testing.T, obj *unstructured.Unstructured) map[string]any {
	t.Helper()
	containers, ok := field(t, obj, "spec", "template", "spec", "containers").([]any)
	if !ok || !slices.ContainsFunc(containers, func(any) bool { return true }) {
		t.Fatalf("%s has no containers", obj.GetName())
	}
	return containers[0].(map[string]any)
}
