// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import corev1 "k8s.io/api/core/v1"

// The kinds of etcds that hold a store. Another kind is KindHost.
const (
	KindEmbeddedEtcd = "embedded-etcd"
	KindEtcd         = "etcd"
)

// Known is which store a cluster knows, for who only wants to look. ID is "" where it
// knows none yet, and Accepted the identity of the one that somebody wants taken, if any.
// Empty tells whether it was accepted as an empty one and held nothing since.
type Known struct {
	ID       string `json:"id,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Since    string `json:"since,omitempty"`
	Accepted string `json:"accepted,omitempty"`
	Empty    bool   `json:"empty,omitempty"`
}

// KnownBy reads it out of the ConfigMap.
func KnownBy(found *corev1.ConfigMap) Known {
	known := asRemembered(found)
	return Known{ID: known.id, Kind: known.kind, Since: known.since, Accepted: known.accepted, Empty: known.empty}
}

// HowToAccept is the command by which a store with an identity is taken, in a server's
// namespace.
func HowToAccept(namespace, id string) string {
	return "kubectl -n " + namespace + " annotate --overwrite configmap " + ConfigMap + " " + AcceptAnnotation + "=" + id
}
