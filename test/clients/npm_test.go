// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// oldestNode is the oldest Node.js on which the packages run, as major and minor.
// On an older one the programs run on the one that npm brings with the packages.
var oldestNode = [2]int{22, 19}

// npmPackage is a copy of the folder typescript in .local: what npm installs and
// what is generated stays away from Go's tools, which walk the checkout, and is
// still there for the next run.
type npmPackage struct{ dir string }

// newPackage copies the folder.
func newPackage(t *testing.T) npmPackage {
	t.Helper()
	p := npmPackage{dir: filepath.Join(shared.root, ".local", "clients", "typescript")}
	for _, old := range []string{"src", "dist"} {
		must(t, os.RemoveAll(filepath.Join(p.dir, old)))
	}
	must(t, os.MkdirAll(filepath.Join(p.dir, "src"), 0o750))
	from := filepath.Join(shared.root, "test", "clients", "typescript")
	for _, pattern := range []string{".npmrc", "*.json", "*.ts", "src/*.ts"} {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		must(t, err)
		for _, file := range files {
			name, err := filepath.Rel(from, file)
			must(t, err)
			content, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(p.dir, name), content, 0o600))
		}
	}
	return p
}

// install makes the packages be there that the lock file names.
func (p npmPackage) install(t *testing.T) {
	t.Helper()
	arguments := []string{"ci", "--loglevel=error"}
	if nodeIsNewEnough(t) {
		arguments = append(arguments, "--omit=optional")
	}
	stamp := filepath.Join(p.dir, "node_modules", ".installed")
	wanted := p.wanted(t, arguments)
	if found, err := os.ReadFile(stamp); err == nil && string(found) == wanted {
		return
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	p.run(t, 10*time.Minute, nil, "npm", arguments...)
	if !nodeIsNewEnough(t) {
		if _, err := os.Stat(p.program("node")); err != nil {
			t.Fatalf("the packages need Node.js %d.%d or later, and npm has none for this machine: install it", oldestNode[0], oldestNode[1])
		}
	}
	must(t, os.WriteFile(stamp, []byte(wanted), 0o600))
}

// wanted identifies what is to be installed, and how.
func (p npmPackage) wanted(t *testing.T, arguments []string) string {
	t.Helper()
	hash := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		content, err := os.ReadFile(filepath.Join(p.dir, name))
		must(t, err)
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil)) + " " + strings.Join(arguments, " ")
}

func (p npmPackage) program(name string) string {
	return filepath.Join(p.dir, "node_modules", ".bin", name)
}

// run runs a program in the folder, one of the packages' before one of the
// machine's, and fails the test with what it prints.
func (p npmPackage) run(t *testing.T, limit time.Duration, environment []string, name string, arguments ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	program := p.program(name)
	if _, err := os.Stat(program); err != nil {
		program = find(t, name)
	}
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = p.dir
	command.Env = append(os.Environ(), "PATH="+filepath.Dir(p.program(name))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	command.Env = append(command.Env, environment...)
	// With all that it has started, which otherwise keeps running.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 10 * time.Second
	begun := time.Now()
	output, err := command.CombinedOutput()
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w, after %s", err, time.Since(begun).Round(time.Second))
		}
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
	t.Logf("%s took %s", name, time.Since(begun).Round(100*time.Millisecond))
}

// nodeIsNewEnough tells whether the machine's own Node.js can run the packages.
func nodeIsNewEnough(t *testing.T) bool {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), find(t, "node"), "--version").Output()
	must(t, err)
	var version [2]int
	parts := strings.Split(strings.TrimPrefix(strings.TrimSpace(string(output)), "v"), ".")
	for i := range version {
		if len(parts) <= i {
			t.Fatalf("node --version prints %q", output)
		}
		version[i], err = strconv.Atoi(parts[i])
		must(t, err)
	}
	return version[0] > oldestNode[0] || version[0] == oldestNode[0] && version[1] >= oldestNode[1]
}

// find fails rather than skips: a test that did not run says nothing.
func find(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("the tests of the TypeScript clients need %s: install Node.js with npm (%v)", name, err)
	}
	return path
}
