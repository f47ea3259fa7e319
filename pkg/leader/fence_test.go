// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// elected is an elector with the default times that has renewed the Lease just now.
func elected(t *testing.T) (*Elector, *clocktesting.FakePassiveClock) {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Now())
	e := New(nil, Config{
		Namespace: "system", Name: "lease", Home: "host",
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
	}, clock)
	e.tenure.confirm(clock.Now(), 3)
	return e, clock
}

// TestFenceLetsWritesPassOnlyWhileTheLeaseIsSurelyOurs sends through a fence to a
// server that counts what arrives.
func TestFenceLetsWritesPassOnlyWhileTheLeaseIsSurelyOurs(t *testing.T) {
	reads := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	writes := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	for name, c := range map[string]struct {
		change func(e *Elector, clock *clocktesting.FakePassiveClock)
		passes bool
		reason string
	}{
		"just renewed":        {func(*Elector, *clocktesting.FakePassiveClock) {}, true, ""},
		"renewed a while ago": {func(_ *Elector, c *clocktesting.FakePassiveClock) { c.SetTime(c.Now().Add(12 * time.Second)) }, true, ""},
		"about to run out":    {func(_ *Elector, c *clocktesting.FakePassiveClock) { c.SetTime(c.Now().Add(12500 * time.Millisecond)) }, false, "renewed Lease system/lease 12.5s ago"},
		"run out":             {func(_ *Elector, c *clocktesting.FakePassiveClock) { c.SetTime(c.Now().Add(time.Hour)) }, false, "renewed Lease system/lease 1h0m0s ago"},
		"run out, and renewed": {func(e *Elector, c *clocktesting.FakePassiveClock) {
			c.SetTime(c.Now().Add(time.Hour))
			e.tenure.confirm(c.Now(), 3)
		}, true, ""},
		"renewed by a request of long ago":   {func(e *Elector, c *clocktesting.FakePassiveClock) { e.tenure.confirm(c.Now().Add(-13*time.Second), 3) }, false, "13s ago"},
		"let go of":                          {func(e *Elector, _ *clocktesting.FakePassiveClock) { e.tenure.resign() }, false, "does not hold Lease system/lease"},
		"taken by another":                   {func(e *Elector, _ *clocktesting.FakePassiveClock) { e.tenure.sees("other", 4) }, false, `Lease system/lease is held by "other"`},
		"read, and still ours":               {func(e *Elector, _ *clocktesting.FakePassiveClock) { e.tenure.sees(e.tenure.holder, 3) }, true, ""},
		"about to be outranked by ourselves": {func(e *Elector, _ *clocktesting.FakePassiveClock) { e.Outrank(Term{"other", 9}) }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			arrived := 0
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
			defer server.Close()
			e, clock := elected(t)
			client := &http.Client{Transport: e.Fence(http.DefaultTransport)}
			c.change(e, clock)
			for _, method := range reads {
				if err := send(t, client, method, server.URL, nil); err != nil {
					t.Errorf("%s: %v", method, err)
				}
			}
			for _, method := range writes {
				body := &closing{Reader: strings.NewReader("{}")}
				err := send(t, client, method, server.URL+"/apis/things/one", body)
				if passed := err == nil; passed != c.passes {
					t.Errorf("%s passed: %t, want %t: %v", method, passed, c.passes, err)
				}
				if err != nil && (!IsNotLeading(err) || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), method+" /apis/things/one was not sent")) {
					t.Errorf("%s is refused with %v", method, err)
				}
				if !body.closed {
					t.Errorf("%s left the body open", method)
				}
			}
			want := len(reads)
			if c.passes {
				want += len(writes)
			}
			if arrived != want {
				t.Errorf("%d requests arrived, want %d", arrived, want)
			}
		})
	}
}

// TestFenceStopsAWriteThatHasToWaitForItsConnection until somebody else may lead: it was
// let through in time, and nothing of it is read by a server that acts on it.
func TestFenceStopsAWriteThatHasToWaitForItsConnection(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		t.Run(fmt.Sprint("HTTP/", protocol), func(t *testing.T) {
			arrived := make(chan int, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadAll(r.Body); err == nil {
					arrived <- r.ProtoMajor
				}
			}))
			server.EnableHTTP2 = protocol == 2
			server.StartTLS()
			defer server.Close()
			e, clock := elected(t)
			for _, wait := range []time.Duration{0, time.Hour} {
				late := wait > 0
				transport := server.Client().Transport.(*http.Transport).Clone()
				transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					clock.SetTime(clock.Now().Add(wait))
					return (&net.Dialer{}).DialContext(ctx, network, address)
				}
				client := &http.Client{Transport: e.Fence(transport)}
				e.tenure.confirm(clock.Now(), 3)
				err := send(t, client, http.MethodPut, server.URL, strings.NewReader("{}"))
				client.CloseIdleConnections()
				if late != IsNotLeading(err) || !late && err != nil {
					t.Errorf("sent after %s: %v", wait, err)
				}
				if late {
					server.Close() // waits for what has arrived
				}
				select {
				case by := <-arrived:
					if late || by != protocol {
						t.Errorf("sent after %s, it arrived, by HTTP/%d", wait, by)
					}
				default:
					if !late {
						t.Errorf("sent after %s, it did not arrive", wait)
					}
				}
			}
		})
	}
}

func send(t *testing.T, client *http.Client, method, url string, body io.Reader) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// closing is a body that knows whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}
