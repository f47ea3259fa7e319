// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells what is being done, one line each, with the seconds since the
// beginning. It may be used by several goroutines.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	begun time.Time
}

func newProgress(out io.Writer) *progress {
	if out == nil {
		out = io.Discard
	}
	return &progress{out: out, begun: time.Now()}
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, "[%6.1fs] %s\n", time.Since(p.begun).Seconds(), fmt.Sprintf(format, args...))
}
