// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

const (
	groupRBAC       = "rbac.authorization.k8s.io"
	groupExtensions = "apiextensions.k8s.io"
	groupRecords    = "storage.distributed.victoriametrics.com"
	groupSecond     = "distributed.victoriametrics.com"
)

// Rights are what manifests take, one in each line and in words.
type Rights struct {
	// Apply are those of whoever applies them.
	Apply []string `json:"apply"`
	// Give are those that the manifests give to others. Whoever applies them needs these
	// too, unless they may escalate and bind roles.
	Give []string `json:"give"`
	// Server are those of them that the server's account needs.
	Server []string `json:"server"`
}

// Rights are what the manifests take in a namespace. What is open counts as in Base.
func (m Manifests) Rights(namespace string) Rights {
	m = m.decided(Base)
	return Rights{Apply: inWords(m.applying(namespace)), Give: inWords(m.given(namespace)), Server: inWords(m.serverRights(namespace))}
}

func inWords(rights []right) []string {
	all := make([]string, 0, len(rights))
	for _, right := range rights {
		all = append(all, right.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// serverRules are what the manifests give the server in all namespaces.
func (m Manifests) serverRules() []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{
		rule(operatorGroup, "vmclusters", "list", "watch", "create", "patch", "delete"),
		rule(operatorGroup, "vmagents,vmusers", "list", "watch", "patch"),
		rule(operatorGroup, "vmauths", "list", "watch"),
		rule("apps", "statefulsets,deployments", "list", "watch"),
		rule("apps", "controllerrevisions", "get", "list", "create", "update", "delete"),
		rule("apps", "daemonsets", "list"),
		rule("discovery.k8s.io", "endpointslices", "list"),
		rule("", "events", "create", "patch"),
		named(rule(groupExtensions, "customresourcedefinitions", "list", "watch"), "vmclusters."+operatorGroup),
		rule("", "namespaces", "get", "list", "watch"),
		rule("admissionregistration.k8s.io", "mutatingadmissionpolicies,mutatingadmissionpolicybindings,mutatingwebhookconfigurations,"+
			"validatingadmissionpolicies,validatingadmissionpolicybindings,validatingwebhookconfigurations", "list", "watch"),
		rule("flowcontrol.apiserver.k8s.io", "flowschemas,prioritylevelconfigurations", "list", "watch"),
	}
	if m.Store == Host {
		rules = append(rules,
			rule(groupRecords, "vmdistributedclusterrecords", "get", "list", "watch", "create", "update", "delete"),
			named(rule(groupExtensions, "customresourcedefinitions", "get"), "vmdistributedclusterrecords."+groupRecords))
	}
	if m.Certificate == Own {
		rules = append(rules, named(rule("apiregistration.k8s.io", "apiservices", "get", "list", "watch", "patch"), secondAPIService, firstAPIService))
	}
	return rules
}

// ownRules are what they give it in its own namespace.
func (m Manifests) ownRules() []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{
		rule("coordination.k8s.io", "leases", "create"),
		named(rule("coordination.k8s.io", "leases", "get", "update"), "vmdistributed-apiserver-controller"),
		named(rule("", "configmaps", "get", "list", "watch"), "vmdistributed-halt"),
		rule("", "configmaps", "create"),
		named(rule("", "configmaps", "get", "update"), "vmdistributed-store", "vmdistributed-aborts"),
	}
	if m.Store == EmbeddedEtcd {
		rules = append(rules, named(rule("coordination.k8s.io", "leases", "get", "update"), "vmdistributed-apiserver-embedded-store"))
	}
	if m.Certificate == Own {
		rules = append(rules, rule("", "secrets", "create"),
			named(rule("", "secrets", "get", "list", "watch", "update"), "vmdistributed-apiserver-certificate"))
	}
	return rules
}

// delegatorRules are those of the ClusterRole system:auth-delegator.
func delegatorRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("authentication.k8s.io", "tokenreviews", "create"),
		rule("authorization.k8s.io", "subjectaccessreviews", "create"),
	}
}

// authenticationRules are those of the Role extension-apiserver-authentication-reader in
// kube-system. The server looks at the ConfigMap at its start, and watches it from then on.
func authenticationRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{named(rule("", "configmaps", "get", "list", "watch"), "extension-apiserver-authentication")}
}

func rule(group, resources string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: strings.Split(resources, ","), Verbs: verbs}
}

func named(of rbacv1.PolicyRule, names ...string) rbacv1.PolicyRule {
	of.ResourceNames = names
	return of
}

// serverRights are what the account of the server needs.
func (m Manifests) serverRights(namespace string) []right {
	return slices.Concat(spell("", m.serverRules()), spell(namespace, m.ownRules()),
		spell("", delegatorRules()), spell("kube-system", authenticationRules()))
}

// applying are what it takes to apply the manifests, but for the rights that these
// give to others.
func (m Manifests) applying(namespace string) []right {
	var all []right
	add := func(group, resource, namespace string) {
		for _, verb := range []string{"get", "create", "patch"} {
			all = append(all, right{verb: verb, group: group, resource: resource, namespace: namespace})
		}
	}
	add("", "namespaces", "")
	add("apiregistration.k8s.io", "apiservices", "")
	add(groupRBAC, "clusterroles", "")
	add(groupRBAC, "clusterrolebindings", "")
	add(groupRBAC, "roles", namespace)
	add(groupRBAC, "rolebindings", namespace)
	add(groupRBAC, "rolebindings", "kube-system")
	add("", "serviceaccounts", namespace)
	add("", "services", namespace)
	add("networking.k8s.io", "networkpolicies", namespace)
	add("scheduling.k8s.io", "priorityclasses", "")
	add("flowcontrol.apiserver.k8s.io", "flowschemas", "")
	if m.Store == Host {
		add(groupExtensions, "customresourcedefinitions", "")
	}
	if m.Store == EmbeddedEtcd {
		add("apps", "statefulsets", namespace)
	} else {
		add("apps", "deployments", namespace)
		add("policy", "poddisruptionbudgets", namespace)
	}
	if m.Certificate == CertManager {
		add("cert-manager.io", "issuers", namespace)
		add("cert-manager.io", "certificates", namespace)
	}
	if m.Scrape {
		add(operatorGroup, "vmservicescrapes", namespace)
	}
	return all
}

// handing are the rights by which RBAC lets somebody give others what they don't have
// themselves.
func handing() []right {
	return spell("", []rbacv1.PolicyRule{rule(groupRBAC, "clusterroles,roles", "escalate", "bind")})
}

// given are what the manifests give to others, which whoever applies them has to have
// unless they may hand it out.
func (m Manifests) given(namespace string) []right {
	group := operatorGroup
	if m.Overlay == Beside {
		group = groupSecond
	}
	people := spell("", []rbacv1.PolicyRule{
		rule(group, ownKind, "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
		rule(group, ownKind+"/status,"+ownKind+"/zones,"+ownKind+"/plan,"+ownKind+"/history", "get"),
		rule(group, ownKind+"/plan,"+ownKind+"/promote,"+ownKind+"/abort,"+ownKind+"/retry,"+ownKind+"/undo,"+ownKind+"/skip,"+ownKind+"/restart", "create"),
		rule(operatorGroup, "vmclusters", "get", "list", "watch", "create", "update", "patch", "delete"),
		rule(operatorGroup, "vmusers,vmagents", "get", "list", "watch", "update", "patch"),
	})
	return slices.Concat(m.serverRights(namespace), people, []right{{verb: "get", url: "/metrics"}})
}
