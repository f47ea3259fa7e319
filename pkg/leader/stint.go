// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"
	"sync"
)

// stint is the work of one stretch of leading. It begins once at most, and not after
// its end.
type stint struct {
	mutex  sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup
	err    error
}

func newStint(ctx context.Context) *stint {
	s := &stint{}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// begin starts the work, and calls returned after it.
func (s *stint) begin(work func(context.Context) error, returned func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	s.group.Go(func() {
		defer returned()
		s.err = work(s.ctx)
	})
}

// end stops the work and returns its error when it has ended.
func (s *stint) end() error {
	s.mutex.Lock()
	s.cancel()
	s.mutex.Unlock()
	s.group.Wait()
	return s.err
}
