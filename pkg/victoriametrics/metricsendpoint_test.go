// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agentWith returns a VMAgent with a spec.
func agentWith(t *testing.T, spec string) MetricsEndpoint {
	t.Helper()
	return AgentMetrics(fromYAML(t, "kind: VMAgent\nmetadata: {namespace: monitoring, name: global}\nspec:\n"+indent(spec)))
}

func authWith(t *testing.T, spec string) MetricsEndpoint {
	t.Helper()
	return AuthMetrics(fromYAML(t, "kind: VMAuth\nmetadata: {namespace: monitoring, name: reads}\nspec:\n"+indent(spec)))
}

func selectWith(t *testing.T, spec string) MetricsEndpoint {
	t.Helper()
	e, ok := SelectMetrics(Cluster{Namespace: "monitoring", Name: "a", Spec: mapFromYAML(t, spec)})
	if !ok {
		t.Fatal("no vmselect")
	}
	return e
}

// place is what decides where a page is asked for.
func place(e MetricsEndpoint) string {
	return fmt.Sprintf("%s %s:%s %s %s", e.Scheme, e.Service, e.PortName, e.Path, e.Unknown)
}

func TestMetricsAreWhereTheOperatorHasThem(t *testing.T) {
	for _, test := range []struct {
		name string
		have MetricsEndpoint
		want string
	}{
		{"VMAgent", agentWith(t, `{}`), "http vmagent-global:http /metrics "},
		{"VMAgent, legacy name", agentWith(t, `useLegacyNaming: true`), "http global:http /metrics "},
		{"VMAgent, own port", agentWith(t, `port: "9000"`), "http vmagent-global:http /metrics "},
		{"VMAgent, own Service", agentWith(t, `serviceSpec: {useAsDefault: true, spec: {ports: [{name: http, port: 80}]}}`), "http vmagent-global:http /metrics "},
		{"VMAgent, second Service", agentWith(t, `serviceSpec: {metadata: {name: x}, spec: {clusterIP: None}}`), "http vmagent-global:http /metrics "},
		{"VMAgent, TLS", agentWith(t, `extraArgs: {tls: "true"}`), "https vmagent-global:http /metrics "},
		{"VMAgent, TLS on the second address", agentWith(t, `extraArgs: {tls: "false,true"}`), "http vmagent-global:http /metrics "},
		{"VMAgent, TLS from the environment", agentWith(t, `extraEnvs: [{name: tls, value: "true"}]`), "https vmagent-global:http /metrics "},
		{"VMAgent, arguments before environment", agentWith(t, `{extraArgs: {tls: "false"}, extraEnvs: [{name: tls, value: "true"}]}`), "http vmagent-global:http /metrics "},
		{"VMAgent, prefix", agentWith(t, `extraArgs: {http.pathPrefix: /a/b}`), "http vmagent-global:http /a/b/metrics "},
		{"VMAgent, prefix with other slashes", agentWith(t, `extraArgs: {http.pathPrefix: a/}`), "http vmagent-global:http /a/metrics "},
		{"VMAgent, prefix from the environment", agentWith(t, `extraEnvs: [{name: http_pathPrefix, value: /a}]`), "http vmagent-global:http /a/metrics "},
		{"VMAgent, prefixed environment", agentWith(t, `{extraArgs: {envflag.prefix: VM_}, extraEnvs: [{name: VM_http_pathPrefix, value: /a}, {name: http_pathPrefix, value: /b}]}`), "http vmagent-global:http /a/metrics "},

		{"VMAuth", authWith(t, `{}`), "http vmauth-reads:http /metrics "},
		{"VMAuth, legacy name", authWith(t, `useLegacyNaming: true`), "http reads:http /metrics "},
		{"VMAuth, internal port", authWith(t, `internalListenPort: "8426"`), "http vmauth-reads:internal /metrics "},
		{"VMAuth, internal port beside the proxy protocol", authWith(t, `{internalListenPort: "8426", useProxyProtocol: true}`), "http vmauth-reads:internal /metrics "},
		{"VMAuth, internal port beside the argument", authWith(t, `{internalListenPort: "8426", extraArgs: {httpListenAddr.useProxyProtocol: "true"}}`), "http vmauth-reads:internal /metrics "},
		{"VMAuth, TLS and prefix", authWith(t, `{internalListenPort: "8426", extraArgs: {tls: "true", http.pathPrefix: /a}}`), "https vmauth-reads:internal /a/metrics "},

		{"vmselect", selectWith(t, `vmselect: {}`), "http vmselect-a:http /metrics "},
		{"vmselect, legacy name", selectWith(t, `{vmselect: {}, useLegacyNaming: true}`), "http a-vmselect:http /metrics "},
		{"vmselect behind the balancer", selectWith(t, `{vmselect: {}, requestsLoadBalancer: {enabled: true}}`), "http vmselectinternal-a:http /metrics "},
		{"vmselect behind the balancer, legacy name", selectWith(t, `{vmselect: {}, useLegacyNaming: true, requestsLoadBalancer: {enabled: true}}`), "http a-vmselect-internal:http /metrics "},
		{"vmselect not behind the balancer", selectWith(t, `{vmselect: {}, requestsLoadBalancer: {enabled: true, disableSelectBalancing: true}}`), "http vmselect-a:http /metrics "},
		{"vmselect, TLS and prefix", selectWith(t, `{vmselect: {extraArgs: {tls: "true", http.pathPrefix: /a}}, vminsert: {extraArgs: {tls: "false"}}}`), "https vmselect-a:http /a/metrics "},
	} {
		if got := place(test.have); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestCredentialsAreTakenWhereTheyAreGivenInClear(t *testing.T) {
	for _, test := range []struct{ name, spec, key, user, password string }{
		{name: "none", spec: `{}`},
		{name: "key", spec: `extraArgs: {metricsAuthKey: k}`, key: "k"},
		{name: "basic", spec: `extraArgs: {httpAuth.username: u, httpAuth.password: p}`, user: "u", password: "p"},
		{name: "key over basic", spec: `extraArgs: {metricsAuthKey: k, httpAuth.username: u, httpAuth.password: "file:///p"}`, key: "k"},
		{name: "password without a user", spec: `extraArgs: {httpAuth.password: "file:///p"}`},
		{name: "environment", spec: `extraEnvs: [{name: metricsAuthKey, value: k}]`, key: "k"},
	} {
		for _, e := range []MetricsEndpoint{agentWith(t, test.spec), authWith(t, test.spec), selectWith(t, "vmselect:\n"+indent(test.spec))} {
			if e.Unknown != "" || e.AuthKey != test.key || e.Username != test.user || e.Password != test.password {
				t.Errorf("%s: %s: key %q, %q with %q, unknown %q", test.name, e.Of, e.AuthKey, e.Username, e.Password, e.Unknown)
			}
			if strings.Contains(fmt.Sprint(e), `"p"`) || test.key != "" && strings.Contains(fmt.Sprint(e), " "+test.key) {
				t.Errorf("%s: %s shows what is secret", test.name, e)
			}
		}
	}
}

func TestWhatCannotBeReadIsNamedWithWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name  string
		have  MetricsEndpoint
		parts []string
	}{
		{"key from a file", agentWith(t, `extraArgs: {metricsAuthKey: "file:///etc/key"}`), []string{"spec.extraArgs[metricsAuthKey] is read from file", "VMAgent monitoring/global", "in clear"}},
		{"key from an URL", agentWith(t, `extraArgs: {metricsAuthKey: "https://a/key"}`), []string{"spec.extraArgs[metricsAuthKey] is read from https"}},
		{"password from a file", authWith(t, `extraArgs: {httpAuth.username: u, httpAuth.password: "file:///p"}`), []string{"spec.extraArgs[httpAuth.password]", "VMAuth monitoring/reads"}},
		{"password from a Secret", selectWith(t, `vmselect: {extraArgs: {httpAuth.username: u}, extraEnvs: [{name: httpAuth_password, valueFrom: {secretKeyRef: {name: s, key: k}}}]}`), []string{"spec.vmselect.extraEnvs[httpAuth_password] takes its value from elsewhere", "vmselect of VMCluster monitoring/a"}},
		{"key by placeholder", agentWith(t, `extraArgs: {metricsAuthKey: "%{KEY}"}`), []string{"spec.extraArgs[metricsAuthKey] is filled in from the environment"}},
		{"key by variable", agentWith(t, `extraArgs: {metricsAuthKey: "$(KEY)"}`), []string{"spec.extraArgs[metricsAuthKey] is filled in from the environment"}},
		{"prefix by placeholder", agentWith(t, `extraArgs: {http.pathPrefix: "/%{X}"}`), []string{"spec.extraArgs[http.pathPrefix]"}},
		{"client certificates", agentWith(t, `extraArgs: {mtls: "true"}`), []string{"spec.extraArgs[mtls]", "client certificate"}},
		{"proxy protocol at a VMAgent", agentWith(t, `extraArgs: {httpListenAddr.useProxyProtocol: "true"}`), []string{"spec.extraArgs[httpListenAddr.useProxyProtocol]", "take it away"}},
		{"proxy protocol at a VMAuth", authWith(t, `useProxyProtocol: true`), []string{"spec.useProxyProtocol", "set spec.internalListenPort"}},
		{"proxy protocol at a VMAuth by argument", authWith(t, `extraArgs: {httpListenAddr.useProxyProtocol: "true"}`), []string{"spec.extraArgs[httpListenAddr.useProxyProtocol]", "set spec.internalListenPort"}},
		{"internal address by argument", authWith(t, `extraArgs: {httpInternalListenAddr: ":8426"}`), []string{"spec.extraArgs[httpInternalListenAddr]", "spec.internalListenPort"}},
	} {
		for _, part := range test.parts {
			if !strings.Contains(test.have.Unknown, part) {
				t.Errorf("%s: %q does not say %q", test.name, test.have.Unknown, part)
			}
		}
		if test.have.AuthKey+test.have.Username+test.have.Password != "" {
			t.Errorf("%s: has credentials all the same", test.name)
		}
	}
}

