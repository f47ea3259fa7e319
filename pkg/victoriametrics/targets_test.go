// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

func slicesFromYAML(t *testing.T, document string) []discoveryv1.EndpointSlice {
	t.Helper()
	var list []discoveryv1.EndpointSlice
	if err := yaml.UnmarshalStrict([]byte(document), &list); err != nil {
		t.Fatalf("test slices: %v", err)
	}
	for i := range list {
		s := &list[i]
		if s.Namespace == "" {
			s.Namespace = "monitoring"
		}
		if s.Labels == nil {
			s.Labels = map[string]string{"kubernetes.io/service-name": "vmagent-global"}
		}
		if s.AddressType == "" {
			s.AddressType = discoveryv1.AddressTypeIPv4
		}
	}
	return list
}

func TestTargetsAreThePodsOfTheService(t *testing.T) {
	pod := func(name, url string) PodTarget { return PodTarget{Pod: name, URL: url, Ready: true} }
	for _, test := range []struct {
		name, slices string
		want         []PodTarget
	}{
		{"pods in two slices, in order of names", `
- {ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.2], targetRef: {kind: Pod, name: b}}]}
- {ports: [{name: graphite, port: 1}, {name: http, port: 8430}], endpoints: [{addresses: [192.0.2.1, 192.0.2.9], targetRef: {kind: Pod, name: a}}]}
`, []PodTarget{pod("a", "http://192.0.2.1:8430/metrics"), pod("b", "http://192.0.2.2:8429/metrics")}},
		{"those of others left out", `
- {metadata: {labels: {kubernetes.io/service-name: vmagent-other}}, ports: [{name: http, port: 1}], endpoints: [{addresses: [192.0.2.2]}]}
- {metadata: {labels: {}}, ports: [{name: http, port: 1}], endpoints: [{addresses: [192.0.2.2]}]}
- {metadata: {namespace: other}, ports: [{name: http, port: 1}], endpoints: [{addresses: [192.0.2.2]}]}
`, []PodTarget{}},
		{"one in the middle of its way between slices", `
- {metadata: {name: old}, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1], conditions: {ready: false, serving: true, terminating: true}, targetRef: {kind: Pod, name: a}}]}
- {metadata: {name: new}, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1], targetRef: {kind: Pod, name: a}}]}
`, []PodTarget{{Pod: "a", URL: "http://192.0.2.1:8429/metrics", Ready: true, Terminating: true}}},
		{"the same with the names the other way round", `
- {metadata: {name: z-old}, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1], conditions: {ready: false, serving: false, terminating: true}, targetRef: {kind: Pod, name: a}}]}
- {metadata: {name: new}, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1], targetRef: {kind: Pod, name: a}}]}
- {metadata: {name: a-old}, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.2], conditions: {serving: false, terminating: true}, targetRef: {kind: Pod, name: b}}]}
- {metadata: {name: new}, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.2], targetRef: {kind: Pod, name: b}}]}
`, []PodTarget{{Pod: "a", URL: "http://192.0.2.1:8429/metrics", Terminating: true}, {Pod: "b", URL: "http://192.0.2.2:8429/metrics", Terminating: true}}},
		{"dual stack", `
- {addressType: IPv6, ports: [{name: http, port: 8429}], endpoints: [{addresses: ["2001:db8::1"], targetRef: {kind: Pod, name: a}}, {addresses: ["2001:db8::2"], targetRef: {kind: Pod, name: b}}]}
- {addressType: IPv4, ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1], targetRef: {kind: Pod, name: a}}]}
`, []PodTarget{pod("a", "http://192.0.2.1:8429/metrics"), pod("b", "http://[2001:db8::2]:8429/metrics")}},
		{"without names", `
- {ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1]}, {addresses: [192.0.2.2]}, {addresses: []}]}
`, []PodTarget{pod("192.0.2.1", "http://192.0.2.1:8429/metrics"), pod("192.0.2.2", "http://192.0.2.2:8429/metrics")}},
		{"no pods, so no ports", `
- {}
`, []PodTarget{}},
		{"conditions", `
- ports: [{name: http, port: 8429}]
  endpoints:
  - {addresses: [192.0.2.1], conditions: {ready: true}}
  - {addresses: [192.0.2.2], conditions: {ready: false}}
  - {addresses: [192.0.2.3], conditions: {ready: true, serving: false}} # publishNotReadyAddresses
  - {addresses: [192.0.2.4], conditions: {ready: false, serving: true, terminating: true}}
`, []PodTarget{
			{Pod: "192.0.2.1", URL: "http://192.0.2.1:8429/metrics", Ready: true},
			{Pod: "192.0.2.2", URL: "http://192.0.2.2:8429/metrics"},
			{Pod: "192.0.2.3", URL: "http://192.0.2.3:8429/metrics"},
			{Pod: "192.0.2.4", URL: "http://192.0.2.4:8429/metrics", Ready: true, Terminating: true},
		}},
	} {
		got, err := TargetsOf(agentWith(t, `{}`), slicesFromYAML(t, test.slices))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestTargetsHaveSchemeAndPathOfTheEndpoint(t *testing.T) {
	e := agentWith(t, `extraArgs: {tls: "true", http.pathPrefix: /a, metricsAuthKey: k}`)
	got, err := TargetsOf(e, slicesFromYAML(t, `
- {ports: [{name: http, port: 8429}], endpoints: [{addresses: [192.0.2.1]}]}
`))
	if err != nil || len(got) != 1 || got[0].URL != "https://192.0.2.1:8429/a/metrics" {
		t.Errorf("TargetsOf = %v, %v", got, err)
	}
}

func TestAPodWithoutThePortIsAnError(t *testing.T) {
	for _, ports := range []string{`[]`, `[{name: web, port: 8429}]`, `[{port: 8429}]`, `[{name: http}]`, `[{name: http, port: 8429, protocol: UDP}]`} {
		_, err := TargetsOf(agentWith(t, `{}`), slicesFromYAML(t, `
- {metadata: {name: s}, ports: `+ports+`, endpoints: [{addresses: [192.0.2.1]}]}
`))
		if err == nil || !strings.Contains(err.Error(), `EndpointSlice monitoring/s has pods and no port "http"`) {
			t.Errorf("%s: %v", ports, err)
		}
	}
}

func agentMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "monitoring", Name: name, Labels: map[string]string{
		"app.kubernetes.io/name": "vmagent", "app.kubernetes.io/instance": "global", "app.kubernetes.io/component": "monitoring", "managed-by": "vm-operator",
	}}
}

