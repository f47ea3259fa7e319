// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
)

func revisionsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
}

// isRevision tells one of ours from those of StatefulSets and DaemonSets.
func isRevision(object metav1.Object) bool {
	labels := object.GetLabels()
	return labels[history.ManagedByLabel] == history.ManagedBy && labels[history.ObjectLabel] != ""
}

func (c *Cluster) lookForRevisions(ctx context.Context, found *Observed) error {
	return c.each(ctx, revisionsResource(), func(object *metav1.PartialObjectMetadata) error {
		if isRevision(object) {
			found.Revisions = append(found.Revisions, object.Namespace+"/"+object.Name)
		}
		return nil
	})
}

func (c *Carrier) deleteRevisions(ctx context.Context) error {
	return c.Cluster.each(ctx, revisionsResource(), func(object *metav1.PartialObjectMetadata) error {
		if !isRevision(object) {
			return nil
		}
		client := c.Cluster.metadata.Resource(revisionsResource()).Namespace(object.Namespace)
		err := client.Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &object.UID}})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("ControllerRevision %s/%s: %w", object.Namespace, object.Name, err)
		}
		return nil
	})
}
