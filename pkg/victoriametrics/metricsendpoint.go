// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The names of the ports that the operator gives its Services (Service,
// factory/build/service.go, and setInternalSvcPort, factory/vmauth/vmauth.go).
const (
	httpPort     = "http"
	internalPort = "internal"
)

// takeAway is what to do about the proxy protocol where there is one port only.
const takeAway = "take it away from the first address"

// MetricsEndpoint says where the pods of a VMAgent, a VMAuth or a zone's vmselect
// show their metrics.
type MetricsEndpoint struct {
	// Of is whose pods these are, for people, such as VMAgent monitoring/global.
	Of        string
	Namespace string
	// Service is the one whose EndpointSlices name the pods. They carry it as label
	// kubernetes.io/service-name.
	Service string
	// PortName is the port in these EndpointSlices. Their numbers are those of the
	// pods, whatever the Service has for its clients.
	PortName string
	// Scheme is http or https, Path begins with a slash.
	Scheme, Path string
	// AuthKey goes into the query as authKey, Username and Password are for basic
	// authentication. The key overrides the others (CheckAuthFlag,
	// lib/httpserver/httpserver.go of VictoriaMetrics), which then are empty.
	AuthKey, Username, Password string
	// Workloads are those that the operator makes for these pods.
	Workloads []Workload
	// WorkloadSelector selects these, and what is left of earlier ones.
	WorkloadSelector string
	// Reshaped is true where the earlier ones may be of another kind.
	Reshaped bool
	// Unknown says why the metrics cannot be read, and what to do about it; "" when
	// they can. Then what is to be shown is complete; otherwise nothing is.
	Unknown string
}

// String leaves out what is secret.
func (e MetricsEndpoint) String() string {
	return fmt.Sprintf("metrics of %s (%s, port %s of Service %s/%s, path %s)", e.Of, e.Scheme, e.PortName, e.Namespace, e.Service, e.Path)
}

// MayHave is false for a kind of workload that the operator never makes for these
// pods, whatever their settings are or were.
func (e MetricsEndpoint) MayHave(kind string) bool {
	return e.Reshaped || slices.ContainsFunc(e.Workloads, func(w Workload) bool { return w.Kind == kind })
}

// AgentMetrics returns where a VMAgent shows its metrics.
//
// Service, StatefulSet, Deployment and DaemonSet are vmagent-NAME, or NAME under
// useLegacyNaming (PrefixedName, types/vmagent_types.go). shardCount makes one
// workload per shard, vmagent-NAME-0 and so on, except for a DaemonSet
// (ShardName, factory/build/shard.go, and IsSharded, types/vmagent_types.go); one
// Service is for all of them, also where it is not what a StatefulSet names as
// its own (createOrUpdateService, factory/vmagent/vmagent.go).
//
// The port is called http whatever spec.port is, also under a serviceSpec with
// useAsDefault: the operator adds its own port where the user names none so
// (Service, factory/build/service.go). An additional Service changes nothing.
func AgentMetrics(agent *unstructured.Unstructured) MetricsEndpoint {
	spec := object(agent.Object, "spec")
	service := prefixed("vmagent", agent.GetName(), spec)
	e := MetricsEndpoint{
		Of:        "VMAgent " + agent.GetNamespace() + "/" + agent.GetName(),
		Namespace: agent.GetNamespace(), Service: service, PortName: httpPort,
		Workloads:        agentWorkloads(service, spec),
		WorkloadSelector: ownWorkloads("vmagent", agent.GetName()), Reshaped: true,
	}
	return e.read(arguments{at: "spec", spec: spec}, takeAway)
}

// AuthMetrics returns where a VMAuth shows its metrics: on the port internal
// where spec.internalListenPort is set, since vmauth then shows none on the other
// one, which may speak the proxy protocol (main and requestHandler,
// app/vmauth/main.go of VictoriaMetrics; metricsPort and UseProxyProtocol,
// types/vmauth_types.go). Without it, a VMAuth that speaks the proxy protocol
// cannot be asked. Service and Deployment are vmauth-NAME, or NAME under
// useLegacyNaming.
func AuthMetrics(auth *unstructured.Unstructured) MetricsEndpoint {
	spec := object(auth.Object, "spec")
	service := prefixed("vmauth", auth.GetName(), spec)
	e := MetricsEndpoint{
		Of:        "VMAuth " + auth.GetNamespace() + "/" + auth.GetName(),
		Namespace: auth.GetNamespace(), Service: service, PortName: httpPort,
		Workloads:        []Workload{{Kind: deploymentKind, Name: service}},
		WorkloadSelector: ownWorkloads("vmauth", auth.GetName()),
	}
	noProxy := "set spec.internalListenPort beside it"
	if text(spec, "internalListenPort") != "" {
		e.PortName, noProxy = internalPort, ""
	}
	a := arguments{at: "spec", spec: spec}
	if given := a.get("httpInternalListenAddr"); given.place != "" {
		e.Unknown = fmt.Sprintf("%s moves the metrics of %s to a port that its Service does not have; use spec.internalListenPort for it", given.place, e.Of)
		return e
	}
	if flag(spec, "useProxyProtocol") && noProxy != "" {
		e.Unknown = fmt.Sprintf("spec.useProxyProtocol keeps anybody from reading the metrics of %s; %s", e.Of, noProxy)
		return e
	}
	return e.read(a, noProxy)
}

