// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// deleteRecords deletes all records, and waits until they have gone. No server may run:
// it would put the guard back with what it writes next.
func (c *Carrier) deleteRecords(ctx context.Context) error {
	err := c.Cluster.each(ctx, recordsResource(), func(record *metav1.PartialObjectMetadata) error {
		err := c.deleteRecord(ctx, record)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("record %s/%s: %w", record.Namespace, record.Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.await(ctx, func(ctx context.Context) (string, error) {
		left := Observed{}
		if err := c.Cluster.lookForRecords(ctx, &left); err != nil || len(left.Records) == 0 {
			return "", err
		}
		return "there are still " + some(left.Records), nil
	})
}

// deleteRecord takes our guard off a record, and deletes it. Finalizers of others stay.
func (c *Carrier) deleteRecord(ctx context.Context, record *metav1.PartialObjectMetadata) error {
	client := c.Cluster.metadata.Resource(recordsResource()).Namespace(record.Namespace)
	if slices.Contains(record.Finalizers, storagev1.GuardFinalizer) {
		others := slices.DeleteFunc(slices.Clone(record.Finalizers), func(name string) bool { return name == storagev1.GuardFinalizer })
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": record.ResourceVersion, "finalizers": others}})
		if err != nil {
			return err
		}
		if _, err := client.Patch(ctx, record.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return client.Delete(ctx, record.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &record.UID}})
}
