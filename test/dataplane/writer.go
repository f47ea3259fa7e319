// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sort"
	"sync"
	"time"
)

const (
	// beat is how often the writer sends.
	beat = 50 * time.Millisecond
	// batch is how many samples it sends at most at a time.
	batch = 5000
	// writePatience bounds one request.
	writePatience = 5 * time.Second
)

// Writer writes one series of numbered samples, the same ones to every target,
// each again and again until the target has acknowledged it. The value of a
// sample is its number, from 0 on without a gap, and no two have the same time.
type Writer struct {
	series  string
	targets []string
	begun   time.Time
	rate    int64
	client  *http.Client

	cancel  context.CancelFunc
	sending sync.WaitGroup

	mu sync.Mutex
	// end is where writing ends, once it is known.
	end time.Time
	// acknowledged counts the samples that each target has.
	acknowledged []int
	// since is when each sample had been acknowledged by all targets.
	since   []time.Time
	retries int64
}

// NewWriter starts a writer of a series, such as `seq{writer="a"}`, at a rate of
// samples in a second, to the addresses of VMAgent's replicas.
func NewWriter(ctx context.Context, targets []string, series string, rate int) (*Writer, error) {
	if rate < 1 || rate > 1000 || len(targets) == 0 {
		return nil, fmt.Errorf("a writer of %d samples/s to %d targets: ask for 1 to 1000 and at least one target", rate, len(targets))
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Writer{
		series: series, targets: targets, rate: int64(rate), cancel: cancel,
		begun: time.UnixMilli(time.Now().UnixMilli()), acknowledged: make([]int, len(targets)),
		client: &http.Client{Transport: &http.Transport{}, Timeout: writePatience},
	}
	for i := range targets {
		w.sending.Go(func() { w.send(ctx, i) })
	}
	return w, nil
}

// send brings all samples to one target, in order, until the end.
func (w *Writer) send(ctx context.Context, target int) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		first, due, done := w.due(target, time.Now())
		if done {
			return
		}
		if due > first {
			if err := w.post(ctx, target, first, due); err == nil {
				w.acknowledge(target, due, time.Now())
				if due-first == batch {
					continue
				}
			} else {
				w.mu.Lock()
				w.retries++
				w.mu.Unlock()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// due returns the range of samples that a target is to get now, and whether it
// has got all there will be.
func (w *Writer) due(target int, now time.Time) (first, after int, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ended := !w.end.IsZero()
	if ended {
		now = w.end
	}
	first, after = w.acknowledged[target], w.before(now)
	return first, min(after, first+batch), ended && first >= after
}

// before returns how many samples are older than a time or as old.
func (w *Writer) before(t time.Time) int {
	elapsed := t.Sub(w.begun).Milliseconds()
	if elapsed < 0 {
		return 0
	}
	n := int(elapsed * w.rate / 1000)
	for w.at(n).Compare(t) <= 0 {
		n++
	}
	return n
}

// at is the time of a sample.
func (w *Writer) at(number int) time.Time {
	return w.begun.Add(time.Duration(int64(number)*1000/w.rate) * time.Millisecond)
}

func (w *Writer) post(ctx context.Context, target, first, after int) error {
	var body bytes.Buffer
	for n := first; n < after; n++ {
		fmt.Fprintf(&body, "%s %d %d\n", w.series, n, w.at(n).UnixMilli())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.targets[target]+"/api/v1/import/prometheus", &body)
	if err != nil {
		return err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s to a write", w.targets[target], response.Status)
	}
	return nil
}

func (w *Writer) acknowledge(target, after int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledged[target] = after
	all := after
	for _, n := range w.acknowledged {
		all = min(all, n)
	}
	for len(w.since) < all {
		w.since = append(w.since, now)
	}
}

// Written returns how many samples all targets have acknowledged.
func (w *Writer) Written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.since)
}

// Retries returns how many requests had to be sent again.
func (w *Writer) Retries() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.retries
}

// Series is what the writer writes.
func (w *Writer) Series() string { return w.series }

// expected returns how many samples a query over (from, to] must find, if it
// must find all that were acknowledged before some time.
func (w *Writer) expected(from, to, acknowledged time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	late := sort.Search(len(w.since), func(i int) bool { return w.since[i].After(acknowledged) })
	return max(0, min(w.before(to), late)-w.before(from))
}

// Stop ends the writing and returns when all targets have all samples, or with
// an error when the context ends before.
func (w *Writer) Stop(ctx context.Context) error {
	w.mu.Lock()
	if w.end.IsZero() {
		w.end = time.Now()
	}
	w.mu.Unlock()
	defer w.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.sending.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		w.cancel()
		<-done
		return fmt.Errorf("bringing the last samples to vmagent: %w", ctx.Err())
	}
}
