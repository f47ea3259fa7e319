// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// othersPerZone is how many VMClusters of others there have to be for each of an object's, for
// these to be asked for by name.
const othersPerZone = 4

// concerned are the VMClusters that an object may have to do with, where there are so many
// others in the namespace that a list of all would cost more than a request for each; nil
// where there are not. One that carries our mark and that neither the object nor the cache
// knows of yet comes with the event that tells the cache. A deletion looks at all: after it
// nobody looks again.
func (s live) concerned(ctx context.Context, object *vmdistributed.VMDistributedCluster) []string {
	if object.DeletionTimestamp != nil {
		return nil
	}
	names := sets.New[string]()
	for i := range object.Spec.Zones.VMClusters {
		names.Insert(object.Spec.Zones.VMClusters[i].ClusterName())
	}
	for i := range object.Status.Zones {
		names.Insert(object.Status.Zones[i].Name)
	}
	marked, err := s.known.Marked(ctx, types.NamespacedName{Namespace: object.Namespace, Name: object.Name})
	if err != nil {
		return nil
	}
	for _, cluster := range marked {
		names.Insert(cluster.GetName())
	}
	if all, err := s.known.CountClusters(object.Namespace); err != nil || all <= (1+othersPerZone)*names.Len() {
		return nil
	}
	return sets.List(names)
}

// cluster reads one VMCluster; nil where there is none. It asks for a list, as which it is
// covered by the right that the look at all of them needs.
func (s live) cluster(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	found, err := s.list(ctx, victoriametrics.VMClusterResource, namespace, fields.OneTermEqualSelector(metav1.ObjectNameField, name))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// onceEach asks for each name once.
func onceEach[T any](ask func(name string) (T, error)) func(name string) (T, error) {
	var mutex sync.Mutex
	asked := map[string]func() (T, error){}
	return func(name string) (T, error) {
		mutex.Lock()
		answer := asked[name]
		if answer == nil {
			answer = sync.OnceValues(func() (T, error) { return ask(name) })
			asked[name] = answer
		}
		mutex.Unlock()
		return answer()
	}
}

// each asks for all names at once, and returns those that there are.
func each(names []string, ask func(name string) (*unstructured.Unstructured, error)) ([]*unstructured.Unstructured, error) {
	answers, errs := make([]*unstructured.Unstructured, len(names)), make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { answers[i], errs[i] = ask(name) })
	}
	group.Wait()
	var found []*unstructured.Unstructured
	for _, answer := range answers {
		if answer != nil {
			found = append(found, answer)
		}
	}
	return found, errors.Join(errs...)
}
