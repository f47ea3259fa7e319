// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install tests the manifests of artifacts: kubectl builds them as users do, a
// real kube-apiserver is asked what it thinks of them, and the real server runs with the
// arguments and the rights that are in them.
package install

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

// patience ends a test that waits for what does not come.
const patience = 5 * time.Minute

var shared struct {
	// dir is thrown away in the end.
	dir string
	// builds are what users apply.
	builds []build
	// control is a cluster in which nothing of ours runs.
	control *controlplane.ControlPlane
}

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "install", Start: start})
}

func start(dir string, out io.Writer) (stop func() error, err error) {
	root, err := controlplane.FindRoot()
	if err != nil {
		return nil, err
	}
	shared.dir = dir
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	shared.control, err = controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(dir, "shared"), CRDs: controlplane.CRDsUsed, Out: out,
	})
	if err != nil {
		return nil, err
	}
	shared.builds, err = buildAll(ctx, filepath.Join(shared.control.BinDir(), "kubectl"), root, dir)
	if err != nil {
		return nil, errors.Join(err, shared.control.Stop())
	}
	return shared.control.Stop, nil
}

// outcome is what a run of kubectl left behind.
type outcome struct {
	stdout, stderr string
	err            error
}

// tryKubectl runs kubectl as an administrator, whatever comes of it.
func tryKubectl(t *testing.T, control *controlplane.ControlPlane, stdin []byte, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(control.BinDir(), "kubectl"), append([]string{"--kubeconfig", control.Kubeconfig()}, args...)...)
	// Neither the caller's settings nor their caches.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return outcome{stdout: stdout.String(), stderr: stderr.String(), err: err}
}

// kubectl runs kubectl, which has to succeed without a word of warning.
func kubectl(t *testing.T, control *controlplane.ControlPlane, stdin []byte, args ...string) string {
	t.Helper()
	result := tryKubectl(t, control, stdin, args...)
	if result.err != nil || result.stderr != "" {
		t.Fatalf("kubectl %q: %v\nstderr: %.4000s", args, result.err, result.stderr)
	}
	return result.stdout
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
