// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package aborts remembers in the host cluster which changes were called off or undone,
// which zones were skipped, and when all were restarted last: a ConfigMap in the server's own namespace, which outlives the store. Where the store is
// lost and a manifest is applied again, the change that it makes still is.
package aborts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

const (
	// ConfigMap is what they are remembered in, by object.
	ConfigMap = "vmdistributed-aborts"
	// maxReason is how many bytes of a reason are remembered: all objects share the
	// ConfigMap, which may have 1 MiB.
	maxReason = 256
)

// restarted stands in the place of a revision, for versions that know nothing of
// restarting.
const restarted = "restarted"

// Memory is the ConfigMap in a namespace of the host cluster.
type Memory struct {
	client    corev1client.ConfigMapsGetter
	namespace string
}

// New returns the memory in a namespace.
func New(client corev1client.ConfigMapsGetter, namespace string) *Memory {
	return &Memory{client: client, namespace: namespace}
}

// String names the ConfigMap.
func (m *Memory) String() string { return fmt.Sprintf("ConfigMap %s/%s", m.namespace, ConfigMap) }

// decision is one of them, as it is written. A version that knows nothing of undoing
// takes what was undone for called off, and leaves it; of skipping and
// restarting, such a one for a revision that is called off and that nobody asks for.
type decision struct {
	// Skipped is the zone that is left out of its revision; empty for a decision on all.
	Skipped string `json:"skipped,omitempty"`
	// Restarted is the revision that was rolled out once more; empty for any other one,
	// which is in Revision.
	Restarted string      `json:"restarted,omitempty"`
	Revision  string      `json:"revision"`
	To        string      `json:"to,omitempty"`
	By        string      `json:"by,omitempty"`
	At        metav1.Time `json:"at"`
	Reason    string      `json:"reason,omitempty"`
}

// word is what it stands for in a status.
func (d decision) word() vmdistributed.Word {
	verb := vmdistributed.WordAbort
	switch {
	case d.Restarted != "":
		verb, d.Revision = vmdistributed.WordRestart, d.Restarted
	case d.Skipped != "":
		verb = vmdistributed.WordSkip
	case d.To != "":
		verb = vmdistributed.WordUndo
	}
	return vmdistributed.Word{Verb: verb, Zone: d.Skipped, Revision: d.Revision, To: d.To, By: d.By, At: d.At, Reason: d.Reason}
}

// Recall returns the words by which changes to an object were called off or undone, or
// zones skipped.
func (m *Memory) Recall(ctx context.Context, object types.NamespacedName) ([]vmdistributed.Word, error) {
	found, err := m.client.ConfigMaps(m.namespace).Get(ctx, ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading which changes to %s were called off, from %s: %w", object, m, err)
	}
	text, kept := found.Data[keyOf(object)]
	if !kept {
		return nil, nil
	}
	var all []decision
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("reading which changes to %s were called off: %s has something else in its key %s, mend it or take it out: %w",
			object, m, keyOf(object), err)
	}
	var words []vmdistributed.Word
	for _, d := range all {
		words = append(words, d.word())
	}
	return words, nil
}

// Keep remembers of an object what its words say, and nothing else. They are asked for
// after the memory was read, and once more where somebody else has written it meanwhile:
// of two that keep words of one object, the later state of it stays.
func (m *Memory) Keep(ctx context.Context, object types.NamespacedName, words func(context.Context) ([]vmdistributed.Word, error)) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { return m.keep(ctx, object, words) })
	if err != nil {
		return fmt.Errorf("remembering which changes to %s are called off, in %s: %w", object, m, err)
	}
	return nil
}

func (m *Memory) keep(ctx context.Context, object types.NamespacedName, words func(context.Context) ([]vmdistributed.Word, error)) error {
	client := m.client.ConfigMaps(m.namespace)
	found, err := client.Get(ctx, ConfigMap, metav1.GetOptions{})
	there := !apierrors.IsNotFound(err)
	if there && err != nil {
		return err
	}
	said, err := words(ctx)
	if err != nil {
		return err
	}
	text, err := written(said)
	if err != nil {
		return err
	}
	switch {
	case !there && text == "":
		return nil
	case !there:
		_, err := client.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: ConfigMap}, Data: map[string]string{keyOf(object): text},
		}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // made since
			return apierrors.NewConflict(corev1.Resource("configmaps"), ConfigMap, err)
		}
		return err
	case found.Data[keyOf(object)] == text:
		return nil
	}
	changed := found.DeepCopy()
	if changed.Data == nil {
		changed.Data = map[string]string{}
	}
	if changed.Data[keyOf(object)] = text; text == "" {
		delete(changed.Data, keyOf(object))
	}
	_, err = client.Update(ctx, changed, metav1.UpdateOptions{})
	return err
}

// written is "" where nothing was called off, undone or skipped.
func written(words []vmdistributed.Word) (string, error) {
	var all []decision
	for _, word := range words {
		if !word.Outlives() {
			continue
		}
		reason := word.Reason
		if len(reason) > maxReason {
			reason = strings.ToValidUTF8(reason[:maxReason], "") + "..."
		}
		kept := decision{Skipped: word.Zone, Revision: word.Revision, To: word.To, By: word.By, At: word.At, Reason: reason}
		if word.Verb == vmdistributed.WordRestart {
			kept.Restarted, kept.Revision = word.Revision, restarted
		}
		all = append(all, kept)
	}
	if len(all) == 0 {
		return "", nil
	}
	text, err := json.Marshal(all)
	return string(text), err
}

// maxKey is how long a key of a ConfigMap may be, and keptOfKey how much of a longer one
// is for people to read.
const maxKey, keptOfKey = 253, 200

// keyOf is where the words about an object are. A namespace has no dot in its name.
func keyOf(object types.NamespacedName) string {
	key := object.Namespace + "." + object.Name
	if len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return key[:keptOfKey] + "." + hex.EncodeToString(sum[:16])
}
