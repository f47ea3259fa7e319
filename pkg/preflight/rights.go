// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// askedAtOnce bounds how many answers are waited for at a time.
const askedAtOnce = 8

// right is to do one thing to one resource; in one namespace or, where that is empty,
// in all.
type right struct {
	verb, group, resource, name, namespace string
}

func (r right) String() string {
	resource := r.resource
	if r.group != "" {
		resource += "." + r.group
	}
	if r.name != "" {
		resource += " " + r.name
	}
	if r.namespace != "" {
		resource += " in " + r.namespace
	}
	return r.verb + " " + resource
}

func (r right) attributes() *authorizationv1.ResourceAttributes {
	resource, subresource, _ := strings.Cut(r.resource, "/")
	return &authorizationv1.ResourceAttributes{
		Verb: r.verb, Group: r.group, Version: "*", Resource: resource, Subresource: subresource, Name: r.name, Namespace: r.namespace,
	}
}

// serverRules are what the manifests give the server in all namespaces.
func serverRules() []rbacv1.PolicyRule {
	const operator = "operator.victoriametrics.com"
	return []rbacv1.PolicyRule{
		rule(operator, "vmclusters", "list", "watch", "create", "patch", "delete"),
		rule(operator, "vmagents,vmusers", "list", "watch", "patch"),
		rule(operator, "vmauths", "list", "watch"),
		rule("apps", "statefulsets,deployments", "list", "watch"),
		rule("apps", "daemonsets", "list"),
		rule("discovery.k8s.io", "endpointslices", "list"),
		rule("", "events", "create", "patch"),
		named(rule("apiextensions.k8s.io", "customresourcedefinitions", "list", "watch"), "vmclusters."+operator),
		rule("storage.distributed.victoriametrics.com", "vmdistributedclusterrecords", "get", "list", "watch", "create", "update", "delete"),
		named(rule("apiextensions.k8s.io", "customresourcedefinitions", "get"), "vmdistributedclusterrecords.storage.distributed.victoriametrics.com"),
		named(rule("apiregistration.k8s.io", "apiservices", "get", "list", "watch", "patch"), secondAPIService, firstAPIService),
		rule("", "namespaces", "get", "list", "watch"),
		rule("admissionregistration.k8s.io", "mutatingadmissionpolicies,mutatingadmissionpolicybindings,mutatingwebhookconfigurations,"+
			"validatingadmissionpolicies,validatingadmissionpolicybindings,validatingwebhookconfigurations", "list", "watch"),
		rule("flowcontrol.apiserver.k8s.io", "flowschemas,prioritylevelconfigurations", "list", "watch"),
	}
}

// ownRules are what they give it in its own namespace.
func ownRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("coordination.k8s.io", "leases", "create"),
		named(rule("coordination.k8s.io", "leases", "get", "update"), "vmdistributed-apiserver-controller"),
		named(rule("", "configmaps", "get", "list", "watch"), "vmdistributed-halt"),
		rule("", "configmaps", "create"),
		named(rule("", "configmaps", "get", "update"), "vmdistributed-store", "vmdistributed-aborts"),
		rule("", "secrets", "create"),
		named(rule("", "secrets", "get", "list", "watch", "update"), "vmdistributed-apiserver-certificate"),
	}
}

// delegatorRules are those of the ClusterRole system:auth-delegator.
func delegatorRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("authentication.k8s.io", "tokenreviews", "create"),
		rule("authorization.k8s.io", "subjectaccessreviews", "create"),
	}
}

func rule(group, resources string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: strings.Split(resources, ","), Verbs: verbs}
}

func named(of rbacv1.PolicyRule, names ...string) rbacv1.PolicyRule {
	of.ResourceNames = names
	return of
}

// spell lists what rules allow, one by one.
func spell(namespace string, rules []rbacv1.PolicyRule) []right {
	var all []right
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, resource := range rule.Resources {
			for _, name := range names {
				for _, verb := range rule.Verbs {
					all = append(all, right{verb, rule.APIGroups[0], resource, name, namespace})
				}
			}
		}
	}
	return all
}

// serverRights are what the account of the server needs.
func serverRights(namespace string) []right {
	return slices.Concat(spell("", serverRules()), spell(namespace, ownRules()), spell("", delegatorRules()),
		[]right{{"get", "", "configmaps", "extension-apiserver-authentication", "kube-system"}})
}

