// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import "testing"

func TestQueuesGoWithAPodUnlessAVolumeKeepsThem(t *testing.T) {
	const claim = "volumeClaimTemplate: {spec: {resources: {requests: {storage: 1Gi}}}}"
	for _, test := range []struct {
		name, spec string
		want       bool
	}{
		{"nothing said", "replicaCount: 2", true},
		{"statefulMode alone", "statefulMode: true", true},
		{"statefulMode with a claim", "{statefulMode: true, statefulStorage: {" + claim + "}}", false},
		{"statefulMode with an emptyDir", "{statefulMode: true, statefulStorage: {emptyDir: {}}}", true},
		{"a claim without statefulMode", "statefulStorage: {" + claim + "}", true},
		{"a volume of the user's", "volumes: [{name: persistent-queue-data, hostPath: {path: /q}}]", false},
		{"an emptyDir of the user's", "volumes: [{name: persistent-queue-data, emptyDir: {}}]", true},
		{"a volume of another name", "volumes: [{name: data, hostPath: {path: /q}}]", true},
		{"a volume under statefulMode", "{statefulMode: true, volumes: [{name: persistent-queue-data, hostPath: {path: /q}}]}", false},

		{"no queue on disk", "{remoteWrite: [{url: \"http://a\"}, {url: \"http://b\"}], extraArgs: {remoteWrite.disableOnDiskQueue: \"true\"}}", false},
		{"no queue on disk for one of two", "{remoteWrite: [{url: \"http://a\"}, {url: \"http://b\"}], extraArgs: {remoteWrite.disableOnDiskQueue: \"true,false\"}}", true},

		{"tmpDataPath on the claim", "{statefulMode: true, statefulStorage: {" + claim + "}, remoteWriteSettings: {tmpDataPath: /vmagent_pq/vmagent-remotewrite-data/x}}", false},
		{"tmpDataPath beside the claim", "{statefulMode: true, statefulStorage: {" + claim + "}, remoteWriteSettings: {tmpDataPath: /tmp/x}}", true},
		{"tmpDataPath on a volume", "{remoteWriteSettings: {tmpDataPath: /q/x}, volumes: [{name: data, hostPath: {path: /q}}], volumeMounts: [{name: data, mountPath: /q/}]}", false},
		{"tmpDataPath on an emptyDir", "{remoteWriteSettings: {tmpDataPath: /q/x}, volumes: [{name: data, emptyDir: {}}], volumeMounts: [{name: data, mountPath: /q}]}", true},
		{"tmpDataPath on another claim", "{statefulMode: true, claimTemplates: [{metadata: {name: data}}], remoteWriteSettings: {tmpDataPath: /q}, volumeMounts: [{name: data, mountPath: /q}]}", false},
		{"tmpDataPath next to a volume", "{remoteWriteSettings: {tmpDataPath: /query}, volumes: [{name: data, hostPath: {path: /q}}], volumeMounts: [{name: data, mountPath: /q}]}", true},
		{"tmpDataPath by argument", "{statefulMode: true, statefulStorage: {" + claim + "}, extraArgs: {remoteWrite.tmpDataPath: /tmp/x}}", true},
		{"tmpDataPath from nobody knows where", "extraArgs: {remoteWrite.tmpDataPath: \"%{WHERE}\"}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			agent := fromYAML(t, "kind: VMAgent\nmetadata: {name: agent}\nspec:\n"+indent(test.spec))
			if got := QueueGoesWithPod(agent); got != test.want {
				t.Errorf("says %t, want %t", got, test.want)
			}
		})
	}
}
