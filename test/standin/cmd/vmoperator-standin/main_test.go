// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadyIsAnsweredOnceItIsTrue(t *testing.T) {
	ready := make(chan struct{})
	handler := health(ready)
	ask := func() int {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, readyPath, nil))
		return answer.Code
	}
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("before: got %d", code)
	}
	close(ready)
	if code := ask(); code != http.StatusOK {
		t.Errorf("after: got %d", code)
	}
}

func TestHealthEndsWithItsContextAndWithoutError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- serveHealth(ctx, "127.0.0.1:0", nil) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAWrongCommandLineSaysWhatToDo(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "absent")
	for kubeconfig, want := range map[string]string{"": "--kubeconfig", missing: missing} {
		err := run(t.Context(), flags{kubeconfig: kubeconfig})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: got %v, want an error that names %q", kubeconfig, err, want)
		}
	}
}
