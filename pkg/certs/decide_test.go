// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

var (
	options = Options{Namespace: "ns", Secret: "certificate", Service: "api", APIServices: []string{"a", "b"}, Lifetime: DefaultLifetime}
	times   = newTiming(DefaultLifetime)
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made returns a certificate that is made at a moment.
func made(t *testing.T, at time.Time) *pair {
	t.Helper()
	p, err := issue(options.host(), at, times)
	must(t, err)
	return p
}

// situation is what a process observes, put together by hand.
type situation struct {
	now           time.Time
	serving, next *pair
	authorities   bundle // nil for those of serving and next
	served        *pair
	bundles       []bundle      // of the APIServices
	lasted        time.Duration // how long they have been what they are
	blind         bool          // the APIServices can't be read
	change        func(*corev1.Secret)
	absent        bool
}

func (s situation) observed() observed {
	o := observed{now: s.now, age: time.Hour + s.lasted, host: options.host(), timing: times, served: s.served, servicesKnown: !s.blind, trust: &trust{}}
	authorities := s.authorities
	for _, p := range []*pair{s.serving, s.next} {
		if p != nil && s.authorities == nil {
			authorities = authorities.with(p.authority)
		}
	}
	serving := s.serving
	if serving == nil {
		serving = &pair{}
	}
	secret := content{serving: serving, next: s.next, authorities: authorities}.write(nil, options.Namespace, options.Secret)
	if s.change != nil {
		s.change(secret)
	}
	if s.absent {
		secret = nil
	}
	o.stored = read(secret)
	for _, b := range s.bundles {
		o.services = append(o.services, apiService{name: "a", caBundle: b.encode()})
	}
	o.trust.see(time.Hour, o.services, o.authorities())
	return o
}

func day(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func TestTheNextStep(t *testing.T) {
	t.Parallel()
	first, second := made(t, noon), made(t, noon.Add(day(60)))
	one, both := bundle{}.with(first.authority), bundle{}.with(first.authority, second.authority)
	elsewhere, err := issue("other.ns.svc", noon, times)
	must(t, err)
	replace := func(key, value string) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.Data[key] = []byte(value) }
	}
	half := noon.Add(day(30))
	due := noon.Add(day(60))
	over := noon.Add(day(91))
	for name, c := range map[string]struct {
		situation
		want action
		why  string
	}{
		"nothing is there":                         {situation{now: noon, absent: true}, makeAnew, "not there"},
		"nothing is there, and nobody can see":     {situation{now: noon, absent: true, blind: true}, wait, "needed to make"},
		"deleted while it is served":               {situation{now: half, absent: true, served: first, bundles: []bundle{one}}, makeAnew, "not there"},
		"somebody else's":                          {situation{now: half, serving: first, change: func(s *corev1.Secret) { s.Labels = nil }}, refuse, managedByLabel},
		"for another Service":                      {situation{now: half, serving: elsewhere}, refuse, "not for api.ns.svc"},
		"for another Service, and over":            {situation{now: over, serving: elsewhere}, makeAnew, "good from"},
		"made for us to fill":                      {situation{now: noon, change: func(s *corev1.Secret) { s.Data = nil }}, makeAnew, "no certificate"},
		"no key":                                   {situation{now: half, serving: first, change: replace("tls.key", "")}, makeAnew, "no certificate with a key"},
		"another key":                              {situation{now: half, serving: first, change: replace("tls.key", string(second.key))}, makeAnew, "does not match"},
		"a broken certificate":                     {situation{now: half, serving: first, change: replace("tls.crt", "x")}, makeAnew, "failed to find"},
		"no authority":                             {situation{now: half, serving: first, change: replace("ca.crt", "")}, makeAnew, "is not in ca.crt"},
		"off for a year":                           {situation{now: noon.Add(day(365)), serving: first, bundles: []bundle{one}}, makeAnew, "good from"},
		"off for long with a next one":             {situation{now: over, serving: first, next: second, bundles: []bundle{one}}, promote, "no use any more"},
		"not good yet":                             {situation{now: noon.Add(-day(1)), serving: first, bundles: []bundle{one}}, makeAnew, "good from"},
		"a start":                                  {situation{now: half, serving: first, bundles: []bundle{one}}, serve, "nothing that is good"},
		"a start while nobody can see":             {situation{now: half, serving: first, blind: true}, serve, "nothing that is good"},
		"a start half way":                         {situation{now: due, serving: first, next: second, bundles: []bundle{one}}, serve, "nothing that is good"},
		"quiet":                                    {situation{now: half, serving: first, served: first, bundles: []bundle{one, one}}, wait, "as it should be"},
		"quiet without APIServices":                {situation{now: half, serving: first, served: first}, wait, "as it should be"},
		"nobody can see":                           {situation{now: due, serving: first, served: first, blind: true}, wait, "can't be read"},
		"a second before it is due":                {situation{now: due.Add(-time.Second), serving: first, served: first, bundles: []bundle{one}}, wait, ""},
		"due":                                      {situation{now: due, serving: first, served: first, bundles: []bundle{one}}, prepare, "ends soon"},
		"due without APIServices":                  {situation{now: due, serving: first, served: first}, prepare, "ends soon"},
		"prepared":                                 {situation{now: due, serving: first, next: second, served: first, bundles: []bundle{both, one}}, inject, "other authorities"},
		"injected":                                 {situation{now: due, serving: first, next: second, served: first, bundles: []bundle{both}, lasted: times.settle - 1}, wait, ""},
		"settled":                                  {situation{now: due, serving: first, next: second, served: first, bundles: []bundle{both}, lasted: times.settle}, promote, "is trusted"},
		"settled, and one APIService behind":       {situation{now: due, serving: first, next: second, served: first, bundles: []bundle{both, one}, lasted: times.settle}, inject, ""},
		"settled without APIServices":              {situation{now: due, serving: first, next: second, served: first, lasted: times.settle}, promote, "is trusted"},
		"promoted by another":                      {situation{now: due, serving: second, authorities: both, served: first, bundles: []bundle{both}, lasted: times.settle}, serve, "is trusted"},
		"promoted by another, seen too short":      {situation{now: due, serving: second, authorities: both, served: first, bundles: []bundle{both}, lasted: times.settle - 1}, wait, ""},
		"seen so late that what is served is over": {situation{now: over, serving: second, authorities: both, served: first, bundles: []bundle{one}}, serve, "nothing that is good"},
		"the authority of what is served missing":  {situation{now: due, serving: second, served: first, bundles: []bundle{one}}, correct, "missing"},
		"an authority that is over, within skew":   {situation{now: noon.Add(day(90)).Add(times.skew), serving: second, authorities: both, served: second, bundles: []bundle{both}}, wait, ""},
		"an authority that is over":                {situation{now: noon.Add(day(90)).Add(times.skew + 1), serving: second, authorities: both, served: second, bundles: []bundle{both}}, correct, "has ended"},
		"dirt among authorities":                   {situation{now: half, serving: first, served: first, bundles: []bundle{one}, change: func(s *corev1.Secret) { s.Data["ca.crt"] = append(s.Data["ca.crt"], "dirt"...) }}, correct, "can't be read"},
		"a broken next one":                        {situation{now: due, serving: first, next: second, served: first, bundles: []bundle{both}, change: replace("next.key", "x")}, correct, "can't be read"},
		"a next one for another Service":           {situation{now: due, serving: first, next: elsewhere, served: first, bundles: []bundle{both}}, prepare, "of no use"},
		"a clock an hour behind":                   {situation{now: noon.Add(-time.Hour), serving: first, served: first, bundles: []bundle{one}}, wait, ""},
		"another bundle in an APIService":          {situation{now: half, serving: first, served: first, bundles: []bundle{bundle{}.with(second.authority)}}, inject, "other authorities"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := c.observed()
			got := decide(o)
			if got.action != c.want || !strings.Contains(got.why, c.why) {
				t.Errorf("decided to %s because %s; want to %s because of %q", got.action, got.why, c.want, c.why)
			}
			if got.action == wait && !got.until.After(o.now) {
				t.Errorf("looks again at %s, which is not after %s", got.until, o.now)
			}
		})
	}
}

