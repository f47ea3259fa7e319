// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// reasonContended is that of the event about another writer of spec.caBundle.
const reasonContended = "CABundleContended"

// tellByEvents has events written until the context ends.
func (k *Keeper) tellByEvents(ctx context.Context) (stop func()) {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: k.client.CoreV1().Events("")})
	k.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: FieldManager})
	return broadcaster.Shutdown
}

// tellOfContention says on an APIService that somebody else writes it.
func (k *Keeper) tellOfContention(service apiService) {
	if k.events == nil {
		return // it has only begun
	}
	about := &corev1.ObjectReference{
		APIVersion: apiregistrationv1.SchemeGroupVersion.String(), Kind: "APIService", Name: service.name, UID: service.uid,
	}
	k.events.Eventf(about, corev1.EventTypeWarning, reasonContended,
		"spec.caBundle, which the server keeps, is written by %s again and again: until they stop, the aggregator does not trust the server", service.writer())
}
