// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachClientMakesItsRequestsOneAfterTheOther(t *testing.T) {
	var busy [3]atomic.Bool
	round, err := Run(t.Context(), 3, Limits{Length: time.Hour, Each: 50}, func(_ context.Context, client, _ int) error {
		if !busy[client].CompareAndSwap(false, true) {
			return errors.New("two requests of one client at a time")
		}
		busy[client].Store(false)
		return nil
	})
	if err != nil || len(round.Latencies) != 150 {
		t.Errorf("%d requests were made, with the error %v; want 3 times 50", len(round.Latencies), err)
	}
}

func TestARequestThatFailsIsTold(t *testing.T) {
	_, err := Run(t.Context(), 2, Limits{Length: time.Hour, Each: 9}, func(_ context.Context, client, n int) error {
		if client == 1 && n == 4 {
			return errors.New("no answer")
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "client 1 of 2: request 4: no answer") {
		t.Errorf("the error is %v", err)
	}
}

func TestQuantilesAreByTheNearestRank(t *testing.T) {
	round := Round{Took: 2 * time.Second, Latencies: []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
	for share, want := range map[float64]time.Duration{0: 1, .5: 5, .51: 6, .99: 10, 1: 10} {
		if got := round.Quantile(share); got != want {
			t.Errorf("quantile %v is %d, want %d", share, got, want)
		}
	}
	if round.PerSecond() != 5 {
		t.Errorf("%v per second, want 5", round.PerSecond())
	}
}
