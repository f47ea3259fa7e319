// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// answers has a client talk to a server that answers one request after the other by
// these, and all later ones by the last: what a real one can't be made to do in a row.
func answers(t *testing.T, script ...http.HandlerFunc) *Client {
	t.Helper()
	next := make(chan http.HandlerFunc, len(script))
	for _, answer := range script {
		next <- answer
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := script[len(script)-1]
		select {
		case answer = <-next:
		default:
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	objects, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	version := v1alpha1.SchemeGroupVersion
	return &Client{objects: objects.Resource(version.WithResource(resource)).Namespace("monitoring"), namespace: "monitoring", version: version}
}

func failing(code int32, reason metav1.StatusReason) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(code))
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
			Code: code, Reason: reason, Message: `User "bob" cannot watch resource "vmdistributedclusters"`,
		})
	}
}

// serving answers a list, and a watch that ends as soon as it has begun.
func serving(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	object := map[string]any{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster",
		"metadata": map[string]any{"namespace": "monitoring", "name": "metrics", "uid": "1", "resourceVersion": "5"},
	}
	switch {
	case r.URL.Query().Get("watch") == "":
		_ = json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedClusterList",
			"metadata": map[string]any{"resourceVersion": "5"}, "items": []any{object},
		})
	case r.URL.Query().Get("sendInitialEvents") == "true":
		failing(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)(w, r)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": object})
	}
}

func TestFollowingEndsWhereARightIsMissing(t *testing.T) {
	t.Parallel()
	forbidden, away := failing(http.StatusForbidden, metav1.StatusReasonForbidden), failing(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)
	for name, script := range map[string][]http.HandlerFunc{
		"from the beginning":           {forbidden},
		"once the server is there":     {away, forbidden},
		"after it was there, for long": {serving, serving, serving, forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := answers(t, script...).Follow(t.Context(), "metrics", func(*v1alpha1.VMDistributedCluster) (bool, error) { return false, nil })
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "monitoring/metrics takes the rights to list and watch vmdistributedclusters.operator.victoriametrics.com: ") {
				t.Errorf("it ended with: %v", err)
			}
		})
	}
}

func TestFollowingGoesOnAfterWhatPasses(t *testing.T) {
	t.Parallel()
	forbidden, away := failing(http.StatusForbidden, metav1.StatusReasonForbidden), failing(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable)
	seen := 0
	enough := errors.New("seen often enough")
	err := answers(t, away, serving, serving, serving, forbidden, away, serving).Follow(t.Context(), "metrics", func(*v1alpha1.VMDistributedCluster) (bool, error) {
		if seen++; seen == 5 {
			return true, enough
		}
		return false, nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("it ended with %v after %d states", err, seen)
	}
}

// TestFollowingBearsAsManyTriesAsItSays: each is refused twice, as a watch that lists and
// as a list.
func TestFollowingBearsAsManyTriesAsItSays(t *testing.T) {
	t.Parallel()
	refused := failing(http.StatusForbidden, metav1.StatusReasonForbidden)
	script := []http.HandlerFunc{serving, serving, serving} // a watch that lists, a list, a watch
	for range refusalsInARow {
		script = append(script, refused, refused)
	}
	seen, enough := 0, errors.New("seen often enough")
	err := answers(t, append(script, serving)...).Follow(t.Context(), "metrics", func(*v1alpha1.VMDistributedCluster) (bool, error) {
		if seen++; seen == 4 {
			return true, enough
		}
		return false, nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("it ended with %v after %d states", err, seen)
	}
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	err := answers(t, serving).Follow(ctx, "metrics", func(*v1alpha1.VMDistributedCluster) (bool, error) {
		stop()
		return false, nil
	})
	if err == nil || apierrors.IsForbidden(err) {
		t.Errorf("it ended with: %v", err)
	}
}

// TestARequestThatEndsWithTheWaitIsNotLogged by client-go, which would tell of it beside
// the sentence that the user gets: whether it does is a race.
func TestARequestThatEndsWithTheWaitIsNotLogged(t *testing.T) {
	t.Parallel()
	forbidden := failing(http.StatusForbidden, metav1.StatusReasonForbidden)
	for name, answer := range map[string]http.HandlerFunc{"refused": forbidden, "cut off": serving} {
		for what, ask := range map[string]func(context.Context, *source) error{
			"list":  func(ctx context.Context, s *source) error { _, err := s.list(ctx, metav1.ListOptions{}); return err },
			"watch": func(ctx context.Context, s *source) error { _, err := s.watch(ctx, metav1.ListOptions{}); return err },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			s := &source{objects: answers(t, answer), end: func(error) { cancel() }}
			if name == "cut off" {
				cancel()
			}
			// As cache.DefaultWatchErrorHandler has it.
			if err := ask(ctx, s); !apierrors.IsResourceExpired(err) && err != io.EOF { //nolint:errorlint // it compares so
				t.Errorf("%s, %s: %v is logged", what, name, err)
			}
			cancel()
		}
	}
}
