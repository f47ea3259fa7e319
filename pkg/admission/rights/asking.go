// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// askedAtOnce bounds how many answers of the host cluster are waited for at a time.
const askedAtOnce = 8

// denial is one object that the caller may not touch in one way.
type denial struct {
	touch
	verb string
}

// asking is one caller in one namespace.
type asking struct {
	authorizer authorizer.Authorizer
	user       user.Info
	namespace  string
}

// denied returns what the caller may not do, in the order of what is wanted.
func (a asking) denied(ctx context.Context, wanted []touch) ([]denial, error) {
	open, err := a.notAllowedOnAll(ctx, wanted)
	if err != nil {
		return nil, err
	}
	refused := make([]bool, len(open))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	for i, d := range open {
		group.Go(func() error {
			allowed, err := a.may(ctx, d.verb, d.resource, d.name)
			refused[i] = !allowed
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var denied []denial
	for i, d := range open {
		if refused[i] {
			denied = append(denied, d)
		}
	}
	return denied, nil
}

// notAllowedOnAll asks about all objects of a kind in the namespace at once, which
// most callers have the rights to or not, and returns what is left to ask.
func (a asking) notAllowedOnAll(ctx context.Context, wanted []touch) ([]denial, error) {
	type all struct {
		verb     string
		resource schema.GroupVersionResource
	}
	answers := map[all]bool{}
	var open []denial
	for _, t := range wanted {
		for _, verb := range t.verbs {
			question := all{verb, t.resource}
			if _, asked := answers[question]; !asked {
				allowed, err := a.may(ctx, verb, t.resource, "")
				if err != nil {
					return nil, err
				}
				answers[question] = allowed
			}
			known := slices.ContainsFunc(open, func(d denial) bool {
				return d.verb == verb && d.resource == t.resource && d.name == t.name
			})
			if !answers[question] && !known {
				open = append(open, denial{t, verb})
			}
		}
	}
	return open, nil
}

// may asks about one object, or about all of them where name is empty. No opinion
// is no.
func (a asking) may(ctx context.Context, verb string, resource schema.GroupVersionResource, name string) (bool, error) {
	decision, _, err := a.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User:            a.user,
		Verb:            verb,
		Namespace:       a.namespace,
		APIGroup:        resource.Group,
		APIVersion:      resource.Version,
		Resource:        resource.Resource,
		Name:            name,
		ResourceRequest: true,
	})
	if decision == authorizer.DecisionAllow {
		return true, nil
	}
	return false, err
}
