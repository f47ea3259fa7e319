// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	certutil "k8s.io/client-go/util/cert"
)

// bundle is a set of authorities, in the order in which they were made.
type bundle []*x509.Certificate

// parseBundle reads all certificates of a PEM file that can be read.
func parseBundle(raw []byte) bundle {
	var found bundle
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			return found
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == certutil.CertificateBlockType {
			found = found.with(certificate)
		}
	}
}

// encode writes PEM, without comments.
func (b bundle) encode() []byte {
	var out []byte
	for _, certificate := range b {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: certutil.CertificateBlockType, Bytes: certificate.Raw})...)
	}
	return out
}

func (b bundle) has(certificate *x509.Certificate) bool {
	return slices.ContainsFunc(b, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, certificate.Raw) })
}

// with returns the bundle with more in it. The order is that of age, so that two
// who put the same together write the same.
func (b bundle) with(more ...*x509.Certificate) bundle {
	all := slices.Clone(b)
	for _, certificate := range more {
		if !all.has(certificate) {
			all = append(all, certificate)
		}
	}
	slices.SortFunc(all, func(a, b *x509.Certificate) int {
		if order := a.NotBefore.Compare(b.NotBefore); order != 0 {
			return order
		}
		return bytes.Compare(a.Raw, b.Raw)
	})
	return all
}

// endingBetween returns those whose life ends after one moment and not after
// another.
func (b bundle) endingBetween(from, to time.Time) bundle {
	return slices.DeleteFunc(slices.Clone(b), func(c *x509.Certificate) bool { return c.NotAfter.Before(from) || c.NotAfter.After(to) })
}

// endingFrom returns those whose life has not ended at a moment.
func (b bundle) endingFrom(from time.Time) bundle {
	return slices.DeleteFunc(slices.Clone(b), func(c *x509.Certificate) bool { return c.NotAfter.Before(from) })
}
