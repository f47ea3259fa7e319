// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// ConfigMap is what the cluster remembers its store in.
	ConfigMap = "vmdistributed-store"
	// AcceptAnnotation on the ConfigMap has the server take another store, of which it is
	// the identity.
	AcceptAnnotation = "distributed.victoriametrics.com/accept-store"

	// The keys of the ConfigMap's data.
	idKey       = "id"
	kindKey     = "kind"
	sinceKey    = "since"
	previousKey = "previous"
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
		accepted: found.Annotations[AcceptAnnotation],
	}
}

// write remembers a store in the place of what was read, and nothing that has been
// remembered since. It returns what is remembered then.
func (m *memory) write(ctx context.Context, before *remembered, id, kind string, now time.Time) (*remembered, error) {
	changed := before.found.DeepCopy()
	changed.Annotations = maps.Clone(changed.Annotations)
	delete(changed.Annotations, AcceptAnnotation)
	if changed.Data == nil {
		changed.Data = map[string]string{}
	}
	if before.id != "" {
		changed.Data[previousKey] = before.id
	}
	changed.Data[idKey], changed.Data[kindKey], changed.Data[sinceKey] = id, kind, now.UTC().Format(time.RFC3339)
	written, err := m.client.ConfigMaps(m.namespace).Update(ctx, changed, metav1.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("remembering the store in %s: %w", m, err)
	}
	return asRemembered(written), nil
}
