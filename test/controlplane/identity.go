// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// identity names one process for good. A pid alone does not: it is given to
// another process some time after the first one ended, and after a reboot even
// pid and start time may coincide, hence the boot.
type identity struct {
	PID int `json:"pid"`
	// StartTicks is field 22 of /proc/PID/stat: clock ticks from boot to start.
	StartTicks uint64 `json:"startTicks"`
	BootID     string `json:"bootID"`
}

// identify reads the identity of a process that runs now.
func identify(pid int) (identity, error) {
	stat, err := readStat(pid)
	if err != nil {
		return identity{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, fmt.Errorf("reading the id of this boot: %w", err)
	}
	return identity{PID: pid, StartTicks: stat.startTicks, BootID: string(bytes.TrimSpace(boot))}, nil
}

// alive tells whether this very process still runs. A zombie does not run: it
// may stay for ever where nobody above it collects its exit status.
func (i identity) alive() bool {
	stat, err := readStat(i.PID)
	if err != nil || stat.dead() {
		return false
	}
	current, err := identify(i.PID)
	return err == nil && current == i
}

// signal sends a signal to this very process, and to no other that may have got
// its pid meanwhile: os.FindProcess pins the process where the kernel can, and
// the identity is compared after that.
func (i identity) signal(sig syscall.Signal) error {
	process, err := os.FindProcess(i.PID)
	if err != nil {
		return fmt.Errorf("finding process %d: %w", i.PID, err)
	}
	defer process.Release() //nolint:errcheck // nothing to do about it
	if !i.alive() {
		return os.ErrProcessDone
	}
	if err := process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v to process %d: %w", sig, i.PID, err)
	}
	return nil
}

// procStat holds what is needed of /proc/PID/stat.
type procStat struct {
	state      byte
	startTicks uint64
}

func (s procStat) dead() bool { return s.state == 'Z' || s.state == 'X' || s.state == 'x' }

func readStat(pid int) (procStat, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return procStat{}, os.ErrProcessDone
	}
	if err != nil {
		return procStat{}, err
	}
	return parseStat(raw)
}

// parseStat reads a line of proc_pid_stat(5). The second field is the name of
// the program in parentheses, which may itself hold spaces and parentheses, so
// fields are counted from the last closing one.
func parseStat(raw []byte) (procStat, error) {
	end := bytes.LastIndexByte(raw, ')')
	if end < 0 {
		return procStat{}, fmt.Errorf("no program name in process status %q", raw)
	}
	const state, startTime = 3, 22 // as numbered in the manual page
	fields := bytes.Fields(raw[end+1:])
	if len(fields) <= startTime-state {
		return procStat{}, fmt.Errorf("process status %q has too few fields", raw)
	}
	ticks, err := strconv.ParseUint(string(fields[startTime-state]), 10, 64)
	if err != nil {
		return procStat{}, fmt.Errorf("start time in process status %q: %w", raw, err)
	}
	return procStat{state: fields[0][0], startTicks: ticks}, nil
}