func stateful(name string, replicas *int32) appsv1.StatefulSet {
	return appsv1.StatefulSet{ObjectMeta: agentMeta(name), Spec: appsv1.StatefulSetSpec{Replicas: replicas}}
}

func TestReplicasAreThoseThatTheWorkloadsWant(t *testing.T) {
	left := appsv1.Deployment{ObjectMeta: agentMeta("vmagent-global"), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](5)}}
	daemon := appsv1.DaemonSet{ObjectMeta: agentMeta("vmagent-global"), Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, ObservedGeneration: 2}}
	daemon.Generation = 2
	late := daemon
	late.Generation = 3
	other := stateful("vmagent-other", ptr.To[int32](7))
	other.Labels["app.kubernetes.io/instance"] = "other"
	elsewhere := stateful("vmagent-global", ptr.To[int32](7))
	elsewhere.Namespace = "elsewhere"

	for _, test := range []struct {
		name, spec  string
		sets        []appsv1.StatefulSet
		deployments []appsv1.Deployment
		daemonSets  []appsv1.DaemonSet
		want        int32
		unknown     string
	}{
		{name: "one workload", spec: `statefulMode: true`, sets: []appsv1.StatefulSet{stateful("vmagent-global", ptr.To[int32](2)), other, elsewhere}, want: 2},
		{name: "by default 1", spec: `statefulMode: true`, sets: []appsv1.StatefulSet{stateful("vmagent-global", nil)}, want: 1},
		{name: "shards", spec: `{statefulMode: true, shardCount: 2}`, sets: []appsv1.StatefulSet{stateful("vmagent-global-0", ptr.To[int32](2)), stateful("vmagent-global-1", ptr.To[int32](3))}, want: 5},
		{name: "a shard is missing", spec: `{statefulMode: true, shardCount: 2}`, sets: []appsv1.StatefulSet{stateful("vmagent-global-0", ptr.To[int32](2))}, unknown: "StatefulSet vmagent-global-1 of VMAgent monitoring/global does not exist"},
		{name: "left of another mode", spec: `statefulMode: true`, sets: []appsv1.StatefulSet{stateful("vmagent-global", ptr.To[int32](2))}, deployments: []appsv1.Deployment{left}, want: 7},
		{name: "only left of another mode", spec: `statefulMode: true`, deployments: []appsv1.Deployment{left}, unknown: "StatefulSet vmagent-global of VMAgent monitoring/global does not exist"},
		{name: "only of others", spec: `statefulMode: true`, sets: []appsv1.StatefulSet{other, elsewhere}, unknown: "does not exist"},
		{name: "scaled down", spec: `{}`, deployments: []appsv1.Deployment{{ObjectMeta: agentMeta("vmagent-global"), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](0)}}}},
		{name: "on nodes", spec: `daemonSetMode: true`, daemonSets: []appsv1.DaemonSet{daemon}, want: 4},
		{name: "on nodes, number not known yet", spec: `daemonSetMode: true`, daemonSets: []appsv1.DaemonSet{late}, unknown: "observed at generation 2, wanted 3"},
	} {
		got, unknown := ReplicasWanted(agentWith(t, test.spec), test.sets, test.deployments, test.daemonSets)
		if got != test.want || (unknown == "") != (test.unknown == "") || !strings.Contains(unknown, test.unknown) {
			t.Errorf("%s: %d, %q, want %d, %q", test.name, got, unknown, test.want, test.unknown)
		}
	}
}
