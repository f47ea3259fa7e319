// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	// Fields 4 to 21 do not matter here.
	const middle = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "
	for _, test := range []struct {
		name, line string
		want       procStat
		fails      bool
	}{
		{name: "plain", line: "7 (etcd) S" + middle + "4711 0 0\n", want: procStat{state: 'S', startTicks: 4711}},
		{name: "name with spaces and parentheses", line: "7 (a) R (b) Z" + middle + "9 0\n", want: procStat{state: 'Z', startTicks: 9}},
		{name: "too short", line: "7 (etcd) S 1 2 3\n", fails: true},
		{name: "no name", line: "7 etcd S\n", fails: true},
		{name: "start time is no number", line: "7 (etcd) S" + middle + "x 0\n", fails: true},
		{name: "empty", fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseStat([]byte(test.line))
			if (err != nil) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestIdentityOfSelf(t *testing.T) {
	self, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.alive() {
		t.Error("this process is not taken for alive")
	}
	for name, other := range map[string]identity{
		"a later process with the same pid":      {PID: self.PID, StartTicks: self.StartTicks + 1, BootID: self.BootID},
		"a process before the last boot":         {PID: self.PID, StartTicks: self.StartTicks, BootID: "another"},
		"a process whose pid was not used again": {PID: 1 << 30, StartTicks: self.StartTicks, BootID: self.BootID},
	} {
		if other.alive() {
			t.Errorf("%s is taken for alive", name)
		}
		// Would end this test if it were sent.
		if err := other.signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("signalling %s: %v, want %v", name, err, os.ErrProcessDone)
		}
	}
}

func TestZombieIsNotAlive(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if !id.alive() {
		t.Error("a running child is not taken for alive")
	}
	if err := id.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Not collected yet, so it stays a zombie.
	p := &process{name: "sleep", id: id}
	if err := p.wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed child ended well")
	}
}
