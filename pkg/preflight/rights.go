// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
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
// in all. With a url, it is to ask for that instead.
type right struct {
	verb, group, resource, name, namespace string
	url                                    string
}

func (r right) String() string {
	if r.url != "" {
		return r.verb + " " + r.url
	}
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

// attributes are what to ask about: those of a resource, or of a url.
func (r right) attributes() (*authorizationv1.ResourceAttributes, *authorizationv1.NonResourceAttributes) {
	if r.url != "" {
		return nil, &authorizationv1.NonResourceAttributes{Verb: r.verb, Path: r.url}
	}
	resource, subresource, _ := strings.Cut(r.resource, "/")
	return &authorizationv1.ResourceAttributes{
		Verb: r.verb, Group: r.group, Version: "*", Resource: resource, Subresource: subresource, Name: r.name, Namespace: r.namespace,
	}, nil
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
					all = append(all, right{verb: verb, group: rule.APIGroups[0], resource: resource, name: name, namespace: namespace})
				}
			}
		}
	}
	return all
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
		resource, url := of.attributes()
		review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: resource, NonResourceAttributes: url},
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
		resource, url := of.attributes()
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User:                  "system:serviceaccount:" + namespace + ":" + name,
				Groups:                []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
				ResourceAttributes:    resource,
				NonResourceAttributes: url,
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
