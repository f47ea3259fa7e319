// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"sync"

	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// Served is the certificate that this process serves. It changes without a restart,
// and connections that are there already stay.
type Served struct {
	name string

	mutex     sync.RWMutex
	current   *pair
	listeners []dynamiccertificates.Listener
}

var _ dynamiccertificates.CertKeyContentProvider = (*Served)(nil)

// Name says where the certificate comes from.
func (s *Served) Name() string { return s.name }

// CurrentCertKeyContent is empty before there is a certificate.
func (s *Served) CurrentCertKeyContent() (cert, key []byte) {
	if p := s.pair(); p != nil {
		return p.cert, p.key
	}
	return nil, nil
}

// AddListener has a listener told of each change from now on.
func (s *Served) AddListener(listener dynamiccertificates.Listener) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.listeners = append(s.listeners, listener)
}

func (s *Served) pair() *pair {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.current
}

func (s *Served) set(p *pair) {
	s.mutex.Lock()
	s.current = p
	listeners := s.listeners
	s.mutex.Unlock()
	for _, listener := range listeners {
		listener.Enqueue()
	}
}