func TestAClusterWithoutVMSelectHasNoMetricsOfIt(t *testing.T) {
	if e, ok := SelectMetrics(Cluster{Namespace: "monitoring", Name: "a", Spec: mapFromYAML(t, `vminsert: {}`)}); ok {
		t.Errorf("SelectMetrics returned %s", e)
	}
}

func TestWorkloadsOfAVMAgentFollowItsModes(t *testing.T) {
	for spec, want := range map[string][]Workload{
		`{}`:                                  {{deploymentKind, "vmagent-global"}},
		`statefulMode: true`:                  {{statefulSetKind, "vmagent-global"}},
		`daemonSetMode: true`:                 {{daemonSetKind, "vmagent-global"}},
		`shardCount: 0`:                       {{deploymentKind, "vmagent-global"}},
		`shardCount: 1`:                       {{deploymentKind, "vmagent-global-0"}},
		`{shardCount: 2, statefulMode: true}`: {{statefulSetKind, "vmagent-global-0"}, {statefulSetKind, "vmagent-global-1"}},
		`{shardCount: 2, daemonSetMode: true, statefulMode: true}`: {{daemonSetKind, "vmagent-global"}},
		`{shardCount: 1, useLegacyNaming: true}`:                   {{deploymentKind, "global-0"}},
	} {
		if diff := cmp.Diff(want, agentWith(t, spec).Workloads); diff != "" {
			t.Errorf("%s: %s", spec, diff)
		}
	}
}
