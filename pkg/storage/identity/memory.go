// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// ConfigMap is what the cluster remembers its store in.
	ConfigMap = "vmdistributed-store"
	// AcceptAnnotation on the ConfigMap has the server take a store that it refuses, of which
	// it is the identity.
	AcceptAnnotation = "distributed.victoriametrics.com/accept-store"

	// The keys of the ConfigMap's data.
	idKey       = "id"
	kindKey     = "kind"
	sinceKey    = "since"
	previousKey = "previous"
	emptyKey    = "empty"
)

// memory is the ConfigMap in a namespace of the cluster.
type memory struct {
	client    corev1client.ConfigMapsGetter
	namespace string
}

// remembered is what it says.
type remembered struct {
	found *corev1.ConfigMap
	// id, kind and since are of the store, the first "" where none is remembered yet, and
	// previous is the one before it, if any.
	id, kind, since, previous string
	// accepted is the store that somebody wants taken, if any.
	accepted string
	// empty is true where the store was accepted as an empty one and held nothing since.
	empty bool
}

func (m *memory) String() string { return fmt.Sprintf("ConfigMap %s/%s", m.namespace, ConfigMap) }

// read makes the ConfigMap where there is none: it is what can be annotated.
func (m *memory) read(ctx context.Context) (*remembered, error) {
	client := m.client.ConfigMaps(m.namespace)
	found, err := client.Get(ctx, ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		found, err = client.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: ConfigMap}}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // another replica was faster
			found, err = client.Get(ctx, ConfigMap, metav1.GetOptions{})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading which store the cluster knows, from %s: %w", m, err)
	}
	return asRemembered(found), nil
}

func asRemembered(found *corev1.ConfigMap) *remembered {
	return &remembered{
		found: found, id: found.Data[idKey], kind: found.Data[kindKey], since: found.Data[sinceKey], previous: found.Data[previousKey],
		accepted: found.Annotations[AcceptAnnotation], empty: found.Data[emptyKey] != "",
	}
}

// write remembers a store in the place of what was read, and nothing that has been
// remembered since. Empty says whether it was accepted as an empty one. It returns what is
// remembered then.
func (m *memory) write(ctx context.Context, before *remembered, id, kind string, empty bool, now time.Time) (*remembered, error) {
	changed := before.heeded(id, empty)
	if before.id != "" {
		changed.Data[previousKey] = before.id
	}
	changed.Data[idKey], changed.Data[kindKey], changed.Data[sinceKey] = id, kind, now.UTC().Format(time.RFC3339)
	return m.update(ctx, changed)
}

// settle remembers of the store that is known whether it was accepted as an empty one, and
// takes away the word that accepted it, which is not for the next time.
func (m *memory) settle(ctx context.Context, before *remembered, id string, empty bool) error {
	if before.accepted != id && before.empty == empty {
		return nil
	}
	_, err := m.update(ctx, before.heeded(id, empty))
	return err
}

// heeded is a copy of the ConfigMap without the word that accepts this store.
func (r *remembered) heeded(id string, empty bool) *corev1.ConfigMap {
	changed := r.found.DeepCopy()
	if r.accepted == id {
		delete(changed.Annotations, AcceptAnnotation)
	}
	if changed.Data == nil {
		changed.Data = map[string]string{}
	}
	delete(changed.Data, emptyKey)
	if empty {
		changed.Data[emptyKey] = "accepted"
	}
	return changed
}

func (m *memory) update(ctx context.Context, changed *corev1.ConfigMap) (*remembered, error) {
	written, err := m.client.ConfigMaps(m.namespace).Update(ctx, changed, metav1.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("remembering the store in %s: %w", m, err)
	}
	return asRemembered(written), nil
}
