// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/util/keyutil"
)

func verify(p *pair, roots bundle, host string, now time.Time) error {
	pool := x509.NewCertPool()
	for _, authority := range roots {
		pool.AddCert(authority)
	}
	_, err := p.leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: host, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

func TestACertificateIsVerifiedByItsAuthority(t *testing.T) {
	t.Parallel()
	p, other := made(t, noon), made(t, noon)
	all := bundle{}.with(p.authority, other.authority)
	for name, c := range map[string]struct {
		roots bundle
		host  string
		at    time.Time
		want  string
	}{
		"at once":                        {all, "api.ns.svc", noon, ""},
		"by a clock that is behind":      {all, "api.ns.svc", noon.Add(-times.skew), ""},
		"to the last second":             {all, "api.ns.svc", noon.Add(times.lifetime), ""},
		"by a clock that is far behind":  {all, "api.ns.svc", noon.Add(-times.skew - time.Second), "not yet valid"},
		"after its end":                  {all, "api.ns.svc", noon.Add(times.lifetime + time.Second), "expired"},
		"under another name":             {all, "api.other.svc", noon, "not api.other.svc"},
		"by an authority of another one": {bundle{}.with(other.authority), "api.ns.svc", noon, "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verify(p, c.roots, c.host, c.at)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatIsMadeIsSmall(t *testing.T) {
	t.Parallel()
	p := made(t, noon)
	if p.leaf.IsCA || !p.authority.IsCA || p.authority.Subject.String() == made(t, noon).authority.Subject.String() {
		t.Errorf("certificate %s by authority %s", p.leaf.Subject, p.authority.Subject)
	}
	if !p.leaf.NotAfter.Equal(p.authority.NotAfter) {
		t.Errorf("the certificate ends at %s, its authority at %s", p.leaf.NotAfter, p.authority.NotAfter)
	}
	key, err := keyutil.ParsePrivateKeyPEM(p.key)
	must(t, err)
	if block, rest := pem.Decode(p.key); len(rest) != 0 || key == nil {
		t.Errorf("beside the key, there is %s and %d bytes", block.Type, len(rest))
	}
	// The name of a Service and of a namespace may have 63 bytes each.
	long := strings.Repeat("s", 63) + "." + strings.Repeat("n", 63) + ".svc"
	longest, err := issue(long, noon, times)
	must(t, err)
	must(t, verify(longest, bundle{longest.authority}, long, noon))
}

func TestABundleIsTheSameWhoeverPutsItTogether(t *testing.T) {
	t.Parallel()
	a, b, c := made(t, noon).authority, made(t, noon).authority, made(t, noon.Add(time.Hour)).authority
	want := string(bundle{}.with(a, b, c).encode())
	if got := string(bundle{}.with(c, b).with(b, a).encode()); got != want {
		t.Errorf("is\n%s\nwant\n%s", got, want)
	}
	read := parseBundle([]byte("# dirt\n" + want + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + want))
	if got := string(read.encode()); got != want {
		t.Errorf("is read as\n%s\nwant\n%s", got, want)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	must(t, options.Validate())
	for want, o := range map[string]Options{
		"namespace": {Secret: "s", Service: "s", Lifetime: time.Hour},
		"Secret":    {Namespace: "n", Service: "s", Lifetime: time.Hour},
		"Service":   {Namespace: "n", Secret: "s", Lifetime: time.Hour},
		"12s":       {Namespace: "n", Secret: "s", Service: "s", Lifetime: time.Second},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", want, err)
		}
	}
}
