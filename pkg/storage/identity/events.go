// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/klog/v2"
)

const (
	// ReasonRefused is that of the event about a store that is not the one which the cluster
	// knows.
	ReasonRefused = "StoreRefused"
	// ReasonLeaving is that of the event about a store that is being taken away.
	ReasonLeaving = "StoreLeaving"
	// ReasonServed is that of the event about the end of a refusal.
	ReasonServed = "StoreServed"

	// unheard is how much is kept for a cluster that takes no events. What a guard finds
	// changes with what people do.
	unheard = 16
	// patience is for one event. Where the cluster takes none for longer, the log has it.
	patience = 10 * time.Minute
)

// Teller writes events about the ConfigMap, which outlive the log of a process and are
// where somebody looks who can't ask its readyz.
type Teller struct {
	client    corev1client.CoreV1Interface
	namespace string
	source    corev1.EventSource
	found     chan error
}

// NewTeller returns a Teller in whose events the source says which replica it is. It
// writes nothing before it runs.
func NewTeller(client corev1client.CoreV1Interface, namespace string, source corev1.EventSource) *Teller {
	return &Teller{client: client, namespace: namespace, source: source, found: make(chan error, unheard)}
}

// Tell is for the Config of a Guard. Of more than can be kept, the log has the oldest.
func (t *Teller) Tell(found error) {
	for {
		select {
		case t.found <- found:
			return
		default:
		}
		select {
		case <-t.found: //nolint:errcheck // no error of ours: what is given up
		default:
		}
	}
}

// Run writes events until ctx ends: one for each refusal, and one when it is over. That
// nothing is known yet, or that the cluster does not answer, is no refusal.
func (t *Teller) Run(ctx context.Context) error {
	told := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case found := <-t.found:
			var refusal *Refusal
			var leaving *Leaving
			switch {
			case errors.As(found, &leaving):
				t.write(ctx, corev1.EventTypeWarning, ReasonLeaving, leaving.Message)
			case errors.As(found, &refusal) && refusal.Message != told:
				told = refusal.Message
				t.write(ctx, corev1.EventTypeWarning, ReasonRefused, told)
			case found == nil && told != "":
				told = ""
				t.write(ctx, corev1.EventTypeNormal, ReasonServed, "Requests are answered again: the store is the one that the cluster knows")
			}
		}
	}
}

// write writes an event, and tries for long. The recorder of client-go gives an event
// up that the cluster refuses once, as it does when its etcd is slow: this one is written
// while something is wrong with the cluster, and is not said again.
func (t *Teller) write(ctx context.Context, kind, reason, message string) {
	now := metav1.Now()
	event := &corev1.Event{
		// One name for all tries: of one that was written without an answer there is no second.
		ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: fmt.Sprintf("%s.%x", ConfigMap, now.UnixNano())},
		Type:       kind, Reason: reason, Message: message,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source: t.source, ReportingController: t.source.Component, ReportingInstance: t.source.Host,
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.5, Steps: 6, Cap: 30 * time.Second}
	for t.try(ctx, event) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(again.Step()):
		}
	}
}

// try writes an event about the ConfigMap, with its uid where it has one: kubectl describe
// looks by it.
func (t *Teller) try(ctx context.Context, event *corev1.Event) error {
	event.InvolvedObject = corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: t.namespace, Name: ConfigMap}
	known, err := t.client.ConfigMaps(t.namespace).Get(ctx, ConfigMap, metav1.GetOptions{})
	if err == nil {
		event.InvolvedObject.UID = known.UID
	}
	if err == nil || apierrors.IsNotFound(err) {
		_, err = t.client.Events(t.namespace).Create(ctx, event, metav1.CreateOptions{})
	}
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	klog.FromContext(ctx).Info("Can't write an event yet", "reason", event.Reason, "about", klog.KRef(t.namespace, ConfigMap), "err", err)
	return err
}
