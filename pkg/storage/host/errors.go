// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/storage"
)

// retrySeconds is when a client may try again what the cluster has not done.
const retrySeconds = 1

// isAbsent tells whether there is no such record. That nobody serves records is
// something else, and must never be taken for it.
func isAbsent(err error) bool {
	return apierrors.IsNotFound(err) && !isNotServed(err)
}

// isNotServed tells whether the cluster knows no records at all.
func isNotServed(err error) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	_, has := apierrors.StatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
	return has
}

// operation is what was asked of the cluster.
type operation struct {
	doing  string
	writes bool
}

var (
	creating = operation{"creating", true}
	writing  = operation{"writing", true}
	deleting = operation{"deleting", true}
	reading  = operation{"reading", false}
	listing  = operation{"listing", false}
	watching = operation{"watching", false}
)

// hostError says to a client of ours what went wrong between us and the cluster.
// What the cluster refuses us is not what we refuse the client: it comes out as the
// server being unavailable, unless it is about what the client asked for.
func hostError(err error, asked operation, at place, size int) error {
	what := asked.doing + " the record " + at.String()
	if at == (place{}) {
		what = asked.doing + " records"
	}
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || isAboutRequest(err):
		return err
	case isNotServed(err):
		return unavailable(fmt.Errorf("%s: the cluster does not serve them: put their CustomResourceDefinition back (no VMCluster is touched meanwhile): %w", what, err))
	case isTooLarge(err):
		return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("%s: the object has %d bytes as it is stored: %v", what, size, err))
	case asked.writes && isFull(err):
		return withoutRetry(unavailable(fmt.Errorf("%s: it was not done, since the etcd of the cluster is full: give it room, and take back its alarm (reads go on, no VMCluster is touched meanwhile): %w", what, err)))
	case asked.writes && isDenied(err):
		return denied(fmt.Errorf("%s: it was not done, since a policy of the cluster is against it: have that allow it: %w", what, err))
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsConflict(err):
		if !asked.writes {
			return err
		}
		return storage.NewInternalError(fmt.Errorf("%s: %w", what, err))
	case !asked.writes || isUndone(err):
		return unavailable(fmt.Errorf("%s: %w", what, err))
	}
	return withoutRetry(unavailable(fmt.Errorf("%s, which may or may not have been done: %w", what, err)))
}

// isAboutRequest tells errors that a client can do something about, in the terms of
// its own request.
func isAboutRequest(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	return apierrors.IsGone(err) || apierrors.IsResourceExpired(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) || isMissingNamespace(err)
}

func isMissingNamespace(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && apierrors.IsNotFound(err) &&
		status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// isUndone tells whether it is certain that the cluster has not done what it was
// asked for.
func isUndone(err error) bool {
	return utilnet.IsConnectionRefused(err) || isRefused(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err)
}

// isRefused tells whether it is us whom the cluster does not let.
func isRefused(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// isDenied tells whether it is a policy of the cluster that is against a write, and not
// the rights that we have: who writes may know what to do about it.
func isDenied(err error) bool {
	said := err.Error()
	if strings.Contains(said, "denied the request") || strings.Contains(said, "denied request") {
		return true // by a webhook, or by a ValidatingAdmissionPolicy with whatever reason
	}
	return apierrors.IsForbidden(err) && !strings.Contains(said, `User "`)
}

// denied has the reason that the cluster gave.
func denied(err error) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: err.Error(),
	}}
}

// isTooLarge tells whether the cluster, or its etcd, takes no request of that size.
func isTooLarge(err error) bool {
	return apierrors.IsRequestEntityTooLargeError(err) || strings.Contains(err.Error(), "etcdserver: request is too large")
}

// isFull tells whether the etcd of the cluster takes no writes any more, for want of
// space. It tells so before it does anything.
func isFull(err error) bool {
	return strings.Contains(err.Error(), "etcdserver: mvcc: database space exceeded")
}

func unavailable(err error) *apierrors.StatusError {
	status := apierrors.NewServiceUnavailable(err.Error())
	status.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: retrySeconds}
	return status
}

// withoutRetry keeps clients from doing by themselves again what may have been done.
func withoutRetry(err *apierrors.StatusError) *apierrors.StatusError {
	err.ErrStatus.Details = nil
	return err
}
