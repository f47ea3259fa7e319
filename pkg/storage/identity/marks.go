// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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

var errEnough = errors.New("one is enough")

// Any names one object that carries a mark, "" where there is none.
func (m *Marks) Any(ctx context.Context) (string, error) {
	for _, kind := range victoriametrics.MarkedKinds() {
		objects := m.client.Resource(kind.Resource)
		list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return objects.List(ctx, options)
		})
		var marked string
		err := list.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
			object, ok := item.(*metav1.PartialObjectMetadata)
			if ok && victoriametrics.CarriesMark(object) {
				marked = fmt.Sprintf("%s %s/%s", kind.Kind, object.Namespace, object.Name)
				return errEnough
			}
			return nil
		})
		switch {
		case marked != "":
			return marked, nil
		case err != nil && !apierrors.IsNotFound(err): // the kind is not installed
			return "", fmt.Errorf("looking for marks of VMDistributedClusters: %w", err)
		}
	}
	return "", nil
}
