// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"slices"
	"time"
)

// trust knows since when authorities have been in all APIServices that are ours. It
// counts by the age of the process, which no change of the time of day touches.
type trust struct {
	since map[string]time.Duration // by the certificate
}

// see notes what is in the APIServices. Where there is none, nobody calls, and all
// who will read the bundle as it is then.
func (t *trust) see(age time.Duration, services []apiService, authorities bundle) {
	before := t.since
	t.since = map[string]time.Duration{}
	bundles := make([]bundle, len(services))
	for i, service := range services {
		bundles[i] = parseBundle(service.caBundle)
	}
	for _, authority := range authorities {
		if slices.ContainsFunc(bundles, func(b bundle) bool { return !b.has(authority) }) {
			continue
		}
		key := string(authority.Raw)
		t.since[key] = age
		if since, seen := before[key]; seen {
			t.since[key] = since
		}
	}
}

// lasted tells for how long an authority has been in all of them, and whether it is.
func (t *trust) lasted(age time.Duration, authority *x509.Certificate) (time.Duration, bool) {
	since, seen := t.since[string(authority.Raw)]
	return age - since, seen
}
