// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"net/http"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/klog/v2/ktesting"
)

// TestAWatchThatItsClientEndsTellsNoError has the watch of the cluster do as that of
// client-go does at times: it tells of an error where it was ended in the middle of an
// event.
func TestAWatchThatItsClientEndsTellsNoError(t *testing.T) {
	logger, ctx := ktesting.NewTestContext(t)
	for range 100 { // which of two things that are there the watcher takes first is chance
		ctx, cancel := context.WithCancel(ctx)
		cluster := watch.NewFakeWithChanSize(1, false)
		w := &watcher{logger: logger, host: cluster, cancel: cancel, results: make(chan watch.Event, eventBuffer)}
		cancel()
		cluster.Error(&metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: "unable to decode: context canceled"})
		w.run(ctx)
		for event := range w.ResultChan() {
			t.Fatalf("the watcher was told %s: %v", event.Type, event.Object)
		}
	}
}
