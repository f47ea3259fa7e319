// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metricspage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
	"k8s.io/utils/clock"
)

// Options of a Reader. The zero value is ready for use.
type Options struct {
	// Timeout of one read, from the connection to the last byte; 2s if zero.
	Timeout time.Duration
	// MaxBytes of a page once it is decompressed; 16 MiB if zero.
	MaxBytes int64
	// Freshness is for how long the outcome of a read is handed out again; 900ms
	// if zero, which is a little less than the second at which pages are polled.
	Freshness time.Duration
	// Clock is the wall clock if nil.
	Clock clock.PassiveClock
}

// Reader reads pages. Reads of one target at the same time are one read, and
// its outcome, page or error, is handed out again for a moment: a controller
// that is woken by its own status writes does not poll more often for it.
type Reader struct {
	options Options
	client  *http.Client

	mu    sync.Mutex
	reads map[Target]*read
}

// read is one that goes on or went by.
type read struct {
	done  chan struct{}
	began time.Time
	// The following are set before done is closed. ended is guarded by Reader.mu,
	// and zero until then.
	page  Page
	err   error
	ended time.Time
}

// New makes a Reader with a client of its own. A forward proxy is taken from
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they are now.
func New(options Options) *Reader {
	if options.Timeout == 0 {
		options.Timeout = 2 * time.Second
	}
	if options.MaxBytes == 0 {
		options.MaxBytes = 16 << 20
	}
	if options.Freshness == 0 {
		options.Freshness = 900 * time.Millisecond
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	return &Reader{options: options, client: newClient(), reads: map[Target]*read{}}
}

func newClient() *http.Client {
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	return &http.Client{
		Transport: &http.Transport{
			Proxy: func(request *http.Request) (*url.URL, error) { return proxy(request.URL) },
			// Pods are addressed by IP, and their certificates, made for the names of
			// Services, hardly ever hold one. Nor is there a CA to check them with: the
			// operator's kinds name it in a Secret, a ConfigMap or a file of the pod, and
			// we read none of them. The probes of the kubelet do not verify either.
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: true},
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    1,
			MaxIdleConns:           256,
			IdleConnTimeout:        30 * time.Second,
		},
		// A metrics page is where it is. What redirects is something else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Read returns the page of a target: a new one, or the one of a read that goes on
// or that ended less than Freshness ago; see [Page.At]. It ends with ctx, and
// otherwise within the timeout. Errors name the URL and hold no secret.
func (r *Reader) Read(ctx context.Context, target Target) (Page, error) {
	return r.ReadSince(ctx, target, time.Time{})
}

// ReadSince is Read of a page that was asked for at a moment or later: what went
// before it tells nothing of what it has changed, however fresh it is.
func (r *Reader) ReadSince(ctx context.Context, target Target, moment time.Time) (Page, error) {
	shared := r.join(ctx, target, moment)
	select {
	case <-shared.done:
		return shared.page, shared.err
	case <-ctx.Done():
		return Page{}, fmt.Errorf("reading metrics from %s: %w", target, context.Cause(ctx))
	}
}

// join returns the read to wait for, and begins one where there is none to share.
func (r *Reader) join(ctx context.Context, target Target, since time.Time) *read {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	now := r.options.Clock.Now()
	if since.After(now) {
		since = now // what is still to come can't be waited for
	}
	if shared := r.reads[target]; shared != nil && !shared.began.Before(since) {
		return shared
	}
	begun := &read{done: make(chan struct{}), began: now}
	r.reads[target] = begun
	// Others may come to wait for it: it outlives who began it, by no more than
	// the timeout.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.options.Timeout)
	go func() {
		defer cancel()
		defer close(begun.done)
		begun.page, begun.err = r.fetch(ctx, target)
		r.mu.Lock()
		defer r.mu.Unlock()
		begun.ended = r.options.Clock.Now()
	}()
	return begun
}

// forget drops what is not fresh any more, of all targets: pods come and go.
func (r *Reader) forget() {
	for target, old := range r.reads {
		if !old.ended.IsZero() && r.options.Clock.Since(old.ended) >= r.options.Freshness {
			delete(r.reads, target)
		}
	}
}

func (r *Reader) fetch(ctx context.Context, target Target) (Page, error) {
	began := r.options.Clock.Now()
	text, err := r.get(ctx, target)
	if err != nil {
		return Page{}, fmt.Errorf("reading metrics from %s: %w", target, err)
	}
	page, err := Parse(began, text)
	if err != nil {
		return Page{}, fmt.Errorf("parsing metrics from %s: %w", target, err)
	}
	return page, nil
}

func (r *Reader) get(ctx context.Context, target Target) ([]byte, error) {
	request, err := target.request(ctx)
	if err != nil {
		return nil, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("got status %s: %q", response.Status, target.beginning(response.Body))
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, r.options.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("page is cut off after %d bytes: %w", len(text), err)
	}
	if int64(len(text)) > r.options.MaxBytes {
		return nil, fmt.Errorf("page is larger than %d bytes", r.options.MaxBytes)
	}
	return text, nil
}

// withoutURL takes the URL out of an error of net/http, which holds the query.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
