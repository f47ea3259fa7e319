// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

// spawnHelper makes the test binary start a child and wait to be killed.
const spawnHelper = "CONTROLPLANE_SPAWN_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(spawnHelper) == "" {
		os.Exit(m.Run())
	}
	cmd := exec.CommandContext(context.Background(), "sleep", "600")
	if err := spawn.NewAttached().Spawn(cmd); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(cmd.Process.Pid)
	_ = cmd.Wait()
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), spawnHelper+"=1")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	must(t, err)
	child, err := identify(pid)
	must(t, err)
	if !child.alive() {
		t.Fatal("the child does not run")
	}

	must(t, parent.Process.Kill())
	_ = parent.Wait()
	if err := (&process{name: "child", id: child}).wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestChildrenSurviveTheEndOfThreads checks that no thread whose end the kernel
// would take for the end of the parent is one that the Go runtime may end.
func TestChildrenSurviveTheEndOfThreads(t *testing.T) {
	s := spawn.NewAttached()
	defer s.Close()
	children := make([]*exec.Cmd, 5)
	for i := range children {
		children[i] = exec.CommandContext(t.Context(), "sleep", "600")
		must(t, s.Spawn(children[i]))
		endThreads(20)
	}
	for _, child := range children {
		id, err := identify(child.Process.Pid)
		must(t, err)
		if !id.alive() {
			t.Errorf("child %d has ended", child.Process.Pid)
		}
		must(t, child.Process.Signal(syscall.SIGKILL))
		_ = child.Wait()
	}
}

// endThreads makes the runtime end threads, by ending goroutines that hold one.
func endThreads(n int) {
	var group sync.WaitGroup
	for range n {
		group.Go(func() { runtime.LockOSThread() })
	}
	group.Wait()
}

func TestSpawnAfterClose(t *testing.T) {
	s := spawn.NewAttached()
	s.Close()
	s.Close()
	if err := s.Spawn(exec.CommandContext(t.Context(), "true")); err == nil {
		t.Error("a closed spawner started a process")
	}
}
