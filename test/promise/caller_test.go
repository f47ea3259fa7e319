// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// leaseDuration is for how long a request may fail, over all its tries: the default of
// --leader-elect-lease-duration.
const leaseDuration = 15 * time.Second

// retryPause is between two tries, as the API server asks for by its Retry-After. So a
// request that was tried again leaseDuration/retryPause times has failed for too long.
const retryPause = time.Second

// caller is a client that makes a request again where client-go does: if the connection
// is lost, and on 429, 500 and 503.
type caller struct {
	mutex sync.Mutex
	// requests are those that were answered, retried those of them at the second try or
	// later. most is how many more tries one of them took, and longest for how long.
	requests, retried, most int
	longest                 time.Duration
	reasons                 map[string]int
	failures                []string
}

// do makes a request until it is answered.
func (c *caller) do(ctx context.Context, what string, request func() *rest.Request) error {
	began := time.Now()
	for retries := 0; ; retries++ {
		err := c.try(ctx, request)
		switch {
		case err == nil:
			c.answered(retries, time.Since(began))
			return nil
		case !isWorthATry(err) || retries >= int(leaseDuration/retryPause):
			err = fmt.Errorf("%s, after %d retries in %s: %w", what, retries, time.Since(began), err)
			c.note(func() { c.failures = append(c.failures, err.Error()) })
			return err
		}
		c.note(func() { c.reasons[reasonOf(err)]++ })
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// try makes it once. Client-go makes none of its own tries beside ours.
func (c *caller) try(ctx context.Context, request func() *rest.Request) error {
	ctx, cancel := context.WithTimeout(ctx, leaseDuration)
	defer cancel()
	return request().MaxRetries(0).Do(ctx).Error()
}

func isWorthATry(err error) bool {
	var network *net.OpError
	return apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) ||
		errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// reasonOf is what an error is counted as.
func reasonOf(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return fmt.Sprint(status.Status().Code)
	}
	return "connection lost"
}

func (c *caller) note(what func()) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	what()
}

func (c *caller) answered(retries int, took time.Duration) {
	c.note(func() {
		c.requests++
		c.most = max(c.most, retries)
		if retries > 0 {
			c.retried++
			c.longest = max(c.longest, took)
		}
	})
}

// check fails where a request was not answered within a lease duration.
func (c *caller) check(t *testing.T) {
	t.Helper()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, failure := range c.failures {
		t.Errorf("a request failed: %s", failure)
	}
	if c.requests == 0 {
		t.Error("nothing was asked")
	}
}

func (c *caller) String() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var reasons []string
	for reason, count := range c.reasons {
		reasons = append(reasons, fmt.Sprintf("%d times %s", count, reason))
	}
	slices.Sort(reasons)
	return fmt.Sprintf("%d API requests answered, %d of them not at once (%s), after %d retries at most; the longest was without an answer for %s (a lease lasts %s)",
		c.requests, c.retried, strings.Join(reasons, ", "), c.most, c.longest.Round(time.Millisecond), leaseDuration)
}
