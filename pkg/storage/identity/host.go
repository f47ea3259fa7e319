// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// KindHost is the kind of a store in records of the cluster.
const KindHost = "host"

// Host is a store in records of the cluster. Its identity is that of their
// CustomResourceDefinition: whoever deletes that deletes all of them.
type Host struct {
	definitions apiextensions.CustomResourceDefinitionInterface
	definition  string
	records     Records
}

// Records are what is in the store.
type Records interface {
	// None tells whether there are none, Has whether there is that of an object.
	None(ctx context.Context) (bool, error)
	Has(ctx context.Context, object types.NamespacedName) (bool, error)
}

// NewHost returns the store whose records a CustomResourceDefinition defines.
func NewHost(definitions apiextensions.CustomResourceDefinitionsGetter, definition string, records Records) *Host {
	return &Host{definitions: definitions.CustomResourceDefinitions(), definition: definition, records: records}
}

// Kind is what sort of a store it is.
func (*Host) Kind() string { return KindHost }

// String names it.
func (h *Host) String() string { return "the records of CustomResourceDefinition " + h.definition }

// Close has nothing to let go of.
func (*Host) Close() error { return nil }

// ID is the identity that the store has now, "" where there is no store. It is leaving
// once somebody has deleted the definition: then it goes with the last record.
func (h *Host) ID(ctx context.Context) (id string, leaving bool, err error) {
	found, err := h.definitions.Get(ctx, h.definition, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("reading the identity of %s: %w", h, err)
	}
	return string(found.UID), found.DeletionTimestamp != nil, nil
}

// Name returns the identity that the store has by itself.
func (h *Host) Name(ctx context.Context) (string, error) {
	id, _, err := h.ID(ctx)
	if err == nil && id == "" {
		err = fmt.Errorf("CustomResourceDefinition %s is not there: apply it, as artifacts/base has it", h.definition)
	}
	return id, err
}

// Empty tells whether there are no records.
func (h *Host) Empty(ctx context.Context) (bool, error) { return h.records.None(ctx) }

// Has tells whether there is the record of an object.
func (h *Host) Has(ctx context.Context, object types.NamespacedName) (bool, error) {
	return h.records.Has(ctx, object)
}
