// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

const (
	// termGrace is how long a program may take to end by itself.
	termGrace = 20 * time.Second
	// killGrace is how long the kernel may take to end a program.
	killGrace = 10 * time.Second
)

// process is a program that was started, by this process or, where it was
// detached, by an earlier one.
type process struct {
	name string
	id   identity
	log  spawn.Log
	// exited is closed when a process that we started has ended and was
	// collected; it is nil for a process found again.
	exited chan struct{}
	err    error // how it ended; to be read after exited is closed
	// begun is when it was started, readyAfter how much later it was ready;
	// both are zero for a process found again.
	begun      time.Time
	readyAfter time.Duration
}

// startProcess runs a command with its output appended to a log file.
func startProcess(s spawn.Spawner, c command, logPath string) (*process, error) {
	log, file, err := spawn.OpenLog(logPath)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", c.name, err)
	}
	defer file.Close()
	// Not exec.CommandContext: the context of a start must not end the program.
	cmd := exec.Command(c.program, c.args...) //nolint:noctx // see above
	cmd.Env, cmd.Dir = c.env, c.dir
	cmd.Stdout, cmd.Stderr = file, file
	begun := time.Now()
	if err := s.Spawn(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	p := &process{name: c.name, log: log, exited: make(chan struct{}), begun: begun}
	// Read before Wait can collect it: until then the pid is taken.
	id, err := identify(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("identifying %s: %w", c.name, err), cmd.Process.Kill(), cmd.Wait())
	}
	p.id = id
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// alive tells whether the program runs.
func (p *process) alive() bool {
	if p.exited == nil {
		return p.id.alive()
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// wait returns when the program has ended, or with an error when ctx ends first.
func (p *process) wait(ctx context.Context) error {
	if p.exited != nil {
		select {
		case <-p.exited:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// Not our child: nothing announces its end.
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) {
		return !p.id.alive(), nil
	})
}

// stop asks the program to end, insists after a while, and returns when it has
// ended. Its error is errForced, with details, if the program ended by force only.
func (p *process) stop(ctx context.Context) error {
	err := p.signalAndWait(ctx, syscall.SIGTERM, termGrace)
	if err == nil {
		return nil
	}
	if killErr := p.kill(ctx); killErr != nil {
		return killErr
	}
	return fmt.Errorf("%w: %w", errForced, err)
}

var errForced = errors.New("killed, since it did not end when asked")

// unforced drops the error that only says that force was needed.
func unforced(err error) error {
	if errors.Is(err, errForced) {
		return nil
	}
	return err
}

// kill ends the program at once and returns when it has ended.
func (p *process) kill(ctx context.Context) error {
	return p.signalAndWait(ctx, syscall.SIGKILL, killGrace)
}

func (p *process) signalAndWait(ctx context.Context, sig syscall.Signal, grace time.Duration) error {
	if err := p.id.signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", p.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := p.wait(ctx); err != nil {
		return fmt.Errorf("%s (pid %d) still runs %s after %v", p.name, p.id.PID, grace, sig)
	}
	return nil
}

// ending describes how a program that we started has ended.
func (p *process) ending() string {
	if p.exited == nil {
		return "ended"
	}
	<-p.exited
	if p.err == nil {
		return "ended with status 0"
	}
	return "ended: " + p.err.Error()
}
