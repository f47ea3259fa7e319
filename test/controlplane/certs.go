// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	// certificateLife is longer than any control plane of this package lives.
	certificateLife = 2 * 365 * 24 * time.Hour
	// renewBefore is the remaining life below which a certificate is not reused.
	renewBefore = 30 * 24 * time.Hour
	// clockSkew makes up for clocks that disagree a little.
	clockSkew = time.Hour
)

// pair is a certificate and its key, in PEM.
type pair struct {
	cert, key []byte
}

// authority issues certificates.
type authority struct {
	pair
	certificate *x509.Certificate
	signer      crypto.Signer
}

// newAuthority makes a certificate authority that signs itself.
func newAuthority(name string) (*authority, error) {
	signer, key, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: name})
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	cert, err := sign(template, template, signer.Public(), signer)
	if err != nil {
		return nil, err
	}
	return loadAuthority(pair{cert: cert, key: key})
}

// loadAuthority reads an authority that was made before.
func loadAuthority(p pair) (*authority, error) {
	certificate, err := parseCertificate(p.cert)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(p.key)
	if block == nil {
		return nil, errors.New("no key in PEM form")
	}
	signer, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &authority{pair: p, certificate: certificate, signer: signer}, nil
}

// client issues a certificate by which a user authenticates.
func (a *authority) client(user string, groups ...string) (pair, error) {
	return a.issue(pkix.Name{CommonName: user, Organization: groups}, nil, x509.ExtKeyUsageClientAuth)
}

// server issues a certificate for the given host names and addresses. Members of
// etcd use theirs as clients too, so it is good for both.
func (a *authority) server(name string, hosts ...string) (pair, error) {
	return a.issue(pkix.Name{CommonName: name}, hosts, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
}

func (a *authority) issue(subject pkix.Name, hosts []string, usages ...x509.ExtKeyUsage) (pair, error) {
	signer, key, err := newKey()
	if err != nil {
		return pair{}, err
	}
	template, err := newTemplate(subject)
	if err != nil {
		return pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = usages
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert, err := sign(template, a.certificate, signer.Public(), a.signer)
	return pair{cert: cert, key: key}, err
}

// issued tells whether this authority issued the certificate and whether it is
// good for a while yet.
func (a *authority) issued(cert []byte) bool {
	certificate, err := parseCertificate(cert)
	if err != nil || certificate.CheckSignatureFrom(a.certificate) != nil {
		return false
	}
	return time.Now().Add(renewBefore).Before(certificate.NotAfter)
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(certificateLife),
	}, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate for %s: %w", template.Subject, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func parseCertificate(raw []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("no certificate in PEM form")
	}
	return x509.ParseCertificate(block.Bytes)
}

// publicKey returns the public half of a key in PEM form.
func publicKey(signer crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
