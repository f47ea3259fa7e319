// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// outcome is what a run of kubectl left behind.
type outcome struct {
	stdout, stderr string
	code           int
}

// kubectl runs kubectl in a namespace and fails the test unless it succeeds.
func kubectl(t *testing.T, namespace string, args ...string) outcome {
	t.Helper()
	result := tryKubectl(t, namespace, args...)
	if result.code != 0 {
		t.Fatalf("kubectl %q ended with status %d\nstdout: %.2000s\nstderr: %.2000s", args, result.code, result.stdout, result.stderr)
	}
	return result
}

// tryKubectl runs kubectl in a namespace, whatever comes of it.
func tryKubectl(t *testing.T, namespace string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return runKubectl(t, kubectlCommand(ctx, namespace, args...))
}

func runKubectl(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running %q: %v", cmd.Args, err)
	}
	return outcome{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// kubectlCommand keeps the caller's environment away from kubectl, and its
// caches away from the caller's.
func kubectlCommand(ctx context.Context, namespace string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, shared.kubectl, append([]string{"--kubeconfig", shared.cp.Kubeconfig(), "--namespace", namespace}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(shared.dir, "home"), "TMPDIR=" + shared.dir}
	return cmd
}

// file writes a file for kubectl to read. The name's ending says what is in it.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
