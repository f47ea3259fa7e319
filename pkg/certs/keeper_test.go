// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	testingclock "k8s.io/utils/clock/testing"
)

func TestWhatAnAPIServiceIsToUs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*apiregistrationv1.APIServiceSpec)
		want   standing
	}{
		"ours":                {func(*apiregistrationv1.APIServiceSpec) {}, outdated},
		"served elsewhere":    {func(s *apiregistrationv1.APIServiceSpec) { s.Service = nil }, local},
		"another Service":     {func(s *apiregistrationv1.APIServiceSpec) { s.Service.Name = "x" }, other},
		"another namespace":   {func(s *apiregistrationv1.APIServiceSpec) { s.Service.Namespace = "x" }, other},
		"nothing is verified": {func(s *apiregistrationv1.APIServiceSpec) { s.InsecureSkipTLSVerify = true }, insecure},
	} {
		found := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: "7"}}
		found.Spec.Service = &apiregistrationv1.ServiceReference{Namespace: options.Namespace, Name: options.Service}
		c.change(&found.Spec)
		got, service := options.judge(found)
		if got != c.want || got.ours() != (service.name == "a" && service.resourceVersion == "7") {
			t.Errorf("%s: is %s, %+v", name, got, service)
		}
	}
	if got, _ := options.judge(nil); got != absent || got.ours() {
		t.Errorf("none at all is %s", got)
	}
}

// TestReadyOnceTheAggregatorTrustsIt: what others do to the APIService later is no reason
// to take every replica out of service.
func TestReadyOnceTheAggregatorTrustsIt(t *testing.T) {
	t.Parallel()
	k, err := New(options, &rest.Config{})
	must(t, err)
	clock := testingclock.NewFakeClock(noon)
	k.clock = clock
	is := func(want string) {
		t.Helper()
		if err := k.Ready().Check(nil); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("ready is %v, want %q", err, want)
		}
	}
	first := made(t, noon)
	untrusted := situation{now: noon, serving: first, served: first, bundles: []bundle{nil}}.observed()
	trusted := situation{now: noon, serving: first, served: first, bundles: []bundle{bundle{}.with(first.authority)}}.observed()

	is("nobody has looked")
	k.served.set(first)
	k.assess(untrusted, nil)
	is("lacks the authority")
	blind := untrusted
	blind.servicesKnown = false
	k.assess(blind, errors.New("no right"))
	is("no right")
	k.assess(trusted, nil)
	is("")
	k.assess(untrusted, nil)
	is("")
	clock.SetTime(noon.Add(times.lifetime + time.Second))
	is("not good now")
}

// listener counts.
type listener int

func (l *listener) Enqueue() { *l++ }

func TestListenersAreToldOfEachCertificate(t *testing.T) {
	t.Parallel()
	s := &Served{name: "x"}
	if cert, key := s.CurrentCertKeyContent(); len(cert)+len(key) > 0 {
		t.Error("there is one from the start")
	}
	var told listener
	s.AddListener(&told)
	for i := range 2 {
		p := made(t, noon)
		s.set(p)
		if cert, key := s.CurrentCertKeyContent(); string(cert) != string(p.cert) || string(key) != string(p.key) {
			t.Error("another one is served")
		}
		if int(told) != i+1 {
			t.Errorf("told %d times", told)
		}
	}
}
