// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"errors"
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
// a write.
func (e *Elector) Fence(next http.RoundTripper) http.RoundTripper {
	return &fence{next: next, term: e.Term}
}

func (f *fence) RoundTrip(request *http.Request) (*http.Response, error) {
	switch request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return f.next.RoundTrip(request)
	}
	_, err := f.term()
	if err == nil {
		return f.next.RoundTrip(request)
	}
	if request.Body != nil {
		_ = request.Body.Close() // as a round tripper must
	}
	var refusal *NotLeadingError
	if errors.As(err, &refusal) {
		err = &NotLeadingError{Reason: refusal.Reason, Request: request.Method + " " + request.URL.Path}
	}
	klog.FromContext(request.Context()).Info("Refused a write", "err", err)
	return nil, err
}

// WrappedRoundTripper is what is fenced.
func (f *fence) WrappedRoundTripper() http.RoundTripper { return f.next }
