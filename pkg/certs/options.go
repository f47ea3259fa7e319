// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"errors"
	"fmt"
	"time"
)

// Options says what is kept where, and for whom.
type Options struct {
	// Namespace holds the Secret and the Service.
	Namespace string
	// Secret is the name of what the replicas share.
	Secret string
	// Service is the name of the Service by which the aggregator calls.
	Service string
	// APIServices are the names of those that may be ours. One is, while it names the
	// Service.
	APIServices []string
	// Lifetime is that of a certificate, and of its authority.
	Lifetime time.Duration
}

// MinLifetime is the least that can be renewed in time: certificates count in seconds.
const MinLifetime = 12 * time.Second

// DefaultLifetime is that of a certificate that nobody says more about.
const DefaultLifetime = 90 * 24 * time.Hour

// Validate says what the options lack.
func (o Options) Validate() error {
	var errs []error
	for what, value := range map[string]string{"namespace": o.Namespace, "Secret": o.Secret, "Service": o.Service} {
		if value == "" {
			errs = append(errs, fmt.Errorf("a server that makes its own certificate needs the name of a %s", what))
		}
	}
	if o.Lifetime < MinLifetime {
		errs = append(errs, fmt.Errorf("certificates have to live for %s at least, not %s", MinLifetime, o.Lifetime))
	}
	return errors.Join(errs...)
}

// host is the name that the aggregator wants to find in a certificate.
func (o Options) host() string { return o.Service + "." + o.Namespace + ".svc" }

// timing has all durations that count.
type timing struct {
	// lifetime is how long a certificate is good from the moment that it is made.
	lifetime time.Duration
	// renewBefore is how much of its life is left when the next one is made.
	renewBefore time.Duration
	// settle is how long an aggregator may take to use what an APIService says.
	settle time.Duration
	// skew is by how much clocks may differ: a certificate begins that much before it is
	// made, and an authority is kept for that much after its end.
	skew time.Duration
}

func newTiming(lifetime time.Duration) timing {
	return timing{
		lifetime:    lifetime,
		renewBefore: lifetime / 3,
		settle:      min(5*time.Minute, lifetime/12),
		skew:        min(2*time.Hour, lifetime/12),
	}
}
