// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// DownOptions says how to end a detached control plane.
type DownOptions struct {
	// Dir is the Options.Dir that it was started with.
	Dir string
	// KeepData leaves its state for the next Start; else that starts clean.
	KeepData bool
	// Out receives one line for each thing done. Default: nothing is said.
	Out io.Writer
}

// Down ends exactly the programs that are recorded under Dir, those that depend
// on others first, and waits for them to be gone.
func Down(ctx context.Context, options DownOptions) error {
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return err
	}
	say := newProgress(options.Out).say
	l := layout{dir: dir}
	records := recordBook{dir: l.run("")}
	left, err := records.list()
	if err != nil {
		return err
	}
	var problems []error
	for i := len(left) - 1; i >= 0; i-- {
		problems = append(problems, endRecorded(ctx, records, left[i], say))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("state is kept, since not everything has ended: %w", err)
	}
	if options.KeepData {
		say("state is kept in %s", l.data())
		return nil
	}
	if err := l.wipe(); err != nil {
		return err
	}
	say("state is removed; logs are in %s", filepath.Dir(l.log("")))
	return nil
}

func endRecorded(ctx context.Context, records recordBook, r record, say func(string, ...any)) error {
	p := r.process()
	if !p.alive() {
		say("%s: pid %d is gone already", r.Name, r.PID)
		return records.remove(r.Name)
	}
	begun := time.Now()
	how := "ended"
	err := p.stop(ctx)
	if errors.Is(err, errForced) {
		how = "was " + errForced.Error() + ","
	}
	if err := unforced(err); err != nil {
		return err
	}
	say("%s: pid %d %s after %.1fs", r.Name, r.PID, how, time.Since(begun).Seconds())
	return records.remove(r.Name)
}

// ProgramStatus is how one program of a detached control plane does.
type ProgramStatus struct {
	Name    string
	PID     int
	Started time.Time
	Log     string
	// Err is nil if the program runs and says that it is ready.
	Err error
}

// Status tells how the programs recorded under dir do, in the order of starting.
func Status(ctx context.Context, dir string) ([]ProgramStatus, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	recorded, err := recordBook{dir: layout{dir: dir}.run("")}.list()
	if err != nil {
		return nil, err
	}
	var all []ProgramStatus
	for _, r := range recorded {
		status := ProgramStatus{Name: r.Name, PID: r.PID, Started: r.Started, Log: r.Log}
		if !r.alive() {
			status.Err = errors.New("it has ended")
		} else {
			status.Err = r.Probe.check(ctx)
		}
		all = append(all, status)
	}
	return all, nil
}

// Lock keeps others from starting or ending the control plane in dir until
// unlock is called or this process ends. It waits for its turn.
func Lock(ctx context.Context, dir string, out io.Writer) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "controlplane.lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	progress, told := newProgress(out), false
	err = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err == nil, err
		}
		if !told {
			progress.say("another up or down works on %s, waiting for it", dir)
			told = true
		}
		return false, nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
