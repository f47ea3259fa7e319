// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metricspage

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

// serve starts a server whose address stands for that of a pod.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// write answers. What it cannot send, the reader misses.
func write(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

func closing(c io.Closer) { _ = c.Close() }

// patient never times out within a test.
var patient = Options{Timeout: time.Minute}

func mustRead(t *testing.T, reader *Reader, target Target) Page {
	t.Helper()
	page, err := reader.Read(t.Context(), target)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return page
}

func wantM(t *testing.T, page Page, want float64) {
	t.Helper()
	if got, ok := page.Value("m"); !ok || got != want {
		t.Errorf("m = %v, %t, want %v", got, ok, want)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestReadGetsThePageFromItsPath(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a/prefix/metrics" {
			http.NotFound(w, r)
			return
		}
		write(w, "m 7\n")
	})
	wantM(t, mustRead(t, New(patient), Target{URL: server.URL + "/a/prefix/metrics"}), 7)

	_, err := New(patient).Read(t.Context(), Target{URL: server.URL + "/metrics"})
	wantError(t, err, server.URL+"/metrics", "404 Not Found", "404 page not found")
}

func TestReadGoesOverTLSWithoutKnowingTheCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w, "m 7\n") }))
	t.Cleanup(server.Close)
	wantM(t, mustRead(t, New(patient), Target{URL: server.URL}), 7)
}

func TestReadDecompresses(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		compressed := gzip.NewWriter(w)
		defer closing(compressed)
		write(compressed, "m 7\n")
	})
	wantM(t, mustRead(t, New(patient), Target{URL: server.URL}), 7)
}

// secured answers as VictoriaMetrics programs do with -metricsAuthKey and
// -httpAuth, and repeats what it was sent, as a proxy might.
func secured(w http.ResponseWriter, r *http.Request) {
	username, password, _ := r.BasicAuth()
	if r.FormValue("authKey") == "key&1" || username == "someone" && password == "pass word" {
		write(w, "m 7\n")
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
	write(w, "no entry to %s for %q with %q, %s", r.URL, username, password, strings.Repeat("and so on ", 1000))
}

func TestReadShowsItsCredentials(t *testing.T) {
	server := serve(t, secured)
	reader := New(patient)
	wantM(t, mustRead(t, reader, Target{URL: server.URL, AuthKey: "key&1"}), 7)
	wantM(t, mustRead(t, reader, Target{URL: server.URL, Username: "someone", Password: "pass word"}), 7)

	// What others were given is not handed out to who cannot show it.
	_, err := reader.Read(t.Context(), Target{URL: server.URL})
	wantError(t, err, server.URL, "401 Unauthorized", "no entry")
}

func TestErrorsHoldNoCredentials(t *testing.T) {
	server := serve(t, secured)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, url := range []string{server.URL, gone.URL, "http://[::1", "ftp://a/b", "http://a b/"} {
		target := Target{URL: url, AuthKey: "wrong&key", Username: "someone", Password: "wrong word"}
		_, err := New(patient).Read(t.Context(), target)
		wantError(t, err, url)
		for _, secret := range []string{"wrong&key", "wrong%26key", "wrong word", "wrong+word"} {
			if strings.Contains(err.Error(), secret) || strings.Contains(fmt.Sprintf("%v %+v %#v", target, target, target), secret) {
				t.Errorf("%q is shown in %q or in %v", secret, err, target)
			}
		}
		if len(err.Error()) > 1000 {
			t.Errorf("error has %d bytes", len(err.Error()))
		}
	}
}

func TestReadDoesNotFollowRedirects(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		write(w, "m 7\n")
	})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	_, err := New(patient).Read(t.Context(), Target{URL: server.URL, AuthKey: "k"})
	wantError(t, err, server.URL, "302 Found")
	if elsewhere.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestAPageThatIsCutOffIsAnError(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		// At the end of a line, where the text itself does not tell.
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "1000")
		}
		write(w, "m 7\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, path := range []string{"/length", "/chunked"} {
		_, err := New(patient).Read(t.Context(), Target{URL: server.URL + path})
		wantError(t, err, server.URL+path, "cut off after 4 bytes")
	}
}

func TestAHugePageIsAnErrorEvenCompressed(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		out := io.Writer(w)
		if r.URL.Path == "/compressed" {
			w.Header().Set("Content-Encoding", "gzip")
			compressed := gzip.NewWriter(w)
			defer closing(compressed)
			out = compressed
		}
		for range 1000 {
			write(out, "m 7\n")
		}
	})
	for _, path := range []string{"/", "/compressed"} {
		target := Target{URL: server.URL + path}
		_, err := New(Options{Timeout: time.Minute, MaxBytes: 3999}).Read(t.Context(), target)
		wantError(t, err, target.URL, "larger than 3999 bytes")
		mustRead(t, New(Options{Timeout: time.Minute, MaxBytes: 4000}), target)
	}
}

func TestReadIsOverAfterTheTimeout(t *testing.T) {
	hanging := func(before string) *httptest.Server {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			write(w, "%s", before)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
	}
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, server := range map[string]*httptest.Server{"no answer": silent, "half a page": hanging("m 7\n")} {
		_, err := New(Options{Timeout: 10 * time.Millisecond}).Read(t.Context(), Target{URL: server.URL, AuthKey: "k"})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want deadline exceeded", name, err)
		}
		wantError(t, err, server.URL)
	}
}

