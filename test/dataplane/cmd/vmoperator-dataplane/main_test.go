// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
)

const kubeconfig = `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c}}],
  clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]}`

func TestAWrongCommandLineSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	missing, present := filepath.Join(dir, "absent"), filepath.Join(dir, "present")
	if err := os.WriteFile(present, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		flags      flags
	}{
		{"no kubeconfig", "--kubeconfig", flags{}},
		{"absent kubeconfig", missing, flags{kubeconfig: missing}},
		{"nowhere to write", "where to write", flags{kubeconfig: present}},
		{"no programs", "hack/build-tools.sh", flags{kubeconfig: present, options: dataplane.Options{Dir: dir, BinDir: dir}}},
	} {
		err := run(t.Context(), c.flags)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error that names %q", c.name, err, c.want)
		}
	}
}

func TestHealthEndsWithItsContextAndWithoutError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- serveHealth(ctx, "127.0.0.1:0") }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