// applying are what it takes to apply the manifests, but for the rights that these
// give to others.
func applying(namespace string) []right {
	const rbac = "rbac.authorization.k8s.io"
	var all []right
	for _, of := range []struct{ group, resource, namespace string }{
		{"", "namespaces", ""},
		{"apiextensions.k8s.io", "customresourcedefinitions", ""},
		{"apiregistration.k8s.io", "apiservices", ""},
		{rbac, "clusterroles", ""},
		{rbac, "clusterrolebindings", ""},
		{rbac, "roles", namespace},
		{rbac, "rolebindings", namespace},
		{rbac, "rolebindings", "kube-system"},
		{"", "serviceaccounts", namespace},
		{"", "services", namespace},
		{"apps", "deployments", namespace},
		{"policy", "poddisruptionbudgets", namespace},
		{"networking.k8s.io", "networkpolicies", namespace},
		{"scheduling.k8s.io", "priorityclasses", ""},
		{"flowcontrol.apiserver.k8s.io", "flowschemas", ""},
	} {
		for _, verb := range []string{"get", "create", "patch"} {
			all = append(all, right{verb: verb, group: of.group, resource: of.resource, namespace: of.namespace})
		}
	}
	return all
}

// handing are the rights by which RBAC lets somebody give others what they don't have
// themselves.
func handing() []right {
	const rbac = "rbac.authorization.k8s.io"
	return []right{{"escalate", rbac, "clusterroles", "", ""}, {"bind", rbac, "clusterroles", "", ""}, {"escalate", rbac, "roles", "", ""}, {"bind", rbac, "roles", "", ""}}
}

// given are what the manifests give to others, which whoever applies them has to have
// unless they may hand it out.
func given(namespace string) []right {
	const first, second, kind = "operator.victoriametrics.com", "distributed.victoriametrics.com", "vmdistributedclusters"
	var people []rbacv1.PolicyRule
	for _, group := range []string{first, second} {
		people = append(people,
			rule(group, kind, "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
			rule(group, kind+"/status,"+kind+"/zones", "get"),
			rule(group, kind+"/promote,"+kind+"/abort,"+kind+"/retry", "create"))
	}
	people = append(people,
		rule(first, "vmclusters", "get", "update"), rule(first, "vmusers,vmagents", "get", "update"))
	return append(serverRights(namespace), spell("", people)...)
}

// denied are those of the rights that are answered with no, in their order.
func denied(ctx context.Context, rights []right, allowed func(context.Context, right) (bool, error)) ([]right, error) {
	answers := make([]bool, len(rights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	for i, right := range rights {
		group.Go(func() (err error) {
			answers[i], err = allowed(ctx, right)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var no []right
	for i, right := range rights {
		if !answers[i] {
			no = append(no, right)
		}
	}
	return no, nil
}

// mayI asks about whoever asks.
func mayI(client kubernetes.Interface) func(context.Context, right) (bool, error) {
	return func(ctx context.Context, of right) (bool, error) {
		review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: of.attributes()},
		}, metav1.CreateOptions{})
		if err != nil {
			return false, fmt.Errorf("asking whether you may %s: %w", of, err)
		}
		return review.Status.Allowed, nil
	}
}

// mayAccount asks about a service account.
func mayAccount(client kubernetes.Interface, namespace, name string) func(context.Context, right) (bool, error) {
	return func(ctx context.Context, of right) (bool, error) {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               "system:serviceaccount:" + namespace + ":" + name,
				Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
				ResourceAttributes: of.attributes(),
			},
		}, metav1.CreateOptions{})
		if err != nil {
			return false, fmt.Errorf("asking whether the account %s/%s may %s: %w", namespace, name, of, err)
		}
		return review.Status.Allowed, nil
	}
}

// tell puts rights into words, those to the same resource together.
func tell(rights []right) []string {
	var told []string
	for i := 0; i < len(rights); {
		of, verbs := rights[i], []string{rights[i].verb}
		for i++; i < len(rights); i++ {
			next := rights[i]
			if next.verb = of.verb; next != of {
				break
			}
			verbs = append(verbs, rights[i].verb)
		}
		of.verb = strings.Join(verbs, ", ")
		told = append(told, of.String())
	}
	return told
}
