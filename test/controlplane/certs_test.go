// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"crypto/x509"
	"slices"
	"testing"
)

func TestCertificates(t *testing.T) {
	ours, err := newAuthority("ours")
	must(t, err)
	other, err := newAuthority("other")
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ours.cert)

	client, err := ours.client("alice", "sre", "oncall")
	must(t, err)
	certificate, err := parseCertificate(client.cert)
	must(t, err)
	if certificate.Subject.CommonName != "alice" || !slices.Equal(certificate.Subject.Organization, []string{"sre", "oncall"}) {
		t.Errorf("subject is %s", certificate.Subject)
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool}); err == nil {
		t.Error("the certificate of a client is good for a server")
	}
	if !ours.issued(client.cert) || other.issued(client.cert) {
		t.Error("a certificate is not assigned to its authority")
	}

	server, err := ours.server("server", loopback, "name.namespace.svc")
	must(t, err)
	if certificate, err = parseCertificate(server.cert); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{loopback, "name.namespace.svc"} {
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); err != nil {
			t.Errorf("host %s: %v", host, err)
		}
	}
}

func TestPKIIsUsedAgain(t *testing.T) {
	dir := t.TempDir()
	first, err := openPKI(dir)
	must(t, err)
	made, err := first.client(first.cluster, "alice", "alice")
	must(t, err)
	second, err := openPKI(dir)
	must(t, err)
	found, err := second.client(second.cluster, "alice", "alice")
	must(t, err)
	if string(made.cert) != string(found.cert) {
		t.Error("a certificate that is good was issued anew")
	}
	replaced, err := second.client(second.front, "alice", "alice")
	must(t, err)
	if !second.front.issued(replaced.cert) {
		t.Error("a certificate of another authority was used again")
	}
}
