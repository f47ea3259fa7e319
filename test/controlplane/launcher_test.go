// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell is a component that runs a script, which it builds anew for each start.
func shell(name string, ports []string, script func() (string, error)) component {
	return component{name: name, ports: ports, prepare: func() (command, probe, error) {
		text, err := script()
		return command{name: name, program: "/bin/sh", args: []string{"-c", text}}, probe{}, err
	}}
}

func fixed(script string) func() (string, error) {
	return func() (string, error) { return script, nil }
}

func testLauncher(t *testing.T, detached bool) *launcher {
	t.Helper()
	l, err := newLauncher(Options{Dir: t.TempDir(), Detached: detached, Patience: 10 * time.Second, Out: t.Output()})
	must(t, err)
	must(t, l.layout.prepare())
	t.Cleanup(func() { must(t, l.stopAll(context.Background())) })
	return l
}

func TestFailureShowsTheLog(t *testing.T) {
	l := testLauncher(t, false)
	// Never ready, so that it is seen to end.
	c := shell("it", nil, fixed("echo first; echo the reason >&2; exit 3"))
	c.prepare = never(c.prepare)
	_, err := l.ensure(t.Context(), c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"ended: exit status 3", "the reason", l.layout.log("it")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not tell %q", err, want)
		}
	}
}

// never replaces the probe by one that nothing answers.
func never(prepare func() (command, probe, error)) func() (command, probe, error) {
	return func() (command, probe, error) {
		cmd, _, err := prepare()
		return cmd, probe{URL: "http://127.0.0.1:1/"}, err
	}
}

func TestLostPortIsReplaced(t *testing.T) {
	l := testLauncher(t, false)
	var chosen []int
	c := shell("it", []string{"it"}, func() (string, error) {
		port, err := l.ports.port("it")
		chosen = append(chosen, port)
		return "echo listen: address already in use; exit 1", err
	})
	c.prepare = never(c.prepare)
	if _, err := l.ensure(t.Context(), c); err == nil {
		t.Fatal("no error")
	}
	if len(chosen) != attempts {
		t.Fatalf("started with ports %v, want %d attempts", chosen, attempts)
	}
	for i := 1; i < len(chosen); i++ {
		if chosen[i] == chosen[i-1] {
			t.Errorf("port %d was tried again after it was lost", chosen[i])
		}
	}
}

func TestStopInsists(t *testing.T) {
	l := testLauncher(t, false)
	ready := filepath.Join(t.TempDir(), "ready")
	p, err := l.ensure(t.Context(), shell("deaf", nil, fixed("trap '' TERM; : >"+ready+"; while :; do sleep 1; done")))
	must(t, err)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the script did not start")
		}
	}
	if err := p.signalAndWait(t.Context(), syscall.SIGTERM, 100*time.Millisecond); err == nil {
		t.Fatal("a process that ignores it ended by SIGTERM")
	}
	must(t, p.kill(t.Context()))
	if p.alive() {
		t.Error("it still runs")
	}
}

func TestDetachedIsKeptRestartedAndEnded(t *testing.T) {
	l := testLauncher(t, true)
	script := "exec sleep 600"
	c := shell("it", nil, func() (string, error) { return script, nil })
	first, err := l.ensure(t.Context(), c)
	must(t, err)
	kept, err := l.ensure(t.Context(), c)
	must(t, err)
	if kept.id != first.id {
		t.Errorf("running again replaced %v by %v", first.id, kept.id)
	}

	script = "exec sleep 601"
	changed, err := l.ensure(t.Context(), c)
	must(t, err)
	if changed.id == first.id || first.alive() {
		t.Error("it was not restarted when what it is started with changed")
	}

	must(t, changed.kill(t.Context()))
	again, err := l.ensure(t.Context(), c)
	must(t, err)
	if !again.alive() {
		t.Error("it was not started again after it died")
	}

	must(t, Down(t.Context(), DownOptions{Dir: l.layout.dir}))
	if again.alive() {
		t.Error("it runs after Down")
	}
	if _, err := os.Stat(l.layout.data()); !os.IsNotExist(err) {
		t.Errorf("state is still there: %v", err)
	}
}

func TestDownSparesStrangers(t *testing.T) {
	l := testLauncher(t, true)
	p, err := l.ensure(t.Context(), shell("it", nil, fixed("exec sleep 600")))
	must(t, err)
	r, _, err := l.records.get("it")
	must(t, err)
	// As if the recorded process had ended and its pid were used again.
	r.StartTicks++
	must(t, l.records.put(r))
	must(t, Down(t.Context(), DownOptions{Dir: l.layout.dir, KeepData: true}))
	if !p.alive() {
		t.Error("Down ended a process that it did not record")
	}
	if left, err := l.records.list(); err != nil || len(left) != 0 {
		t.Errorf("records left: %v, %v", left, err)
	}
}
