// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	appsv1client "k8s.io/client-go/kubernetes/typed/apps/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// History is that of all objects, in the host cluster.
type History struct {
	client appsv1client.ControllerRevisionsGetter
}

// New returns the history that a client leads to.
func New(client appsv1client.ControllerRevisionsGetter) *History { return &History{client: client} }

// List returns the records of an object, the latest first.
func (h *History) List(ctx context.Context, of types.NamespacedName) ([]Record, error) {
	objects, err := h.objects(ctx, of)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(objects))
	for i := range objects {
		records[i] = read(&objects[i])
	}
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(a.Revision, b.Revision))
	})
	return records, nil
}

// objects are the ControllerRevisions of an object. Their annotation tells them from
// those of another whose name makes the same label.
func (h *History) objects(ctx context.Context, of types.NamespacedName) ([]appsv1.ControllerRevision, error) {
	selector := labels.Set{ManagedByLabel: ManagedBy, ObjectLabel: labelOf(of.Name)}.String()
	list, err := h.client.ControllerRevisions(of.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("listing the ControllerRevisions of VMDistributedCluster %s: %w", of, err)
	}
	return slices.DeleteFunc(list.Items, func(object appsv1.ControllerRevision) bool { return !isOf(&object, of) }), nil
}

func isOf(object *appsv1.ControllerRevision, of types.NamespacedName) bool {
	return object.Annotations[victoriametrics.OwnerAnnotation] == of.String() && object.Labels[ManagedByLabel] == ManagedBy
}

// Get returns the record of one revision, nil where there is none.
func (h *History) Get(ctx context.Context, of types.NamespacedName, revision string) (*Record, error) {
	object, err := h.client.ControllerRevisions(of.Namespace).Get(ctx, nameOf(of, revision), metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && (!isOf(object, of) || object.DeletionTimestamp != nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ControllerRevision %s/%s: %w", of.Namespace, nameOf(of, revision), err)
	}
	record := read(object)
	if record.Revision != revision {
		record.Problem = fmt.Sprintf("ControllerRevision %s/%s: it is labelled as revision %q", object.Namespace, object.Name, record.Revision)
	}
	return &record, nil
}

// Keep puts on record what there is to an object, and drops what is too old. Where all
// of it is there, nothing is written.
func (h *History) Keep(ctx context.Context, of types.NamespacedName, state State) error {
	records, err := h.List(ctx, of)
	if err != nil {
		return err
	}
	written, deleted := plan(records, state)
	for i := range written {
		if err := h.put(ctx, of, &written[i]); err != nil {
			return err
		}
	}
	for i := range deleted {
		if err := h.drop(ctx, deleted[i].object); err != nil {
			return err
		}
	}
	return nil
}

func (h *History) put(ctx context.Context, of types.NamespacedName, record *Record) error {
	object, err := record.write(of)
	if err != nil {
		return fmt.Errorf("putting revision %s of VMDistributedCluster %s on record: %w", record.Revision, of, err)
	}
	client := h.client.ControllerRevisions(of.Namespace)
	if record.object == nil {
		_, err = client.Create(ctx, object, metav1.CreateOptions{FieldManager: ManagedBy})
	} else {
		_, err = client.Update(ctx, object, metav1.UpdateOptions{FieldManager: ManagedBy})
	}
	if err != nil {
		return fmt.Errorf("writing ControllerRevision %s/%s: %w", object.Namespace, object.Name, err)
	}
	return nil
}

func (h *History) drop(ctx context.Context, object *appsv1.ControllerRevision) error {
	err := h.client.ControllerRevisions(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(object.UID))})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting ControllerRevision %s/%s: %w", object.Namespace, object.Name, err)
	}
	return nil
}

// Forget deletes all records of an object.
func (h *History) Forget(ctx context.Context, of types.NamespacedName) error {
	objects, err := h.objects(ctx, of)
	if err != nil {
		return err
	}
	for i := range objects {
		if err := h.drop(ctx, &objects[i]); err != nil {
			return err
		}
	}
	return nil
}
