// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// Follow calls seen with an object as it is, and again whenever it changes, until seen
// says that this is enough, or the context ends. An object that is not there, or no
// longer, is an error by which apierrors.IsNotFound is true. Requests that fail are made
// anew, but where a right is missing: no wait mends that.
func (c *Client) Follow(ctx context.Context, name string, seen func(*v1alpha1.VMDistributedCluster) (enough bool, err error)) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	kind := c.version.WithResource(resource).GroupResource()
	source := &source{objects: c, only: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String(), end: func(err error) {
		end(fmt.Errorf("following VMDistributedCluster %s/%s takes the rights to list and watch %s: %w", c.namespace, name, kind, err))
	}}
	gone := apierrors.NewNotFound(kind, name)
	exists := func(store cache.Store) (bool, error) {
		if len(store.ListKeys()) == 0 {
			return true, gone
		}
		return false, nil
	}
	lists := &cache.ListWatch{ListWithContextFunc: source.list, WatchFuncWithContext: source.watch}
	_, err := watchtools.UntilWithSync(ctx, lists, &unstructured.Unstructured{}, exists, func(event watch.Event) (bool, error) {
		if event.Type == watch.Deleted {
			return true, gone
		}
		object, err := decode[v1alpha1.VMDistributedCluster](event.Object.(*unstructured.Unstructured))
		if err != nil {
			return true, err
		}
		return seen(object)
	})
	if refused := context.Cause(ctx); apierrors.IsForbidden(refused) {
		return refused
	}
	return err
}

// refusalsInARow are borne once requests have been allowed: a kube-apiserver that has
// just started does not know all roles yet.
const refusalsInARow = 3

// source lists and watches one object, and gives up where that is forbidden. The
// reflector that reads from it would ask without end.
type source struct {
	objects  *Client
	only     string
	end      func(error)
	watched  bool
	refusals int
}

func (s *source) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	options.FieldSelector = s.only
	found, err := s.objects.objects.List(ctx, options)
	if s.over(ctx, err) {
		return nil, apierrors.NewResourceExpired("nobody waits any more")
	}
	return found, err
}

func (s *source) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.FieldSelector = s.only
	begun, err := s.objects.objects.Watch(ctx, options)
	// A list that is forbidden as a watch is asked for as a list at once: one try, not two.
	asList := options.SendInitialEvents != nil && *options.SendInitialEvents
	if !asList && s.over(ctx, err) || err != nil && ctx.Err() != nil {
		return nil, io.EOF
	}
	if err == nil {
		s.watched, s.refusals = true, 0
	}
	return begun, err
}

// over is true where a request has failed that nobody waits for any more. The reflector
// must not log that, since the user is told in one sentence: it takes what is returned
// then for what ends lists and watches every day.
func (s *source) over(ctx context.Context, err error) bool {
	if s.refused(err) {
		<-ctx.Done()
	}
	return err != nil && ctx.Err() != nil
}

// refused tells whether to ask no more, and ends what reads from here then.
func (s *source) refused(err error) bool {
	if !apierrors.IsForbidden(err) {
		return false
	}
	if s.refusals++; s.watched && s.refusals <= refusalsInARow {
		return false
	}
	s.end(err)
	return true
}
