// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"slices"
	"testing"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

// heldHooks are the hooks of a server.
type heldHooks struct {
	start []genericapiserver.PostStartHookFunc
	end   []genericapiserver.PreShutdownHookFunc
}

func (h *heldHooks) AddPostStartHook(_ string, hook genericapiserver.PostStartHookFunc) error {
	h.start = append(h.start, hook)
	return nil
}

func (h *heldHooks) AddPreShutdownHook(_ string, hook genericapiserver.PreShutdownHookFunc) error {
	h.end = append(h.end, hook)
	return nil
}

// TestWorkersEndOneAfterTheOtherTheLastFirst, in the one hook that ends any: a server runs
// those in no order.
func TestWorkersEndOneAfterTheOtherTheLastFirst(t *testing.T) {
	for _, started := range []bool{true, false} {
		server, ended, running := &heldHooks{}, []string{}, 0
		var workers []Worker
		for _, name := range []string{"knows", "reads", "writes"} {
			workers = append(workers, Worker{Name: name, Run: func(ctx context.Context) error {
				<-ctx.Done()
				ended = append(ended, name) // nothing else ends at the same time
				return nil
			}})
		}
		if err := addWorkers(server, workers); err != nil {
			t.Fatal(err)
		}
		for _, hook := range server.start {
			if !started {
				break
			}
			running++
			if err := hook(genericapiserver.PostStartHookContext{Context: t.Context()}); err != nil {
				t.Fatal(err)
			}
		}
		if len(server.end) != 1 {
			t.Fatalf("%d hooks end workers", len(server.end))
		}
		if err := server.end[0](); err != nil {
			t.Fatal(err)
		}
		if want := []string{"writes", "reads", "knows"}[:running]; !slices.Equal(ended, want) {
			t.Errorf("of %d that ran ended %v, want %v", running, ended, want)
		}
	}
}
