// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embeddedetcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// dirVariable makes the test binary a second process on this data directory.
const dirVariable = "EMBEDDEDETCD_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		os.Exit(secondProcess(dir))
	}
	os.Exit(m.Run())
}

// secondProcess serves until its standard input ends, or says why it does not.
func secondProcess(dir string) int {
	member, err := Start(context.Background(), Config{DataDir: dir, UnsafeNoFsync: true})
	if err != nil {
		fmt.Println("refused:", err)
		return 3
	}
	fmt.Println("serves")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := member.Close(); err != nil {
		fmt.Println(err)
		return 4
	}
	return 0
}

func spawn(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), dirVariable+"="+dir)
	return cmd
}

// shortDir returns a directory whose name leaves room for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func begin(t *testing.T, dir string) *Member {
	t.Helper()
	member, err := Start(t.Context(), Config{DataDir: dir, UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	return member
}

func stop(t *testing.T, member *Member) {
	t.Helper()
	if err := member.Close(); err != nil {
		t.Error(err)
	}
}

// client talks to a member, for as long as the test takes.
func client(t *testing.T, member *Member) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{member.Endpoint()}, DialTimeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the member may be gone
	return c
}

func put(t *testing.T, member *Member, key, value string) {
	t.Helper()
	if _, err := client(t, member).Put(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, member *Member, key, value string) {
	t.Helper()
	response, err := client(t, member).Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Kvs) != 1 || string(response.Kvs[0].Value) != value {
		t.Errorf("%s is %v, want %q", key, response.Kvs, value)
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	dir := filepath.Join(shortDir(t), "made", "by", "start")
	member := begin(t, dir)
	put(t, member, "a", "1")
	stop(t, member)

	member = begin(t, dir)
	defer stop(t, member)
	want(t, member, "a", "1")
}

// TestSecondStartIsRefusedAtOnce, from this process as from another, and does the
// first one no harm.
func TestSecondStartIsRefusedAtOnce(t *testing.T) {
	dir := shortDir(t)
	member := begin(t, dir)
	put(t, member, "a", "1")

	const reason = "another server running on the same data directory"
	if _, err := Start(t.Context(), Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("this process: error %v, want %q", err, reason)
	}
	output, err := spawn(t, dir).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(output), reason) {
		t.Errorf("another process: %v, %s, want %q", err, output, reason)
	}
	want(t, member, "a", "1")
	put(t, member, "b", "2")

	stop(t, member)
	member = begin(t, dir)
	defer stop(t, member)
	want(t, member, "b", "2")
}

// TestKilledProcessLeavesNothingInTheWay: the lock goes with it, and its sockets
// are cleared away.
func TestKilledProcessLeavesNothingInTheWay(t *testing.T) {
	dir := shortDir(t)
	cmd := spawn(t, dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("serves\n"))
	if _, err := io.ReadFull(stdout, line); err != nil || string(line) != "serves\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if _, err := os.Stat(filepath.Join(dir, "client.sock")); err != nil {
		t.Errorf("the killed process left no socket, so that this test shows nothing: %v", err)
	}
	member := begin(t, dir)
	defer stop(t, member)
	put(t, member, "a", "1")
}

// TestPathTooLongForASocketServes, with its data, and leaves no socket behind.
func TestPathTooLongForASocketServes(t *testing.T) {
	dir := filepath.Join(shortDir(t), strings.Repeat("x", maxSocketPath))
	t.Setenv("TMPDIR", shortDir(t))
	member := begin(t, dir)
	put(t, member, "a", "1")
	stop(t, member)

	member = begin(t, dir)
	want(t, member, "a", "1")
	info, err := os.Stat(filepath.Dir(strings.TrimPrefix(member.Endpoint(), "unix://")))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the directory of its sockets has the mode %v", info.Mode())
	}
	stop(t, member)
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestNoRoomForASocketInTMPDIREitherServes(t *testing.T) {
	dir := filepath.Join(shortDir(t), strings.Repeat("x", maxSocketPath))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	member := begin(t, dir)
	put(t, member, "a", "1")
	stop(t, member)
	sockets := filepath.Dir(strings.TrimPrefix(member.Endpoint(), "unix://"))
	if _, err := os.Stat(sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left %s: %v", sockets, err)
	}
}

func TestNoPlaceForASocketIsRefused(t *testing.T) {
	dir := filepath.Join(shortDir(t), strings.Repeat("x", maxSocketPath))
	t.Setenv("TMPDIR", filepath.Join(shortDir(t), "absent"))
	_, err := Start(t.Context(), Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "choose a shorter data directory, or set TMPDIR") {
		t.Fatalf("error %v", err)
	}
	// The lock is free again.
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

// TestLongestPathServes, so that the limit is neither too low nor too high.
func TestLongestPathServes(t *testing.T) {
	base := shortDir(t)
	dir := filepath.Join(base, strings.Repeat("x", maxSocketPath-len(base)-len("//client.sock")))
	if got := len(filepath.Join(dir, "client.sock")); got != maxSocketPath {
		t.Fatalf("the path has %d bytes, want %d", got, maxSocketPath)
	}
	member := begin(t, dir)
	defer stop(t, member)
	put(t, member, "a", "1")
	if !strings.HasPrefix(member.Endpoint(), "unix://"+dir) {
		t.Errorf("it listens on %s", member.Endpoint())
	}
}

func TestUnusableDirectoryIsRefused(t *testing.T) {
	file := filepath.Join(shortDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := Start(t.Context(), Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("%s: error %v", dir, err)
		}
	}
}

// TestNobodyElseCanOpenIt: whoever can talk to the member can change what the API
// would refuse.
func TestNobodyElseCanOpenIt(t *testing.T) {
	dir := filepath.Join(shortDir(t), "data")
	member := begin(t, dir)
	defer stop(t, member)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory has the mode %v", info.Mode())
	}
	if !strings.HasPrefix(member.Endpoint(), "unix://"+dir) {
		t.Errorf("it listens on %s", member.Endpoint())
	}
	for _, listener := range member.etcd.Clients {
		if listener.Addr().Network() != "unix" {
			t.Errorf("it listens on %s %s too", listener.Addr().Network(), listener.Addr())
		}
	}
}

// TestLargeObjectsFit: an object of 1 MiB whose owners are written down beside it.
func TestLargeObjectsFit(t *testing.T) {
	member := begin(t, shortDir(t))
	defer stop(t, member)
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{member.Endpoint()}, MaxCallSendMsgSize: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the member goes too
	if _, err := c.Put(t.Context(), "a", string(bytes.Repeat([]byte("x"), 3<<20))); err != nil {
		t.Errorf("3 MiB: %v", err)
	}
	if _, err := c.Put(t.Context(), "a", string(bytes.Repeat([]byte("x"), 5<<20))); err == nil {
		t.Error("5 MiB were taken")
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("not any more"))
	member, err := Start(ctx, Config{DataDir: shortDir(t), UnsafeNoFsync: true})
	if err == nil { // it may have been ready first
		stop(t, member)
		return
	}
	if !strings.Contains(err.Error(), "not any more") {
		t.Errorf("error %v", err)
	}
}
