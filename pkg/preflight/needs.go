// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import "slices"

const (
	pluginMutating  = "MutatingAdmissionPolicy"
	withoutMutating = componentsFolder + "without-mutating-policies"
)

// need is a part of the host's API that the server can't do without.
type need struct {
	resources []string
	// since is the version in which it came, and of what.
	since string
	// purpose says what for.
	purpose string
	// plugin is the admission plugin that needs it, if that is all that does, and component
	// the folder of artifacts by which the server does without that, if there is one.
	plugin, component string
	// remedy is what helps beside another version of Kubernetes.
	remedy string
}

// needs are all of some manifests, in the order in which they are told.
func (m Manifests) needs() []need {
	all := hostNeeds()
	if m.Certificate == CertManager {
		all = append(all, need{resources: []string{"cert-manager.io/v1/issuers", "cert-manager.io/v1/certificates"}, since: "cert-manager 1.0",
			purpose: "it makes the certificate of the server", remedy: "install cert-manager first"})
	}
	if m.Scrape {
		all = append(all, need{resources: []string{operatorVersion + "/vmservicescrapes"}, since: "the VictoriaMetrics operator 0.1",
			purpose: "VMAgents read the metrics of the server by it", remedy: "install the VictoriaMetrics operator first, or leave artifacts/components/scrape out"})
	}
	return all
}

// hostNeeds are what Kubernetes has to serve, whatever the manifests.
func hostNeeds() []need {
	return []need{
		{resources: []string{"apiregistration.k8s.io/v1/apiservices"}, since: "Kubernetes 1.10", purpose: "requests reach the server by it",
			remedy: "turn the aggregation layer of kube-apiserver on"},
		{resources: []string{"authentication.k8s.io/v1/tokenreviews"}, since: "Kubernetes 1.6", purpose: "the server asks who a caller is"},
		{resources: []string{"authorization.k8s.io/v1/subjectaccessreviews"}, since: "Kubernetes 1.6", purpose: "the server asks what a caller may do"},
		{resources: []string{"apiextensions.k8s.io/v1/customresourcedefinitions"}, since: "Kubernetes 1.16", purpose: "the server reads what a VMCluster may be"},
		{resources: []string{"coordination.k8s.io/v1/leases"}, since: "Kubernetes 1.14", purpose: "one replica at a time rolls out"},
		{resources: []string{"discovery.k8s.io/v1/endpointslices"}, since: "Kubernetes 1.21", purpose: "the server finds the pods whose metrics it reads"},
		{resources: []string{
			"admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", "admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
		}, since: "Kubernetes 1.16", purpose: "webhooks of the cluster see requests to the server"},
		{resources: []string{
			"admissionregistration.k8s.io/v1/validatingadmissionpolicies", "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
		}, since: "Kubernetes 1.30", purpose: "policies of the cluster see requests to the server", plugin: "ValidatingAdmissionPolicy"},
		{resources: []string{
			"admissionregistration.k8s.io/v1/mutatingadmissionpolicies", "admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings",
		}, since: "Kubernetes 1.36", purpose: "mutating policies of the cluster see requests to the server", plugin: pluginMutating, component: withoutMutating},
		{resources: []string{
			"flowcontrol.apiserver.k8s.io/v1/flowschemas", "flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
		}, since: "Kubernetes 1.29", purpose: "the server queues requests by it, and is queued by it itself"},
		{resources: []string{"apps/v1/deployments", "apps/v1/statefulsets", "apps/v1/daemonsets"}, since: "Kubernetes 1.9", purpose: "the server watches what runs a zone"},
		{resources: []string{"v1/namespaces", "v1/configmaps", "v1/secrets", "v1/events"}, since: "Kubernetes 1.2", purpose: "the server keeps its own objects there"},
		{resources: []string{
			"rbac.authorization.k8s.io/v1/clusterroles", "rbac.authorization.k8s.io/v1/roles",
		}, since: "Kubernetes 1.8", purpose: "the manifests give rights by it", remedy: "turn the authorization mode RBAC on"},
	}
}

// missing are its resources that a cluster doesn't serve.
func (n need) missing(served map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(n.resources), func(resource string) bool { return served[resource] })
}
