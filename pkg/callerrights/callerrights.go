// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package callerrights asks the host cluster what a caller may do by themselves to
// the objects that this server handles on their behalf.
package callerrights

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// askedAtOnce bounds how many answers of the host cluster are waited for at a time.
const askedAtOnce = 8

// Caller is who is asked about, in one namespace. What the authorizer remembers of
// earlier answers is why nothing is remembered here.
type Caller struct {
	Authorizer authorizer.Authorizer
	User       user.Info
	Namespace  string
}

// Question is whether the caller may do one thing to one object, or to all of a kind
// in the namespace where Name is empty.
type Question struct {
	Verb     string
	Resource schema.GroupVersionResource
	Name     string
}

// onAll asks the same about all objects of the kind.
func (q Question) onAll() Question {
	q.Name = ""
	return q
}

// Denied returns the questions that are answered with no, in their order and each
// once. It asks about all objects of a kind first, which most callers have the rights
// to or none, and then about each that is left.
func (c Caller) Denied(ctx context.Context, questions []Question) ([]Question, error) {
	var onAll, byName []Question
	for _, question := range questions {
		onAll = append(onAll, question.onAll())
	}
	allowed, err := c.ask(ctx, onAll)
	if err != nil {
		return nil, err
	}
	for _, question := range questions {
		if question.Name != "" && !allowed[question.onAll()] {
			byName = append(byName, question)
		}
	}
	allowedByName, err := c.ask(ctx, byName)
	if err != nil {
		return nil, err
	}
	var denied []Question
	for _, question := range questions {
		if !allowed[question.onAll()] && !allowedByName[question] && !slices.Contains(denied, question) {
			denied = append(denied, question)
		}
	}
	return denied, nil
}

// ask asks each question once, several at a time.
func (c Caller) ask(ctx context.Context, questions []Question) (map[Question]bool, error) {
	var mutex sync.Mutex
	answers, begun := map[Question]bool{}, map[Question]bool{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	for _, question := range questions {
		if begun[question] {
			continue
		}
		begun[question] = true
		group.Go(func() error {
			allowed, err := c.may(ctx, question)
			mutex.Lock()
			defer mutex.Unlock()
			answers[question] = allowed
			return err
		})
	}
	return answers, group.Wait()
}

// may asks. No opinion is no.
func (c Caller) may(ctx context.Context, q Question) (bool, error) {
	decision, _, err := c.Authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User:            c.User,
		Verb:            q.Verb,
		Namespace:       c.Namespace,
		APIGroup:        q.Resource.Group,
		APIVersion:      q.Resource.Version,
		Resource:        q.Resource.Resource,
		Name:            q.Name,
		ResourceRequest: true,
	})
	if decision == authorizer.DecisionAllow {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking the host cluster whether user %q may %s %s in namespace %q: %w", c.User.GetName(), q.Verb, q.Resource.GroupResource(), c.Namespace, err)
	}
	return false, nil
}
