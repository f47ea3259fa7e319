// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package spawn

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Spawner starts processes.
type Spawner interface {
	// Spawn starts cmd and returns once it runs.
	Spawn(cmd *exec.Cmd) error
	// Close lets go of what the spawner holds. Call it when its processes ended.
	Close()
}

// Attached starts processes that the kernel kills when this one ends,
// however it ends. The kernel sends that signal when the *thread* that forked
// ends, and the Go runtime ends threads as it likes; so all forks are done by
// one goroutine that keeps its thread until Close.
type Attached struct {
	requests chan spawnRequest
	closed   chan struct{}
	once     sync.Once
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

// NewAttached returns a spawner whose processes do not outlive this one.
func NewAttached() *Attached {
	s := &Attached{requests: make(chan spawnRequest), closed: make(chan struct{})}
	go func() {
		// Never unlocked: the thread ends together with the goroutine.
		runtime.LockOSThread()
		for {
			select {
			case request := <-s.requests:
				request.result <- request.cmd.Start()
			case <-s.closed:
				return
			}
		}
	}()
	return s
}

// Spawn starts cmd and returns once it runs.
func (s *Attached) Spawn(cmd *exec.Cmd) error {
	// A group of its own keeps an interrupt typed at the terminal from ending
	// what runs for a test that is still cleaning up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	request := spawnRequest{cmd: cmd, result: make(chan error, 1)}
	select {
	case s.requests <- request:
		return <-request.result
	case <-s.closed:
		return errors.New("the spawner was closed")
	}
}

// Close ends the spawner, not its processes.
func (s *Attached) Close() { s.once.Do(func() { close(s.closed) }) }

// Detached starts processes that outlive this one and its terminal.
type Detached struct{}

// Spawn starts cmd and returns once it runs.
func (Detached) Spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// Close does nothing.
func (Detached) Close() {}
