// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// pair is a certificate with its key, and the authority that signed it.
type pair struct {
	cert, key []byte // in PEM
	leaf      *x509.Certificate
	authority *x509.Certificate
}

// parsePair reads a certificate and its key, and finds its authority among those that
// are given.
func parsePair(cert, key []byte, authorities bundle) (*pair, error) {
	if len(cert) == 0 || len(key) == 0 {
		return nil, errors.New("there is no certificate with a key")
	}
	parsed, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	for _, authority := range authorities {
		if parsed.Leaf.CheckSignatureFrom(authority) == nil {
			return &pair{cert: cert, key: key, leaf: parsed.Leaf, authority: authority}, nil
		}
	}
	return nil, fmt.Errorf("the authority of the certificate, %s, is not in %s", parsed.Leaf.Issuer, authoritiesKey)
}

// ends returns the moment after which the certificate is good for nothing.
func (p *pair) ends() time.Time {
	if p.authority.NotAfter.Before(p.leaf.NotAfter) {
		return p.authority.NotAfter
	}
	return p.leaf.NotAfter
}

// goodAt tells whether the certificate is good for anything at a moment. There may be
// no certificate at all.
func (p *pair) goodAt(now time.Time) bool {
	return p != nil && !now.Before(p.leaf.NotBefore) && !now.Before(p.authority.NotBefore) && now.Before(p.ends())
}

func (p *pair) isFor(host string) bool { return p.leaf.VerifyHostname(host) == nil }

// same tells whether both are the same certificate. There may be none.
func (p *pair) same(other *pair) bool {
	if p == nil || other == nil {
		return p == other
	}
	return bytes.Equal(p.leaf.Raw, other.leaf.Raw)
}
