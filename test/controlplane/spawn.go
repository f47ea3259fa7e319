// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawner starts processes.
type spawner interface {
	// spawn starts cmd and returns once it runs.
	spawn(cmd *exec.Cmd) error
	// close lets go of what the spawner holds. Call it when its processes ended.
	close()
}

// attachedSpawner starts processes that the kernel kills when this one ends,
// however it ends. The kernel sends that signal when the *thread* that forked
// ends, and the Go runtime ends threads as it likes; so all forks are done by
// one goroutine that keeps its thread until close.
type attachedSpawner struct {
	requests chan spawnRequest
	closed   chan struct{}
	once     sync.Once
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

func newAttachedSpawner() *attachedSpawner {
	s := &attachedSpawner{requests: make(chan spawnRequest), closed: make(chan struct{})}
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

func (s *attachedSpawner) spawn(cmd *exec.Cmd) error {
	// A group of its own keeps an interrupt typed at the terminal from ending
	// the control plane under a test that is still cleaning up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	request := spawnRequest{cmd: cmd, result: make(chan error, 1)}
	select {
	case s.requests <- request:
		return <-request.result
	case <-s.closed:
		return errors.New("the control plane was stopped")
	}
}

func (s *attachedSpawner) close() { s.once.Do(func() { close(s.closed) }) }

// detachedSpawner starts processes that outlive this one and its terminal.
type detachedSpawner struct{}

func (detachedSpawner) spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

func (detachedSpawner) close() {}