// SelectMetrics returns where the vmselect pods of a zone show their metrics; it
// is false for a VMCluster without vmselect. Where the requests load balancer
// stands before vmselect, the Service vmselect-NAME leads to the balancer, and
// vmselectinternal-NAME, or NAME-vmselect-internal under useLegacyNaming, to the
// pods (buildVMSelectService, factory/vmcluster/vmcluster.go, and
// PrefixedInternalName, types/vmcluster_types.go).
func SelectMetrics(cluster Cluster) (MetricsEndpoint, bool) {
	settings := vmselect.settings(cluster.Spec)
	if settings == nil {
		return MetricsEndpoint{}, false
	}
	e := MetricsEndpoint{
		Of:        "vmselect of VMCluster " + cluster.Namespace + "/" + cluster.Name,
		Namespace: cluster.Namespace, PortName: httpPort,
		Service:          vmselect.objectName(cluster.Name, cluster.Spec),
		Workloads:        []Workload{{Kind: vmselect.workload, Name: vmselect.objectName(cluster.Name, cluster.Spec)}},
		WorkloadSelector: ownWorkloads(vmselect.label, cluster.Name),
	}
	if flag(cluster.Spec, balancer.field, "enabled") && !flag(cluster.Spec, balancer.field, "disableSelectBalancing") {
		e.Service = vmselect.internalName(cluster.Name, cluster.Spec)
	}
	return e.read(arguments{at: "spec.vmselect", spec: settings}, takeAway), true
}

// internalName is the name of the Service before a component's own pods where
// the requests load balancer has the other one.
func (c component) internalName(cluster string, spec map[string]any) string {
	if flag(spec, "useLegacyNaming") {
		return cluster + "-" + c.name + "-internal"
	}
	return c.name + "internal-" + cluster
}

// prefixed is the name of what the operator makes for a VMAgent or VMAuth.
func prefixed(prefix, name string, spec map[string]any) string {
	if flag(spec, "useLegacyNaming") {
		return name
	}
	return prefix + "-" + name
}

// ownWorkloads selects by SelectorLabels (types/vmagent_types.go and
// types/vmauth_types.go; ClusterSelectorLabels for components), which no
// managedMetadata changes.
func ownWorkloads(name, instance string) string {
	return labelName + "=" + name + "," + labelInstance + "=" + instance + "," + labelManagedBy + "=" + managedByValue
}

func agentWorkloads(name string, spec map[string]any) []Workload {
	kind := deploymentKind
	switch {
	case flag(spec, "daemonSetMode"):
		return []Workload{{Kind: daemonSetKind, Name: name}}
	case flag(spec, "statefulMode"):
		kind = statefulSetKind
	}
	shards, _ := integer(spec["shardCount"])
	if shards <= 0 {
		return []Workload{{Kind: kind, Name: name}}
	}
	var workloads []Workload
	for shard := range shards {
		workloads = append(workloads, Workload{Kind: kind, Name: fmt.Sprintf("%s-%d", name, shard)})
	}
	return workloads
}

// read completes an endpoint with what the command line says. The first of the
// addresses that the program listens on is the one of the Service. noProxy is
// what to do where that one speaks the proxy protocol, "" for a port that never
// does.
//
// The scheme is that of HTTPProtoFromFlags and the path that of
// BuildPathWithPrefixFlag (types/vmextra_types.go), but for slashes, with which
// the program is generous: it adds those that the prefix lacks (GetPathPrefix,
// lib/httpserver/httpserver.go of VictoriaMetrics).
func (e MetricsEndpoint) read(a arguments, noProxy string) MetricsEndpoint {
	tls, prefix, proxied, mtls := a.first("tls"), a.get("http.pathPrefix"), a.first("httpListenAddr.useProxyProtocol"), a.first("mtls")
	e.Scheme = "http"
	if tls.truth() {
		e.Scheme = "https"
	}
	e.Path = "/metrics"
	if trimmed := strings.Trim(prefix.value, "/"); trimmed != "" {
		e.Path = "/" + trimmed + e.Path
	}
	for _, given := range []argument{tls, prefix, proxied, mtls} {
		if given.unknown != "" {
			e.Unknown = fmt.Sprintf("%s, so that nobody can tell how to read the metrics of %s; write the value there", given.unknown, e.Of)
			return e
		}
	}
	switch {
	case proxied.truth() && noProxy != "":
		e.Unknown = fmt.Sprintf("%s keeps anybody from reading the metrics of %s; %s", proxied.place, e.Of, noProxy)
		return e
	case mtls.truth():
		e.Unknown = fmt.Sprintf("%s asks who reads the metrics of %s for a client certificate, and there is none to show", mtls.place, e.Of)
		return e
	}
	return e.authenticate(a)
}

func (e MetricsEndpoint) authenticate(a arguments) MetricsEndpoint {
	key, username, password := a.password("metricsAuthKey"), a.get("httpAuth.username"), a.password("httpAuth.password")
	wanted := []argument{key}
	if key.value == "" {
		wanted = append(wanted, username)
		if username.value != "" {
			wanted = append(wanted, password)
		}
	}
	for _, given := range wanted {
		if given.unknown != "" {
			e.Unknown = fmt.Sprintf("%s, and neither Secrets nor files of pods are read here, so that the metrics of %s cannot be; set extraArgs[metricsAuthKey] to a key for them in clear", given.unknown, e.Of)
			return e
		}
	}
	e.AuthKey = key.value
	if key.value == "" && username.value != "" {
		e.Username, e.Password = username.value, password.value
	}
	return e
}
