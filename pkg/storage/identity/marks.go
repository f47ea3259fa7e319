// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/pager"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Marks finds what VMDistributedClusters have left in the cluster.
type Marks struct {
	client metadata.Interface
}

// NewMarks returns a finder that asks client.
func NewMarks(client metadata.Interface) *Marks { return &Marks{client} }

// Mark is what a VMDistributedCluster has left on an object.
type Mark struct {
	// On is the object, in words.
	On string
	// Owner is whose it is, where a mark says so.
	Owner types.NamespacedName
}

// Find returns one mark of each owner, and one of those that name none.
func (m *Marks) Find(ctx context.Context) ([]Mark, error) {
	var found []Mark
	known := sets.New[types.NamespacedName]()
	for _, kind := range victoriametrics.MarkedKinds() {
		objects := m.client.Resource(kind.Resource)
		list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return objects.List(ctx, options)
		})
		err := list.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
			object, ok := item.(*metav1.PartialObjectMetadata)
			if !ok || !victoriametrics.CarriesMark(object) {
				return nil
			}
			owner, _, err := victoriametrics.OwnerOf(object)
			if err != nil {
				owner = types.NamespacedName{} // a mark that can't be read is a mark
			}
			if !known.Has(owner) {
				known.Insert(owner)
				found = append(found, Mark{On: fmt.Sprintf("%s %s/%s", kind.Kind, object.Namespace, object.Name), Owner: owner})
			}
			return nil
		})
		if err != nil && !apierrors.IsNotFound(err) { // the kind is not installed
			return nil, fmt.Errorf("looking for marks of VMDistributedClusters: %w", err)
		}
	}
	return found, nil
}