// gate is a server that answers when it is told to.
type gate struct {
	*httptest.Server
	arrived chan struct{}
	open    chan struct{}
	reads   atomic.Int32
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{arrived: make(chan struct{}, 100), open: make(chan struct{})}
	g.Server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := g.reads.Add(1)
		g.arrived <- struct{}{}
		select {
		case <-g.open:
			write(w, "m %d\n", n)
		case <-r.Context().Done():
		}
	})
	return g
}

func TestReadsAtTheSameTimeAreOne(t *testing.T) {
	g := newGate(t)
	reader := New(patient)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			page, err := reader.Read(t.Context(), Target{URL: g.URL})
			if err != nil {
				t.Errorf("Read: %v", err)
				return
			}
			wantM(t, page, 1)
		})
	}
	<-g.arrived
	close(g.open)
	group.Wait()
	if n := g.reads.Load(); n != 1 {
		t.Errorf("%d requests for what was read by many, want 1", n)
	}
}

func TestWhoGivesUpDoesNotEndTheReadOfOthers(t *testing.T) {
	g := newGate(t)
	reader := New(patient)
	impatient, giveUp := context.WithCancelCause(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := reader.Read(impatient, Target{URL: g.URL})
		gaveUp <- err
	}()
	<-g.arrived
	cause := errors.New("no time left")
	giveUp(cause)
	if err := <-gaveUp; !errors.Is(err, cause) {
		t.Errorf("who gave up got %v", err)
	}
	close(g.open)
	wantM(t, mustRead(t, reader, Target{URL: g.URL}), 1)
}

func TestAnOutcomeIsHandedOutAgainWhileItIsFresh(t *testing.T) {
	var requests atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if r.URL.Path == "/error" {
			http.Error(w, fmt.Sprintf("answer %d", n), http.StatusServiceUnavailable)
			return
		}
		write(w, "m %d\n", n)
	})
	clock := testclock.NewFakePassiveClock(time.Unix(1000, 0))
	reader := New(Options{Timeout: time.Minute, Clock: clock})
	page := Target{URL: server.URL}

	first := mustRead(t, reader, page)
	clock.SetTime(clock.Now().Add(899 * time.Millisecond))
	again := mustRead(t, reader, page)
	wantM(t, again, 1)
	if !first.At().Equal(time.Unix(1000, 0)) || !again.At().Equal(first.At()) {
		t.Errorf("pages are from %s and %s, want the moment of the request", first.At(), again.At())
	}
	clock.SetTime(clock.Now().Add(time.Millisecond))
	next := mustRead(t, reader, page)
	wantM(t, next, 2)
	if !next.At().Equal(clock.Now()) {
		t.Errorf("the new page is from %s, want %s", next.At(), clock.Now())
	}

	// Errors too: who does not answer is not asked more often for it.
	for range 2 {
		_, err := reader.Read(t.Context(), Target{URL: server.URL + "/error"})
		wantError(t, err, "answer 3")
	}
}

func TestAPageFromBeforeAMomentIsNotHandedOut(t *testing.T) {
	var requests atomic.Int32
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "m %d\n", requests.Add(1)) })
	clock := testclock.NewFakePassiveClock(time.Unix(1000, 0))
	reader := New(Options{Timeout: time.Minute, Clock: clock})
	for _, step := range []struct {
		name  string
		since time.Duration // from now
		want  float64
	}{
		{"the first", 0, 1},
		{"of this very moment", 0, 1},
		{"asked for after a change", 100 * time.Millisecond, 2},
		{"again after the same change", 0, 2},
		{"of no moment", -time.Hour, 2},
	} {
		if step.since > 0 {
			clock.SetTime(clock.Now().Add(step.since))
			step.since = 0
		}
		page, err := reader.ReadSince(t.Context(), Target{URL: server.URL}, clock.Now().Add(step.since))
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		t.Log(step.name)
		wantM(t, page, step.want)
	}
	// A moment that is still to come can't be waited for, nor makes it read more.
	page, err := reader.ReadSince(t.Context(), Target{URL: server.URL}, clock.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	wantM(t, page, 2)
}

func TestWhatIsNotFreshIsForgotten(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "m 1\n") })
	clock := testclock.NewFakePassiveClock(time.Unix(1000, 0))
	reader := New(Options{Timeout: time.Minute, Clock: clock})
	for i := range 50 {
		mustRead(t, reader, Target{URL: fmt.Sprintf("%s/%d", server.URL, i)})
	}
	clock.SetTime(clock.Now().Add(time.Second))
	mustRead(t, reader, Target{URL: server.URL})
	if kept := len(reader.reads); kept != 1 {
		t.Errorf("%d outcomes are kept, want the fresh one", kept)
	}
}

// The addresses of pods may be reachable through a forward proxy only.
func TestReadGoesThroughTheProxyOfTheEnvironment(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.IsAbs() || r.Host != net.JoinHostPort("192.0.2.7", "8429") {
			http.Error(w, "not a request to a proxy", http.StatusBadRequest)
			return
		}
		write(w, "m 7\n")
	})
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "")
	wantM(t, mustRead(t, New(patient), Target{URL: "http://192.0.2.7:8429/metrics"}), 7)
}