func TestWaitsForWhatComesFirst(t *testing.T) {
	t.Parallel()
	first, second := made(t, noon), made(t, noon.Add(day(60)))
	one, both := bundle{}.with(first.authority), bundle{}.with(first.authority, second.authority)
	due := noon.Add(day(60))
	for name, c := range map[string]struct {
		situation
		want time.Time
	}{
		"the renewal":             {situation{now: noon.Add(day(1)), serving: first, served: first, bundles: []bundle{one}, lasted: times.settle}, due},
		"the aggregator":          {situation{now: due, serving: first, next: second, served: first, bundles: []bundle{both}, lasted: times.settle - 7}, due.Add(7)},
		"the end of an authority": {situation{now: due.Add(day(1)), serving: second, authorities: both, served: second, bundles: []bundle{both}, lasted: times.settle}, noon.Add(day(90) + times.skew + time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := c.observed()
			got := decide(o)
			if got.action != wait || !got.until.Equal(c.want) {
				t.Errorf("decided to %s until %s, want to wait until %s", got.action, got.until, c.want)
			}
		})
	}
}

func TestWhatIsWritten(t *testing.T) {
	t.Parallel()
	first, second, third := made(t, noon), made(t, noon.Add(day(60))), made(t, noon.Add(day(61)))
	lasting, err := issue(options.host(), noon, newTiming(10*DefaultLifetime))
	must(t, err)
	both := bundle{}.with(first.authority, second.authority)
	due := noon.Add(day(60))
	for name, c := range map[string]struct {
		situation
		do            action
		serving, next *pair
		authorities   bundle
	}{
		"the first":                     {situation{now: noon, absent: true}, makeAnew, third, nil, bundle{}.with(third.authority)},
		"anew beside what is served":    {situation{now: due, absent: true, served: first}, makeAnew, third, nil, bundle{}.with(first.authority, third.authority)},
		"anew beside what others serve": {situation{now: due, absent: true, bundles: []bundle{both}}, makeAnew, third, nil, both.with(third.authority)},
		"anew, without a lasting trust": {situation{now: due, absent: true, bundles: []bundle{bundle{}.with(lasting.authority)}}, makeAnew, third, nil, bundle{}.with(third.authority)},
		"anew, after a year":            {situation{now: noon.Add(day(365)), serving: first, next: second, bundles: []bundle{both}}, makeAnew, third, nil, bundle{}.with(third.authority)},
		"the next":                      {situation{now: due, serving: first, served: first}, prepare, first, third, bundle{}.with(first.authority, third.authority)},
		"promoted":                      {situation{now: due, serving: first, next: second, served: first}, promote, second, nil, both},
		"corrected":                     {situation{now: noon.Add(day(92)), serving: second, authorities: both, served: second}, correct, second, nil, bundle{}.with(second.authority)},
		"what is served, added":         {situation{now: due, serving: second, served: first}, correct, second, nil, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.observed().after(c.do, func() (*pair, error) { return third, nil })
			must(t, err)
			if !got.serving.same(c.serving) || !got.next.same(c.next) || string(got.authorities.encode()) != string(c.authorities.encode()) {
				t.Errorf("serving right: %t, next right: %t, %d authorities, want %d",
					got.serving.same(c.serving), got.next.same(c.next), len(got.authorities), len(c.authorities))
			}
			back := read(got.write(nil, "ns", "n"))
			if !back.there || back.foreign || !back.tidy || !back.serving.same(c.serving) || !back.next.same(c.next) {
				t.Errorf("is read back as %+v", back)
			}
		})
	}
}
