// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// issue makes a certificate for a host, and an authority for it whose key nobody
// ever sees.
func issue(host string, now time.Time, t timing) (*pair, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of an authority: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	// Of authorities with one name, clients would have to try each.
	name := pkix.Name{CommonName: fmt.Sprintf("authority of %s, %x", host, serial.Bytes()[:4])}
	authority, err := sign(&x509.Certificate{
		Subject: name, SerialNumber: serial, NotBefore: now.Add(-t.skew), NotAfter: now.Add(t.lifetime),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}, nil, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, fmt.Errorf("making an authority: %w", err)
	}
	return issueFrom(authority, authorityKey, host)
}

func issueFrom(authority *x509.Certificate, authorityKey crypto.Signer, host string) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of a certificate: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	leaf, err := sign(&x509.Certificate{
		// The common name has room for 64 bytes, and is for people only.
		Subject: pkix.Name{CommonName: "vmdistributed-apiserver"}, DNSNames: []string{host},
		SerialNumber: serial, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}, authority, key.Public(), authorityKey)
	if err != nil {
		return nil, fmt.Errorf("making a certificate for %s: %w", host, err)
	}
	encoded, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, fmt.Errorf("writing the key of a certificate: %w", err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: certutil.CertificateBlockType, Bytes: leaf.Raw})
	return &pair{cert: cert, key: encoded, leaf: leaf, authority: authority}, nil
}

// sign makes a certificate; one without a parent signs itself.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	if parent == nil {
		parent = template
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}

// newSerial returns a number of 16 bytes that has never been.
func newSerial() (*big.Int, error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	raw[0] = raw[0]&0x7f | 0x40 // positive, and of 16 bytes
	return new(big.Int).SetBytes(raw), nil
}
