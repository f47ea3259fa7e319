// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecords(t *testing.T) {
	book := recordBook{dir: filepath.Join(t.TempDir(), "run")}
	if all, err := book.list(); err != nil || len(all) != 0 {
		t.Fatalf("without a directory: %v, %v", all, err)
	}
	server := record{
		Name: "server", identity: identity{PID: 2, StartTicks: 22, BootID: "boot"}, Program: "/bin/server",
		Fingerprint: "print", Probe: probe{URL: "https://127.0.0.1:1/readyz", CAFile: "ca"},
		Log: "server.log", LogFrom: 5, Started: time.Unix(7, 0).UTC(), Order: orderServer,
	}
	etcd := record{Name: "etcd", identity: identity{PID: 1, StartTicks: 11, BootID: "boot"}, Order: orderEtcd}
	for _, r := range []record{server, etcd} {
		if err := book.put(r); err != nil {
			t.Fatal(err)
		}
	}
	// Others keep files there too.
	if err := os.WriteFile(filepath.Join(book.dir, "ports.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}

	all, err := book.list()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]record{etcd, server}, all, cmp.AllowUnexported(record{})); diff != "" {
		t.Errorf("records in the order of starting (-want +got):\n%s", diff)
	}
	got, ok, err := book.get("server")
	if err != nil || !ok {
		t.Fatalf("record of server: %v, %v", ok, err)
	}
	if diff := cmp.Diff(server, got, cmp.AllowUnexported(record{})); diff != "" {
		t.Errorf("record of server (-want +got):\n%s", diff)
	}

	for range 2 {
		if err := book.remove("server"); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := book.get("server"); ok || err != nil {
		t.Errorf("record of server after its removal: %v, %v", ok, err)
	}
}

func TestDamagedRecordIsAnError(t *testing.T) {
	book := recordBook{dir: t.TempDir()}
	if err := os.WriteFile(book.path("etcd"), []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	// Taking it for absent would start a second etcd on the same data.
	if _, _, err := book.get("etcd"); err == nil {
		t.Error("no error from get")
	}
	if _, err := book.list(); err == nil {
		t.Error("no error from list")
	}
}

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	program, input := filepath.Join(dir, "program"), filepath.Join(dir, "input")
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(program, "one")
	write(input, "one")
	c := command{name: "it", program: program, args: []string{"-a"}, env: []string{"B=c"}, inputs: []string{input}}
	print := func() string {
		t.Helper()
		got, err := c.fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	last := print()
	if print() != last {
		t.Fatal("the fingerprint changes by itself")
	}
	for name, change := range map[string]func(){
		"an argument":      func() { c.args = append(c.args, "-b") },
		"the environment":  func() { c.env = []string{"B=d"} },
		"an input":         func() { write(input, "two") },
		"the binary":       func() { write(program, "three") },
		"time of a binary": func() { must(t, os.Chtimes(program, time.Time{}, time.Unix(9, 0))) },
	} {
		change()
		if next := print(); next == last {
			t.Errorf("a change of %s does not show", name)
		} else {
			last = next
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAProgramBuiltAgainWithoutAChangeIsTheSame(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	content, err := os.ReadFile(self)
	must(t, err)
	program := filepath.Join(t.TempDir(), "program")
	must(t, os.WriteFile(program, content, 0o600))
	before, err := binaryVersion(program)
	must(t, err)
	must(t, os.Chtimes(program, time.Time{}, time.Unix(9, 0)))
	after, err := binaryVersion(program)
	must(t, err)
	if before != after || before == "" {
		t.Errorf("was %q, is %q", before, after)
	}
}
