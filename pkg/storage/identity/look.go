// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"sync"
)

// looks has everybody who wants to know what is so now share a look that begins after
// they have asked. One is under way at a time, and one more waits for it at most, so
// that a crowd costs the store no more than a few.
type looks struct {
	look func() (sight, error)

	mutex sync.Mutex
	// running is true while a look is under way, next the one after it, if somebody waits.
	running bool
	next    *sharedLook
	group   sync.WaitGroup
}

// sight is what a look finds of a store that is the one it was.
type sight struct {
	// leaving is true where all that the store holds is being taken away.
	leaving bool
}

// sharedLook is one that several wait for.
type sharedLook struct {
	done  chan struct{}
	found sight
	err   error
}

// ask returns what a look found that began after the call.
func (l *looks) ask(ctx context.Context) (sight, error) {
	mine := l.join()
	select {
	case <-mine.done:
		return mine.found, mine.err
	case <-ctx.Done():
		return sight{}, context.Cause(ctx)
	}
}

func (l *looks) join() *sharedLook {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.next == nil {
		l.next = &sharedLook{done: make(chan struct{})}
	}
	mine := l.next
	if !l.running {
		l.running = true
		l.group.Go(l.run)
	}
	return mine
}

// run looks for as long as somebody waits.
func (l *looks) run() {
	for now := l.take(); now != nil; now = l.take() {
		now.found, now.err = l.look()
		close(now.done)
	}
}

// take is the next look to begin: whoever asks from now on waits for another one.
func (l *looks) take() *sharedLook {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.next
	l.next, l.running = nil, now != nil
	return now
}

// wait returns when no look is under way.
func (l *looks) wait() { l.group.Wait() }
