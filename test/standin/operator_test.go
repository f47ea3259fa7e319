// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

func TestWithoutTheOperatorsKindsItDoesNotStart(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		names  string
	}{
		"none are served": {func(w http.ResponseWriter) { http.Error(w, "not found", http.StatusNotFound) }, apiVersion},
		"one is missing": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"` + apiVersion + `","resources":[{"name":"vmclusters"},{"name":"vmagents"},{"name":"vmauths"}]}`))
		}, "vmusers"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
			defer server.Close()
			err := Run(context.Background(), &rest.Config{Host: server.URL}, Options{})
			if err == nil || !strings.Contains(err.Error(), c.names) || !strings.Contains(err.Error(), "install the operator's custom resource definitions") {
				t.Errorf("got %v, want an error that names %s and says what to do", err, c.names)
			}
		})
	}
}

func TestAnOperatorRunsOnce(t *testing.T) {
	operator, err := New(&rest.Config{Host: "http://127.0.0.1:1"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, second := operator.Run(context.Background()), operator.Run(context.Background())
	if first == nil || second == nil || !strings.Contains(second.Error(), "make another one with New") {
		t.Errorf("got %v, then %v", first, second)
	}
}
