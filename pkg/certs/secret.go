// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	authoritiesKey = "ca.crt"
	nextCertKey    = "next.crt"
	nextKeyKey     = "next.key"

	// managedByLabel marks a Secret that is ours to write.
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "vmdistributed-apiserver"
)

// content is what the Secret holds.
type content struct {
	// serving is the certificate that all replicas serve, sooner or later, and next the
	// one that follows. Either is nil where there is none that could be used.
	serving, next *pair
	// authorities are those that clients have to trust.
	authorities bundle
}

// stored is the Secret as it was read.
type stored struct {
	content
	// there is false if there is no Secret at all.
	there bool
	// foreign is true if the Secret is somebody else's.
	foreign bool
	// problem says why serving is nil.
	problem string
	// tidy is false if something is in the Secret that content does not have.
	tidy bool
}

// read takes out of a Secret what can be used; nil stands for no Secret.
func read(secret *corev1.Secret) stored {
	if secret == nil {
		return stored{problem: "it is not there"}
	}
	s := stored{there: true, foreign: secret.Labels[managedByLabel] != managedBy}
	s.authorities = parseBundle(secret.Data[authoritiesKey])
	s.tidy = string(s.authorities.encode()) == string(secret.Data[authoritiesKey])
	var err error
	if s.serving, err = parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], s.authorities); err != nil {
		s.problem = err.Error()
	}
	nextCert, nextKey := secret.Data[nextCertKey], secret.Data[nextKeyKey]
	if s.next, err = parsePair(nextCert, nextKey, s.authorities); err != nil && len(nextCert)+len(nextKey) > 0 {
		s.tidy = false
	}
	return s
}

// write returns a Secret with another content; nil stands for none so far.
func (c content) write(secret *corev1.Secret, namespace, name string) *corev1.Secret {
	if secret == nil {
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{managedByLabel: managedBy}},
			Type:       corev1.SecretTypeTLS,
		}
	}
	secret = secret.DeepCopy()
	secret.StringData = nil
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	secret.Data[authoritiesKey] = c.authorities.encode()
	secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey] = c.serving.cert, c.serving.key
	delete(secret.Data, nextCertKey)
	delete(secret.Data, nextKeyKey)
	if c.next != nil {
		secret.Data[nextCertKey], secret.Data[nextKeyKey] = c.next.cert, c.next.key
	}
	return secret
}
