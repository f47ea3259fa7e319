// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"errors"
	"io"
	"net/http"

	"k8s.io/klog/v2"
)

// fence stands before the API servers.
type fence struct {
	next http.RoundTripper
	term func() (Term, error)
}

// Fence sends on what next is to send, unless it is a write and this process can't be
// sure to lead: then the answer is a NotLeadingError. What is only tried out counts as
// a write. It is asked once more when the body is about to leave, for which a connection
// may have had to be waited for.
func (e *Elector) Fence(next http.RoundTripper) http.RoundTripper {
	return &fence{next: next, term: e.Term}
}

func (f *fence) RoundTrip(request *http.Request) (*http.Response, error) {
	switch request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return f.next.RoundTrip(request)
	}
	if err := f.refusal(request); err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // as a round tripper must
		}
		return nil, err
	}
	return f.next.RoundTrip(f.gated(request))
}

// refusal is why a request may not be sent now, if it may not.
func (f *fence) refusal(request *http.Request) error {
	_, err := f.term()
	if err == nil {
		return nil
	}
	var refusal *NotLeadingError
	if errors.As(err, &refusal) {
		err = &NotLeadingError{Reason: refusal.Reason, Request: request.Method + " " + request.URL.Path}
	}
	klog.FromContext(request.Context()).Info("Refused a write", "err", err)
	return err
}

// gated is the request with a body that comes to its end only while it may be sent. A
// server acts on no request of which the body is missing.
func (f *fence) gated(request *http.Request) *http.Request {
	if request.Body == nil || request.Body == http.NoBody {
		return request
	}
	wrap := func(body io.ReadCloser) io.ReadCloser {
		return &gate{ReadCloser: body, refusal: func() error { return f.refusal(request) }}
	}
	gated := request.WithContext(request.Context())
	gated.Body = wrap(request.Body)
	if again := request.GetBody; again != nil {
		gated.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return wrap(body), nil
		}
	}
	return gated
}

// gate is a body that is read when there is a connection to send it by.
type gate struct {
	io.ReadCloser
	refusal func() error
}

func (g *gate) Read(into []byte) (int, error) {
	if err := g.refusal(); err != nil {
		return 0, err
	}
	return g.ReadCloser.Read(into)
}

// WrappedRoundTripper is what is fenced.
func (f *fence) WrappedRoundTripper() http.RoundTripper { return f.next }
