// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const kubeconfig = `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c}}],
  clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]}`

func TestAWrongCommandLineSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "absent")
	for name, c := range map[string]struct {
		want  string
		flags flags
	}{
		"no kubeconfig":     {"--kubeconfig", flags{}},
		"absent kubeconfig": {missing, flags{kubeconfig: missing}},
		"unusable address":  {"listen", flags{kubeconfig: present(t, dir), address: "nowhere"}},
	} {
		err := run(t.Context(), c.flags)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error that names %q", name, err, c.want)
		}
	}
}

func TestItEndsWhenAskedBeforeItHasBegun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	file := present(t, t.TempDir())
	ended := make(chan error)
	go func() { ended <- run(ctx, flags{kubeconfig: file}) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func present(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "present")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
