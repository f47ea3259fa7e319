// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"errors"
	"fmt"
	"net/http"
)

// Term is a stretch of time in which one process leads. The zero value is that of a
// process which nobody opposes.
type Term struct {
	// Holder is the process.
	Holder string
	// Number goes up with every term: it is the leaseTransitions of the Lease.
	Number int32
}

// String is the form 7 of HOLDER.
func (t Term) String() string { return fmt.Sprintf("%d of %q", t.Number, t.Holder) }

// Yields is true where another term, found in an object, forbids who is in this one
// to write to it: that it is before this one is not certain.
func (t Term) Yields(found Term) bool {
	switch t.Holder {
	case "":
		return false
	case found.Holder:
		return found.Number > t.Number
	}
	return found.Number >= t.Number
}

// NotLeadingError is why something was not written. It is no failure of what should
// have been written, which is somebody else's to do, or can be done a little later.
type NotLeadingError struct {
	// Reason is what is known of who leads.
	Reason string
	// Request is what was not sent, if it had come to that.
	Request string
}

func (e *NotLeadingError) Error() string {
	if e.Request != "" {
		return fmt.Sprintf("%s was not sent: this process may not write: %s", e.Request, e.Reason)
	}
	return "this process may not write: " + e.Reason
}

// IsNotLeading tells such an error.
func IsNotLeading(err error) bool {
	var refusal *NotLeadingError
	return errors.As(err, &refusal)
}

// Unopposed is for a process that leads without an election: no other has the same
// objects.
type Unopposed struct{}

// Term is always the zero one.
func (Unopposed) Term() (Term, error) { return Term{}, nil }

// Outrank does nothing: whatever is in an object is of former times.
func (Unopposed) Outrank(Term) {}

// Fence lets everything pass.
func (Unopposed) Fence(next http.RoundTripper) http.RoundTripper { return next }
