// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import "context"

// ahead is an answer that is asked for before it is needed, so that one wait covers several.
type ahead[T any] struct {
	known chan struct{}
	value T
	err   error
}

// askAhead asks at once. Whoever calls it waits until the asking has ended.
func askAhead[T any](ctx context.Context, ask func(context.Context) (T, error)) *ahead[T] {
	a := &ahead[T]{known: make(chan struct{})}
	go func() {
		defer close(a.known)
		a.value, a.err = ask(ctx)
	}()
	return a
}

// get waits for the answer, which comes when ctx of the asking ends at the latest.
func (a *ahead[T]) get() (T, error) {
	<-a.known
	return a.value, a.err
}

func (a *ahead[T]) ended() { <-a.known }
